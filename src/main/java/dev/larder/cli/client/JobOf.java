package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.StreamSupport;

/** Finds the job that a user means by an id. */
final class JobOf {

    private JobOf() {}

    /**
     * @param id of a job, a workspace or a claim
     * @param build which build of the workspace; empty for the newest
     */
    static String id(ApiClient api, String id, OptionalInt build) {
        if (build.isEmpty() && found(api, "jobs", id).isPresent()) {
            return id;
        }
        Optional<JsonNode> builds = builds(api, id);
        if (builds.isEmpty()) {
            JsonNode claim = found(api, "claims", id)
                    .orElseThrow(
                            () -> Failure.of(ExitCode.NOT_FOUND, "there is no job, workspace or claim '" + id + "'"));
            String workspace = Json.text(claim.path("workspace"), "id");
            if (workspace.isEmpty()) {
                throw Failure.of(
                        ExitCode.NOT_FOUND, "claim " + id + " has no workspace: it is " + Json.text(claim, "status"));
            }
            builds = builds(api, workspace);
        }
        return builds.flatMap(all -> job(all.path("items"), build))
                .orElseThrow(() -> Failure.of(
                        ExitCode.NOT_FOUND,
                        "there is no such build" + (build.isPresent() ? ": " + build.getAsInt() : "")));
    }

    private static Optional<JsonNode> builds(ApiClient api, String workspace) {
        return found(api, "workspaces", workspace, "builds");
    }

    private static Optional<String> job(JsonNode builds, OptionalInt number) {
        return StreamSupport.stream(builds.spliterator(), false)
                .filter(build -> number.isEmpty() || build.path("number").asInt() == number.getAsInt())
                .findFirst()
                .map(build -> Json.text(build, "jobId"));
    }

    private static Optional<JsonNode> found(ApiClient api, String... path) {
        try {
            return Optional.of(api.get(Paths.of(path)).body());
        } catch (Failure failure) {
            if (failure.exit() == ExitCode.NOT_FOUND) {
                return Optional.empty();
            }
            throw failure;
        }
    }
}
