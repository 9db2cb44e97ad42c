package dev.larder.catalog;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.larder.model.PresetStatus;
import dev.larder.model.RolloutPolicy;
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
        @JsonUnwrapped Invalidated invalidated,
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
            @JsonUnwrapped Renewal renewal,
            @JsonUnwrapped OnDrift drift,
            List<ScheduleView> schedules) {}

    /**
     * When its stock was invalidated last; null: never.
     *
     * @param lastInvalidatedAt prebuilds created before it are no longer handed out
     * @param staleFrom prebuilds created before it are handed out until they are replaced
     */
    public record Invalidated(
            @Nullable Instant lastInvalidatedAt, @Nullable Instant staleFrom) {}

    /**
     * How its stock is built and replaced.
     *
     * @param maxJobs how many jobs of its stock may be in flight at once; null: no limit
     * @param maxDeletes how many deletes among them; null: no limit
     * @param rollout null without prebuilds
     */
    public record Renewal(
            @Nullable Integer maxJobs,
            @Nullable Integer maxDeletes,
            @Nullable RolloutView rollout) {}

    /**
     * How prebuilds are replaced, defaults included.
     *
     * @param maxSurge a number, or a percentage such as {@code 25%}
     * @param maxUnavailable likewise
     * @param canary null where a new version is not tried before it is served
     * @param expiryJitter a percentage of the ttl
     */
    @Schema(name = "PresetRollout")
    public record RolloutView(
            @Schema(enumeration = {"rolling", "replace"}) String strategy,

            String maxSurge,
            String maxUnavailable,
            @Nullable CanaryView canary,
            @Schema(enumeration = {"hold", "rollback"}) String onFailure,

            boolean serveOld,
            String expiryJitter,
            long deadlineSeconds) {

        static RolloutView of(RolloutPolicy policy) {
            return new RolloutView(
                    policy.strategy().word(),
                    policy.bounds().surge().toString(),
                    policy.bounds().unavailable().toString(),
                    policy.canary().map(CanaryView::of).orElse(null),
                    policy.onFailure().word(),
                    policy.serveOld(),
                    policy.jitterPercent() + "%",
                    policy.deadline().toSeconds());
        }
    }

    /** How a new version is tried before it is served. */
    @Schema(name = "PresetCanary")
    public record CanaryView(int instances, boolean verify, boolean trialClaim, long deadlineSeconds) {

        static CanaryView of(RolloutPolicy.Canary canary) {
            return new CanaryView(
                    canary.instances(),
                    canary.verify(),
                    canary.trialClaim(),
                    canary.deadline().toSeconds());
        }
    }

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
