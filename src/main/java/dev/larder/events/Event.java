package dev.larder.events;

import io.vertx.core.json.JsonObject;
import java.time.Instant;

/**
 * Something that happened to the subject of a partition.
 *
 * @param seq 1 for the partition's first event, one more for each that follows
 * @param type such as {@code workspace.claimed}
 * @param data no secret, nothing of a state's content, at most 1,000 bytes
 */
public record Event(Partition partition, long seq, String type, Instant at, JsonObject data) {

    /** Names the event in the whole deployment: {@code workspace:<id>/17}. */
    String id() {
        return partition + "/" + seq;
    }
}
