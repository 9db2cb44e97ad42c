package dev.larder.catalog;

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
 * @param instances null for a preset without prebuilds
 * @param claimOrder which ready prebuild is handed out first; null for a preset without prebuilds
 * @param maxUses how many claims in turn may have one workspace; null for a preset without prebuilds
 * @param maxJobs how many jobs of its stock may be in flight at once; null: no limit
 * @param maxDeletes how many deletes among them; null: no limit
 * @param timezone null is UTC
 */
@Schema(name = "Preset")
public record PresetView(
        UUID id,
        String name,
        UUID organizationId,
        String organization,
        UUID templateId,
        String template,
        UUID versionId,
        int version,
        boolean active,
        List<Value> parameters,
        @Nullable Integer instances,
        @Nullable Long ttlSeconds,
        @Nullable String timezone,
        @Nullable String claimOrder,
        @Nullable Integer maxUses,
        @Nullable Integer maxJobs,
        @Nullable Integer maxDeletes,
        List<ScheduleView> schedules,
        @Schema(implementation = PresetStatus.class) String status,
        @Nullable String statusReason,
        @Nullable Instant lastInvalidatedAt,
        @Nullable PauseView pause) {

    /** @param value null where it is sensitive: it is never shown */
    @Schema(name = "PresetValue")
    public record Value(String name, @Nullable String value, boolean sensitive) {}

    public record ScheduleView(String cron, int instances) {}
}
