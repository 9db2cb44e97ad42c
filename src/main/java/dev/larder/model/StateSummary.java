package dev.larder.model;

import java.time.Instant;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * How far what is known of a workspace's infrastructure can be trusted, as the API shows it.
 *
 * @param status as in {@link StateStatus}; {@code in_flight} while a job changes it
 * @param reason why it cannot be trusted, stable, for programs; null where it can
 * @param since when it became so
 */
@Schema(name = "StateSummary")
public record StateSummary(
        @Schema(implementation = StateStatus.class) String status,
        @Nullable String reason,
        Instant since) {}
