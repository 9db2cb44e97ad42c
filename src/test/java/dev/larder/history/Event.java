package dev.larder.history;

import java.util.UUID;

/**
 * One call of one client and what came back. Instants are nanoseconds since the recording began, both of one clock.
 *
 * @param user who called
 * @param called before the first byte was sent
 * @param answered after the last byte was read, or when the client gave up
 */
public record Event(int client, UUID user, Call call, Answer answer, long called, long answered) {}
