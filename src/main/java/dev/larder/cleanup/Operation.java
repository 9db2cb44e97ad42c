package dev.larder.cleanup;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.time.Instant;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * One run of one type of clean-up, as the API shows it.
 *
 * @param status {@code running}, {@code completed} or {@code failed}
 * @param requestedBy the user; null where it began on schedule
 * @param errorCode why it failed: {@code abandoned}, {@code interrupted}, {@code canceled} or {@code batches_failed};
 *     null otherwise
 */
@Schema(name = "CleanupOperation")
record Operation(
        UUID id,
        String type,

        @Schema(enumeration = {"running", "completed", "failed"})
        String status,

        @Nullable UUID requestedBy,
        @JsonUnwrapped Times times,
        @JsonUnwrapped Counts counts,
        @Nullable String errorCode) {

    /** @param heartbeatAt when its last batch was committed */
    record Times(
            Instant startedAt,
            Instant heartbeatAt,
            @Nullable Instant endedAt) {}

    /**
     * What its batches have done and committed so far.
     *
     * @param examined rows that were looked at
     * @param deleted rows that were removed
     * @param bytes their size
     * @param objects objects that were removed from an object store
     */
    record Counts(long examined, long deleted, long bytes, long objects) {}
}
