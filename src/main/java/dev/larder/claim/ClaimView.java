package dev.larder.claim;

import dev.larder.store.ClaimStore.Claim;
import dev.larder.store.ClaimStore.Workspace;
import java.time.Instant;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A claim as the API shows it.
 *
 * @param path {@code warm} from stock, {@code cold} built for this claim
 * @param status {@code active}, or why it ended: {@code released}, {@code deleted}
 * @param step the build that prepares the workspace for its claimer, where its version has one
 */
record ClaimView(
        UUID id,
        String path,
        String status,
        Instant createdAt,
        @Nullable Instant endedAt,
        @Nullable StepView step,
        WorkspaceView workspace) {

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
        Workspace workspace = claim.workspace();
        return new ClaimView(
                claim.id(),
                claim.path(),
                claim.endedReason().orElse("active"),
                claim.createdAt(),
                claim.endedAt().orElse(null),
                claim.step()
                        .map(step -> new StepView(step.status(), step.errorCode(), step.error()))
                        .orElse(null),
                new WorkspaceView(
                        workspace.id(),
                        workspace.name(),
                        workspace.organization(),
                        workspace.template(),
                        workspace.preset(),
                        workspace.version(),
                        status(workspace),
                        workspace.createdAt(),
                        workspace.readyAt().orElse(null),
                        outputs));
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
