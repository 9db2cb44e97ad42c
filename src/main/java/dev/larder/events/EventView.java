package dev.larder.events;

import java.time.Instant;
import java.util.Map;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/**
 * An event as the API shows it.
 *
 * @param id {@code partition/seq}: what {@code Last-Event-ID} takes
 */
@Schema(name = "Event")
record EventView(String id, String partition, long seq, String type, Instant at, Map<String, Object> data) {

    static EventView of(Event event) {
        return new EventView(
                event.id(),
                event.partition().toString(),
                event.seq(),
                event.type(),
                event.at(),
                event.data().getMap());
    }
}
