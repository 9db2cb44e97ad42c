package dev.larder.catalog;

import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A preset as it is shown.
 *
 * @param active its version is the template's active one, and the template is neither deleted nor deprecated
 * @param instances null for a preset without prebuilds
 * @param claimOrder which of several ready prebuilds is handed out first; null for a preset without prebuilds
 * @param maxUses how many in turn may have one workspace; null for a preset without prebuilds
 * @param maxJobs how many jobs of its stock may be in flight at once; null: no limit
 * @param maxDeletes how many deletes among them; null: no limit
 * @param timezone null is UTC
 */
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
        String status,
        @Nullable String statusReason,
        @Nullable Instant lastInvalidatedAt,
        @Nullable PauseView pause) {

    /** @param value null where it is sensitive: it is never shown */
    public record Value(String name, @Nullable String value, boolean sensitive) {}

    public record ScheduleView(String cron, int instances) {}
}
