package dev.larder.claim;

import dev.larder.store.ClaimReads.Claim;
import dev.larder.store.ClaimReads.Workspace;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A claim as the API shows it.
 *
 * @param path {@code warm} from stock, {@code waited} for it, {@code cold} built for this claim
 * @param status {@code active}; {@code waiting}, also while what was found for it is verified; or why it ended: {@code
 *     released}, {@code expired}, {@code deleted}, {@code canceled}, {@code timed_out}, {@code preset_not_active}, {@code
 *     verify_failed}
 * @param expiresAt when it ends unless it is renewed; null where it is kept until it is given back
 * @param generation tells this holding of the workspace from an earlier one: it grows with every owner
 * @param waiting where it stands, while it waits
 * @param step the build that prepares the workspace for its claimer, where its version has one
 * @param workspace null while the claim waits, and once somebody else may have it
 */
record ClaimView(
        UUID id,
        String path,
        String status,
        Instant createdAt,
        @Nullable Instant grantedAt,
        @Nullable Instant expiresAt,
        @Nullable Instant endedAt,
        @Nullable Integer generation,
        @Nullable WaitingView waiting,
        @Nullable StepView step,
        @Nullable WorkspaceView workspace) {

    /**
     * @param position as how many-th it will be served, from 1; 0 while what was found for it is verified
     * @param etaSeconds when that may be, from the pool's own builds
     */
    record WaitingView(long position, long etaSeconds, Instant until) {}

    /**
     * @param status {@code pending}, {@code running}, {@code succeeded}, {@code canceling}, {@code canceled}, {@code failed}
     * @param errorCode stable; only where it failed
     */
    record StepView(
            String status,
            @Nullable String errorCode,
            @Nullable String error) {}

    /**
     * @param status {@code ready}, or the transition and status of its latest build
     * @param outputs what is needed to use it; only shown to the claimer, empty until it is ready
     */
    record WorkspaceView(
            UUID id,
            String name,
            String organization,
            String template,
            @Nullable String preset,
            int version,
            String status,
            Instant createdAt,
            @Nullable Instant readyAt,
            Map<String, String> outputs) {}

    static ClaimView of(Claim claim, Map<String, String> outputs) {
        return of(claim, outputs, Optional.empty());
    }

    static ClaimView of(Claim claim, Map<String, String> outputs, Optional<WaitingView> waiting) {
        return new ClaimView(
                claim.id(),
                claim.path(),
                claim.waits() ? "waiting" : claim.endedReason().orElse("active"),
                claim.createdAt(),
                claim.waits() ? null : claim.grantedAt().orElse(null),
                claim.waits() ? null : claim.expiresAt().orElse(null),
                claim.endedAt().orElse(null),
                claim.waits() ? null : claim.generation(),
                waiting.orElse(null),
                claim.step()
                        .map(step -> new StepView(step.status(), step.errorCode(), step.error()))
                        .orElse(null),
                claim.workspace()
                        .filter(workspace -> !claim.waits())
                        .map(workspace -> of(workspace, outputs))
                        .orElse(null));
    }

    private static WorkspaceView of(Workspace workspace, Map<String, String> outputs) {
        return new WorkspaceView(
                workspace.id(),
                workspace.name(),
                workspace.organization(),
                workspace.template(),
                workspace.preset(),
                workspace.version(),
                status(workspace),
                workspace.createdAt(),
                workspace.readyAt().orElse(null),
                outputs);
    }

    private static String status(Workspace workspace) {
        if (workspace.deletedAt().isPresent()) {
            return "deleted";
        }
        if (workspace.readyAt().isEmpty() || !workspace.buildStatus().equals("succeeded")) {
            return workspace.transition() + "_" + workspace.buildStatus();
        }
        return workspace.claimStepWanted() ? "start_pending" : "ready";
    }
}
