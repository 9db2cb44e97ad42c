package dev.larder.history;

import java.util.UUID;

/**
 * One request of one client and its response. Instants are nanoseconds since the recording began, all of one clock.
 *
 * @param user who called
 * @param sent before the first byte was sent
 * @param received after the last byte was read, or when the client gave up
 */
public record Operation(int client, UUID user, Request request, Response response, long sent, long received) {}
