package dev.larder.claim;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.larder.claim.Claim.Failure;
import dev.larder.claim.Claim.Workspace;
import dev.larder.model.CreationStatus.Reason;
import dev.larder.model.JobStatus;
import dev.larder.model.StateSummary;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * A claim as the API shows it.
 *
 * @param path {@code warm} from stock, {@code waited} for it, {@code cold} built for this claim
 * @param status {@code active}; {@code waiting}, also while what was found for it is verified; or why it
 *     ended: {@code released}, {@code expired}, {@code deleted}, {@code canceled}, {@code timed_out},
 *     {@code preset_not_active}, {@code failed}
 * @param waiting where it stands, while it waits
 * @param step the build that prepares the workspace for its claimer, where its version has one
 * @param workspace null while the claim waits, and once another user may have it
 */
@Schema(name = "Claim")
record ClaimView(
        UUID id,
        @Schema(enumeration = {"warm", "waited", "cold"}) String path,

        @Schema(
                enumeration = {
                    "active",
                    "waiting",
                    "released",
                    "expired",
                    "deleted",
                    "canceled",
                    "timed_out",
                    "preset_not_active",
                    "failed"
                })
        String status,

        @JsonUnwrapped Course course,
        @Nullable WaitingView waiting,
        @Nullable StepView step,
        @Nullable WorkspaceView workspace,
        Map<String, String> labels) {

    static final List<String> STATUSES = List.of(
            "active",
            "waiting",
            "released",
            "expired",
            "deleted",
            "canceled",
            "timed_out",
            "preset_not_active",
            "failed");

    /** How claims of exactly one workspace ended before a claim could end as failed. */
    static final String BEFORE_FAILED = "verify_failed";

    /**
     * The claim from its request to its end.
     *
     * @param expiresAt when it ends unless it is renewed; null where it is kept until it is given back
     * @param code why it ended, stable, for programs: for a failed one the code of the build that failed or was
     *     canceled ({@code build_canceled}), or {@code verification_failed}; null while it goes on, and where
     *     its holder ended it
     * @param reason the same for people
     * @param unfit how many workspaces it was given that failed their verification
     * @param generation tells this holding of the workspace from an earlier one: it grows with every owner
     */
    record Course(
            Instant createdAt,
            @Nullable Instant grantedAt,
            @Nullable Instant expiresAt,
            @Nullable Instant endedAt,
            @Nullable String code,
            @Nullable String reason,
            int unfit,
            @Nullable Integer generation) {}

    /**
     * @param position as how many-th it will be served, from 1; 0 while what was found for it is verified
     * @param etaSeconds when that may be, from the pool's own builds and backoff; null where nothing will
     *     be built for it as things stand
     * @param creationStopped why no prebuilds are created; empty while they are
     */
    record WaitingView(long position, @Nullable Long etaSeconds, Instant until, List<StopView> creationStopped) {}

    /**
     * @param why {@code backoff}, {@code hard_limited}, {@code validation_failed}, {@code paused},
     *     {@code none_wanted}, {@code no_prebuilds}, or another kind of hold of the preset's plan
     * @param until when it ends by itself; null where it does not
     */
    record StopView(String why, @Nullable Instant until, String detail) {

        static StopView of(Reason stop) {
            return new StopView(stop.why(), stop.until(), stop.detail());
        }
    }

    /**
     * @param status {@code pending}, {@code running}, {@code succeeded}, {@code canceling},
     *     {@code canceled}, {@code failed}
     * @param errorCode stable; only where it failed
     */
    record StepView(
            @Schema(implementation = JobStatus.class) String status,
            @Nullable String errorCode,
            @Nullable String error) {}

    /** @param status as everywhere: {@link BuildProgress#word} */
    record WorkspaceView(
            UUID id,
            String name,
            @JsonUnwrapped Origin origin,
            int version,
            String status,
            Instant createdAt,
            @Nullable Instant readyAt,
            @JsonUnwrapped Contents contents) {}

    /**
     * What is in a workspace, and how far that is known.
     *
     * @param outputs what is needed to use it; only shown to the claimer, empty until it is ready
     * @param state null where no build has ended yet
     */
    record Contents(Map<String, String> outputs, @Nullable StateSummary state) {}

    /** @param preset null where the preset is gone */
    record Origin(
            String organization, String template, @Nullable String preset) {}

    static ClaimView of(Claim claim, Map<String, String> outputs) {
        return of(claim, outputs, Optional.empty());
    }

    static ClaimView of(Claim claim, Map<String, String> outputs, Optional<WaitingView> waiting) {
        return new ClaimView(
                claim.id(),
                claim.path(),
                status(claim),
                course(claim),
                waiting.orElse(null),
                claim.step()
                        .map(step -> new StepView(step.status(), step.errorCode(), step.error()))
                        .orElse(null),
                claim.workspace()
                        .filter(workspace -> !claim.waits())
                        .map(workspace -> of(workspace, outputs))
                        .orElse(null),
                claim.request().labels());
    }

    private static Course course(Claim claim) {
        Optional<Failure> end = end(claim);
        return new Course(
                claim.createdAt(),
                claim.waits() ? null : claim.grantedAt().orElse(null),
                claim.waits() ? null : claim.expiresAt().orElse(null),
                claim.endedAt().orElse(null),
                end.map(Failure::code).orElse(null),
                end.map(Failure::detail).orElse(null),
                claim.unfit(),
                claim.waits() ? null : claim.generation());
    }

    private static String status(Claim claim) {
        String ended = claim.endedReason().orElse("active");
        return claim.waits() ? "waiting" : ended.equals(BEFORE_FAILED) ? "failed" : ended;
    }

    /** Why it ended, unless its holder wanted it. */
    static Optional<Failure> end(Claim claim) {
        return switch (claim.endedReason().orElse("")) {
            case "failed", "timed_out", "preset_not_active" -> claim.failure();
            case BEFORE_FAILED ->
                Optional.of(new Failure("verification_failed", "The workspace failed its verification."));
            case "expired" -> Optional.of(new Failure("expired", "The time that it was given for was over."));
            case "deleted" -> Optional.of(new Failure("workspace_deleted", "Its workspace was deleted."));
            default -> Optional.empty();
        };
    }

    private static WorkspaceView of(Workspace workspace, Map<String, String> outputs) {
        return new WorkspaceView(
                workspace.id(),
                workspace.name(),
                new Origin(
                        workspace.names().organization(),
                        workspace.names().template(),
                        workspace.names().preset()),
                workspace.version(),
                workspace.build().word(),
                workspace.createdAt(),
                workspace.readyAt().orElse(null),
                new Contents(outputs, workspace.state()));
    }
}
