package dev.larder.objects;

import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.UUID;

/**
 * What a store knows of something that can be claimed.
 *
 * @param version 1 at its creation, and one more with every claim
 * @param creator which creation made it
 * @param claimer which claim made this version; the creator at version 1
 * @param at when that was, by the claimer's clock
 */
public record Instance(String id, String name, long version, String status, UUID creator, UUID claimer, Instant at) {

    static Instance created(String id, String name, String status, UUID creator, Instant at) {
        return new Instance(id, name, 1, status, creator, creator, at);
    }

    Instance claimed(String next, UUID claim, Instant now) {
        return new Instance(id, name, version + 1, next, creator, claim, now);
    }

    byte[] bytes() {
        return new JsonObject()
                .put("id", id)
                .put("name", name)
                .put("version", version)
                .put("status", status)
                .put("creator", creator.toString())
                .put("claimer", claimer.toString())
                .put("at", at.toString())
                .toString()
                .getBytes(StandardCharsets.UTF_8);
    }

    static Instance of(byte[] bytes) {
        JsonObject json = new JsonObject(new String(bytes, StandardCharsets.UTF_8));
        return new Instance(
                json.getString("id"),
                json.getString("name"),
                json.getLong("version"),
                json.getString("status"),
                UUID.fromString(json.getString("creator")),
                UUID.fromString(json.getString("claimer")),
                Instant.parse(json.getString("at")));
    }
}
