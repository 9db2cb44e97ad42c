package dev.larder.state;

import java.time.Instant;
import java.util.OptionalLong;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What is known of a state, as one statement read it.
 *
 * @param workspace null: it has a name instead
 * @param head its current version
 * @param trust how far it can be trusted
 */
record Snapshot(UUID state, UUID organization, @Nullable UUID workspace, Head head, Trust trust) {

    /**
     * The current version of a state, as its row has it.
     *
     * @param version 0: nothing was ever written
     * @param reliableVersion the last version that a mutation ended well with; 0: none
     * @param fence of the latest mutation
     */
    record Head(
            long version,
            long reliableVersion,
            long fence,
            OptionalLong serial,
            @Nullable String lineage) {}

    /**
     * How far a state can be trusted.
     *
     * @param status new, reliable, in_flight, unreliable, corrupt or tombstoned
     * @param reason why it is unreliable or corrupt; null otherwise
     */
    record Trust(String status, @Nullable String reason, Instant since) {}

    long version() {
        return head.version();
    }

    long reliableVersion() {
        return head.reliableVersion();
    }

    long fence() {
        return head.fence();
    }

    OptionalLong serial() {
        return head.serial();
    }

    @Nullable
    String lineage() {
        return head.lineage();
    }

    String status() {
        return trust.status();
    }

    @Nullable
    String reason() {
        return trust.reason();
    }

    Instant since() {
        return trust.since();
    }
}
