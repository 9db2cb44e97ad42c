package dev.larder.jobs;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.larder.model.Assignment;
import dev.larder.model.StateAccess;
import dev.larder.model.UploadedFile;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * A leased job as a worker elsewhere gets it, with what it needs to do it, secrets too.
 *
 * @param task with the {@code lease} that every report on the job must carry, and the {@code timeLeft} from this
 *     answer on as an ISO 8601 duration: the two clocks need not agree
 */
@Schema(name = "LeasedJob")
record AssignmentView(
        @JsonUnwrapped Task task,
        @JsonUnwrapped OwnedWorkspace workspace,
        UUID versionId,
        String templateName,
        int buildNumber,
        @Nullable String presetName,
        @JsonUnwrapped Inputs inputs) {

    record Task(UUID job, UUID lease, int attempt, String timeLeft, String transition, String reason, String backend) {}

    record OwnedWorkspace(
            UUID workspaceId,
            String workspaceName,
            UUID organizationId,
            String organizationName,
            UUID ownerId,
            String ownerName,
            boolean prebuild) {}

    record Inputs(
            Map<String, String> files,

            @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable
            Map<String, UploadView> uploads,

            Map<String, String> parameters,
            Set<String> sensitiveParameters,

            @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable
            Map<String, String> parameterTypes,

            @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable
            Map<String, String> earlyParameters,

            Map<String, String> outputs,

            @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable
            StateView state) {}

    static AssignmentView of(Assignment one, Instant now) {
        var given = one.parameters();
        return new AssignmentView(
                new Task(
                        one.jobId(),
                        one.lease().token(),
                        one.attempt(),
                        Duration.between(now, one.deadlineAt()).toString(),
                        one.transition().word(),
                        one.reason(),
                        one.backend()),
                new OwnedWorkspace(
                        one.workspaceId(),
                        one.workspace().name(),
                        one.workspace().organizationId(),
                        one.workspace().organizationName(),
                        one.workspace().ownerId(),
                        one.workspace().ownerName(),
                        one.workspace().prebuild()),
                one.version().id(),
                one.version().templateName(),
                one.buildNumber(),
                one.version().presetName(),
                new Inputs(
                        one.version().files(),
                        UploadView.of(one.version().uploads()),
                        given.values(),
                        given.sensitive(),
                        given.types().isEmpty() ? null : given.types(),
                        given.early().equals(given.values()) ? null : given.early(),
                        one.workspace().outputs(),
                        one.target().state().map(StateView::of).orElse(null)));
    }

    @Override
    public String toString() {
        return "AssignmentView[job=" + task.job() + "]";
    }

    /** An uploaded file to which the version refers. The worker fetches it with {@code POST /jobs/{id}/files}. */
    @Schema(name = "LeasedFile")
    record UploadView(String digest, long bytes) {
        /** Null where there are none: a worker of before does not know the field. */
        static @Nullable Map<String, UploadView> of(Map<String, UploadedFile> uploads) {
            Map<String, UploadView> views = new TreeMap<>();
            uploads.forEach((path, file) -> views.put(path, new UploadView(file.digest(), file.bytes())));
            return views.isEmpty() ? null : views;
        }
    }

    /**
     * A job's access to what is known of its workspace's infrastructure.
     *
     * @param token opens the state while the job is leased; secret
     * @param plan the digest of the plan that is to be applied; of an apply of a changeset only
     */
    @Schema(name = "LeasedState")
    record StateView(
            UUID id,
            UUID mutation,
            long fence,
            long version,
            String token,
            @Nullable String plan) {

        static StateView of(StateAccess access) {
            return new StateView(
                    access.state(),
                    access.mutation(),
                    access.fence(),
                    access.version(),
                    access.token(),
                    access.plan().orElse(null));
        }

        @Override
        public String toString() {
            return "StateView[id=" + id + "]";
        }
    }
}
