package dev.larder.drift;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.larder.model.Findings;
import dev.larder.model.JobStatus;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/** Checks, results and changesets, as the API shows them. */
final class DriftViews {

    private DriftViews() {}

    record Times(
            Instant createdAt,
            @Nullable Instant startedAt,
            @Nullable Instant completedAt) {}

    /**
     * A check on request.
     *
     * @param id of its job too, which has the log
     * @param kind {@code drift_check} or {@code refresh}
     * @param resultId what it has found; null until it has succeeded
     */
    @Schema(name = "DriftCheck")
    record CheckView(
            UUID id,
            UUID workspaceId,
            String kind,
            @Schema(implementation = JobStatus.class) String status,
            @JsonUnwrapped Times times,
            @Nullable String errorCode,
            @Nullable String error,
            @Nullable UUID resultId) {}

    /** @param claimed whether a user had the workspace */
    record Compared(
            UUID workspaceId,
            @Nullable UUID presetId,
            @Nullable UUID jobId,
            @Nullable UUID changesetId,
            String scope,
            long stateVersion,
            boolean claimed) {}

    /**
     * @param recommended {@code none}, {@code refresh}, {@code replace} or {@code manual}
     * @param action what Larder did by itself: {@code replace}, {@code refresh} or {@code ignore}; null: nothing
     */
    record Advice(
            String recommended,
            @Nullable String action,
            @Nullable Instant actionAt) {}

    /**
     * What was found.
     *
     * @param kind {@code drift}, {@code state_refresh}, or {@code interrupted}: what a lost job may have left
     * @param hasDrift null where nothing was compared
     * @param reason of an interruption; null otherwise
     * @param resources those that differ
     */
    @Schema(name = "ReconciliationResult")
    record ResultView(
            UUID id,
            String kind,
            @JsonUnwrapped Compared compared,
            @Nullable Boolean hasDrift,
            @Nullable String reason,
            @JsonUnwrapped Advice advice,
            Instant createdAt,
            List<ResourceView> resources) {}

    /**
     * A resource that differs from the state.
     *
     * @param status {@code changed}, {@code missing}, or {@code accepted} by a refresh
     * @param paths of the attributes that differ
     */
    @Schema(name = "ResourceDrift")
    record ResourceView(String address, String type, String action, String status, List<String> paths) {}

    /**
     * A staged plan.
     *
     * @param status {@code staging}, {@code staged}, {@code drift_detected} or {@code failed}; from the call that
     *     applies it {@code applying}, {@code applied} or {@code apply_failed}
     * @param baseVersion of the state that it was planned on
     */
    @Schema(name = "Changeset")
    record ChangesetView(
            UUID id,
            UUID workspaceId,
            UUID jobId,
            String status,
            long baseVersion,
            @JsonUnwrapped Staged staged,
            @JsonUnwrapped Applied applied,
            @JsonUnwrapped Planned planned) {}

    /**
     * Both are empty until it is staged.
     *
     * @param changes what an apply would change, with the paths that force a replacement
     * @param drift what something else has changed
     */
    record Planned(List<Findings.Change> changes, List<Findings.Change> drift) {}

    /** @param errorCode of the job that failed last: the one that plans, or the one that applies */
    record Staged(
            Instant createdAt,
            @Nullable Instant stagedAt,
            @Nullable String errorCode,
            @Nullable String error) {}

    /** @param applyJobId the job that applies it, which has the log; null until it is asked for */
    record Applied(@Nullable UUID applyJobId, @Nullable Instant appliedAt) {}
}
