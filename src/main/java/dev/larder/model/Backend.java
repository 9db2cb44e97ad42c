package dev.larder.model;

import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.util.Collection;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * How a kind of workspace is built. A backend sees nothing but the assignment, so that it runs as well in a remote
 * worker.
 *
 * <p>It must be safe to perform the same job again: a worker may die in the middle and another take over. A start that
 * finds leftovers of an earlier attempt clears them or succeeds with them; a delete of what is not there succeeds.
 */
public interface Backend {

    /** The word a version names it by: {@code postgres}, {@code exec}. */
    String kind();

    /** Whether this process is configured to build this kind; it takes no such jobs otherwise. */
    default boolean offered() {
        return true;
    }

    /**
     * Why this kind cannot be built here, in one plain sentence for the operator. It is asked before the first job is taken,
     * on a thread that may wait, and tries what can be tried in seconds.
     *
     * @return empty where it can
     */
    default Optional<String> unusable() {
        return Optional.empty();
    }

    /** Fails with {@link MisconfiguredException} where one that is offered cannot build here. */
    static void refuseUnusable(Collection<Backend> backends) {
        for (Backend backend : backends) {
            (backend.offered() ? backend.unusable() : Optional.<String>empty()).ifPresent(why -> {
                throw new MisconfiguredException(why);
            });
        }
    }

    /**
     * How long after its deadline, or after a {@link #stop}, a job may take to end what it started. The server takes a job
     * back {@code larder.worker.overrun} after the same instant, which must be longer.
     */
    default Duration endsWithin() {
        return Duration.ZERO;
    }

    /**
     * Asks a job to stop. Returns at once; asking again changes nothing.
     *
     * @return true where {@link #perform} will answer {@link JobOutcome.Canceled} when all that it started has ended, and
     *     takes lines until then; false where it cannot be asked, or is not at this job
     */
    default boolean stop(Assignment assignment) {
        return false;
    }

    /**
     * Performs the job. Expected failures are outcomes. Cancelling the subscription asks to stop as well, without waiting
     * for it: the backend ends what it started, with its children, and leaves nothing running.
     *
     * @param log takes lines while the job runs, from any thread; must never be given a secret
     */
    Uni<JobOutcome> perform(Assignment assignment, Consumer<LogLine> log);

    /**
     * Lists all that exists of workspaces, and of versions that are built once for many of them, where this process builds
     * them, by their labels and by nothing that it remembers.
     * Fails where it cannot be sure to have seen all: a listing that is short would say that the rest is gone.
     *
     * @return empty where this kind cannot be listed
     */
    default Uni<Optional<Inventory>> inventory() {
        return Uni.createFrom().item(Optional.empty());
    }

    /**
     * Removes all that exists of a workspace that nobody owns, or of a version that needs it no more, without any of its files;
     * where there is nothing it succeeds. It must not work beside a job of this workspace: it ends that one, or fails.
     *
     * @param thing as the inventory names it: the id of the workspace or version
     */
    default Uni<Void> remove(UUID thing) {
        return Uni.createFrom().failure(new UnsupportedOperationException(kind()));
    }
}
