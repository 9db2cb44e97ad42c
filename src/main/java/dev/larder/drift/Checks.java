package dev.larder.drift;

import dev.larder.drift.DriftReads.Subject;
import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import dev.larder.model.Visibility;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Optional;
import java.util.UUID;

/** Finds the workspace that a check is asked for, and refuses one that cannot be checked. */
@ApplicationScoped
class Checks {

    private final DriftReads reads;
    private final CurrentCaller caller;

    Checks(DriftReads reads, CurrentCaller caller) {
        this.reads = reads;
        this.caller = caller;
    }

    Visibility scope() {
        return Visibility.of(caller.get());
    }

    UUID asking() {
        return caller.get().userId();
    }

    static UUID id(String id, String what) {
        return JsonBody.uuid(id).orElseThrow(() -> Problem.notFound(what));
    }

    /** A workspace that the caller may see. */
    Uni<Subject> subject(String id) {
        return reads.subject(id(id, "workspace"), scope())
                .map(found -> found.orElseThrow(() -> Problem.notFound("workspace")));
    }

    /** One that can be checked, as far as its row and its state tell. */
    Uni<Subject> checkable(String id) {
        return subject(id).invoke(subject -> refusal(subject).ifPresent(Checks::refuse));
    }

    /** One whose infrastructure can be changed, as far as its row and its state tell. */
    Uni<Subject> changeable(UUID workspace) {
        return checkable(workspace.toString()).invoke(Checks::refuseUntrusted);
    }

    static void refuseUntrusted(Subject subject) {
        if ("unreliable".equals(subject.status())) {
            throw Problem.of(409, "state_unreliable", "The plan would build on a state that may not be true.");
        }
    }

    private static void refuse(Problem problem) {
        throw problem;
    }

    static Optional<Problem> refusal(Subject subject) {
        if (!subject.backend().equals("terraform")) {
            return Optional.of(
                    Problem.of(409, "workspace_without_state", "Its backend keeps no state to compare with."));
        }
        if (subject.gone()) {
            return Optional.of(Problem.of(410, "state_deleted", "The workspace was deleted."));
        }
        if (subject.version() == 0) {
            return Optional.of(Problem.of(409, "workspace_without_state", "Nothing was written to its state yet."));
        }
        return "corrupt".equals(subject.status())
                ? Optional.of(Problem.of(409, "state_corrupt", "The current version of its state cannot be read."))
                : Optional.empty();
    }

    static Problem busy() {
        return Problem.of(
                409,
                "workspace_busy",
                "The workspace does not run, is to be deleted, or a build or a lock of a person's tool is open. Try again later.");
    }
}
