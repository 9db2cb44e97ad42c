package dev.larder.cli.client;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Reads a stream of server-sent events, line by line. Not for several threads. */
final class EventLines {

    /**
     * One event.
     *
     * @param id of the last event that had one, this one included; what a client that was cut off sends as
     *     {@code Last-Event-ID}
     * @param name {@code message} where the server gave none
     */
    record Event(@Nullable String id, String name, String data) {}

    private final StringBuilder data = new StringBuilder();
    private String name = "";
    private @Nullable String lastId;

    /** @param lastId of the last event that an earlier stream gave */
    EventLines(@Nullable String lastId) {
        this.lastId = lastId;
    }

    /** Takes a line without its end. Returns the event that an empty line completes. */
    Optional<Event> line(String line) {
        if (line.isEmpty()) {
            return complete();
        }
        int colon = line.indexOf(':');
        String field = colon < 0 ? line : line.substring(0, colon);
        String value = colon < 0 ? "" : line.substring(colon + 1);
        if (value.startsWith(" ")) {
            value = value.substring(1);
        }
        switch (field) {
            case "data" -> data.append(value).append('\n');
            case "event" -> name = value;
            case "id" -> lastId = value;
            default -> {
                // A comment, or a field that clients ignore.
            }
        }
        return Optional.empty();
    }

    /** An event without data is dropped, as the standard says. */
    private Optional<Event> complete() {
        Optional<Event> event = data.isEmpty()
                ? Optional.empty()
                : Optional.of(
                        new Event(lastId, name.isEmpty() ? "message" : name, data.substring(0, data.length() - 1)));
        data.setLength(0);
        name = "";
        return event;
    }
}
