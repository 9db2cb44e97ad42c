package dev.larder.catalog;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.larder.model.PresetStatus;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * A preset as it was declared. The record is the JSON; {@link CatalogReads} alone makes one.
 *
 * @param active its version is the template's active one, and the template is neither deleted nor deprecated
 */
@Schema(name = "Preset")
public record PresetView(
        @JsonUnwrapped Identity identity,
        boolean active,
        List<Value> parameters,
        @JsonUnwrapped Pool pool,
        @Schema(implementation = PresetStatus.class) String status,
        @Nullable String statusReason,
        @Nullable Instant lastInvalidatedAt,
        @Nullable PauseView pause) {

    /** @param version the version's number */
    public record Identity(
            UUID id,
            String name,
            UUID organizationId,
            String organization,
            UUID templateId,
            String template,
            UUID versionId,
            int version) {}

    /**
     * The declared prebuilds. Without any, {@code instances}, {@code claimOrder} and {@code maxUses} are null.
     *
     * @param timezone null is UTC
     * @param claimOrder which ready prebuild is handed out first
     * @param maxUses how many claims in turn may have one workspace
     */
    public record Pool(
            @Nullable Integer instances,
            @Nullable Long ttlSeconds,
            @Nullable String timezone,
            @Nullable String claimOrder,
            @Nullable Integer maxUses,
            @JsonUnwrapped Limits limits,
            @JsonUnwrapped OnDrift drift,
            List<ScheduleView> schedules) {}

    /**
     * @param maxJobs how many jobs of its stock may be in flight at once; null: no limit
     * @param maxDeletes how many deletes among them; null: no limit
     */
    public record Limits(
            @Nullable Integer maxJobs, @Nullable Integer maxDeletes) {}

    /**
     * @param onDrift what happens to a drifted prebuild; null for a backend without a state
     * @param driftIntervalSeconds between two checks; 0: none by schedule; null: as the deployment says
     */
    public record OnDrift(
            @Nullable String onDrift, @Nullable Integer driftIntervalSeconds) {}

    /** @param value null where it is sensitive: it is never shown */
    @Schema(name = "PresetValue")
    public record Value(String name, @Nullable String value, boolean sensitive) {}

    public record ScheduleView(String cron, int instances) {}
}
