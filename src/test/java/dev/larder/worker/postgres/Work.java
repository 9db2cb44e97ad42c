package dev.larder.worker.postgres;

import dev.larder.model.Assignment;
import dev.larder.model.Lease;
import dev.larder.model.Target;
import dev.larder.model.Transition;
import dev.larder.model.UploadedFile;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * Jobs of one workspace.
 *
 * @param within how long after {@link #NOON} their deadline is
 */
record Work(
        UUID version,
        UUID workspace,
        Map<String, String> files,
        Map<String, String> parameters,
        Set<String> sensitive,
        Duration within,
        Map<String, UploadedFile> uploads) {

    static final Instant NOON = Instant.parse("2026-11-20T12:00:00Z");
    private static final UUID JOB = UUID.randomUUID();

    Work(UUID version, UUID workspace, Map<String, String> files) {
        this(version, workspace, files, Map.of(), Set.of(), Duration.ofMinutes(10), Map.of());
    }

    /** Another workspace of the same version. */
    Work another() {
        return new Work(version, UUID.randomUUID(), files, parameters, sensitive, within, uploads);
    }

    Work with(Map<String, String> given, String... secret) {
        return new Work(version, workspace, files, given, Set.of(secret), within, uploads);
    }

    Work within(Duration given) {
        return new Work(version, workspace, files, parameters, sensitive, given, uploads);
    }

    /** With a file that was uploaded, as the worker has it on its disk. */
    Work uploaded(String path, Path file) {
        UploadedFile upload =
                new UploadedFile("sha256:" + "0".repeat(64), file.toFile().length(), Optional.of(file));
        return new Work(version, workspace, files, parameters, sensitive, within, Map.of(path, upload));
    }

    Assignment start() {
        return job(Transition.START, 1, 1);
    }

    Assignment delete() {
        return job(Transition.DELETE, 2, 1);
    }

    Assignment job(Transition transition, int build, int attempt) {
        return new Assignment(
                new Lease(JOB, UUID.randomUUID(), attempt, workspace, transition, "prebuild", false),
                NOON.plus(within),
                build,
                new Target.Workspace(
                        "dish-1", UUID.randomUUID(), "kitchen", UUID.randomUUID(), "system", true, Map.of()),
                new Target.Version(version, "postgres", "dishes", "small", files, uploads),
                new Target.Parameters(parameters, sensitive));
    }

    Names names() {
        return Names.of(start(), "");
    }

    String template() {
        return names().template();
    }
}
