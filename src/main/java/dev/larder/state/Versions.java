package dev.larder.state;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.util.Map;
import java.util.OptionalLong;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What is shown of versions and rejects, without their bodies. */
final class Versions {

    private Versions() {}

    /**
     * What is known of a body without opening it.
     *
     * @param size bytes, as uploaded
     */
    record Content(OptionalLong serial, @Nullable String lineage, long size, String digestHex, String contentType) {}

    /**
     * An accepted body.
     *
     * @param kind final, intermediate, restore or acknowledged
     * @param managed how many managed resources it lists; empty: it cannot be told
     * @param tool the version of the tool that wrote it, as the body says
     */
    record Version(
            long version,
            String kind,
            Content content,
            OptionalLong managed,
            boolean clientEncrypted,
            @Nullable UUID mutation,
            @Nullable String tool,
            Instant createdAt) {}

    /**
     * A body that was not accepted.
     *
     * @param reason the code with which it was rejected
     * @param baseVersion the current version at that time
     */
    record Reject(
            UUID id,
            String reason,
            Content content,
            long baseVersion,
            @Nullable UUID mutation,
            @Nullable UUID user,
            Instant createdAt) {}

    /**
     * The outputs of the current version.
     *
     * @param version 0: nothing was ever written
     * @param readable false where the client encrypted the body, or it has an unknown format; the map is empty then
     */
    record Outputs(long version, boolean readable, Map<String, Output> outputs) {}

    /** One output; a sensitive one is only for the owner of the claim. */
    record Output(JsonNode value, boolean sensitive) {}
}
