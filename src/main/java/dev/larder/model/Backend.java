package dev.larder.model;

import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * Builds workspaces of one kind. A backend knows only the assignment, so that it also runs in a remote worker.
 *
 * <p>Jobs are idempotent: a worker may die in the middle of a job, and another worker repeats it. A start that
 * finds leftovers of an earlier attempt clears or reuses them. Deleting a missing workspace succeeds.
 */
public interface Backend {

    /** The word a version names it by: {@code postgres}, {@code exec}, {@code terraform}. */
    String kind();

    /** The words of the jobs that it performs: its kind, and others of the same versions. */
    default List<String> jobKinds() {
        return List.of(kind());
    }

    /** Whether this process is configured to build this kind; it takes no such jobs otherwise. */
    default boolean offered() {
        return true;
    }

    /**
     * Checks that this kind can be built here. Called before the first job is leased, on a thread that may
     * block; takes seconds at most.
     *
     * @return the reason why not, one sentence for the operator; empty where it can
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
     * How long after its deadline, or after a {@link #stop}, a job may take to end what it started. The server
     * takes a job back {@code larder.worker.overrun} after the same instant, which must be longer.
     */
    default Duration endsWithin() {
        return Duration.ZERO;
    }

    /**
     * Whether a worker that ends asks running jobs to {@link #stop} at once, and hands a job back only after it has
     * ended. Otherwise it waits for a while for running jobs, and hands them back while they are ending.
     */
    default boolean endsBeforeHandedBack() {
        return false;
    }

    /**
     * Asks a job to stop. Returns at once; asking again changes nothing.
     *
     * @return true where {@link #perform} will answer {@link JobOutcome.Canceled} when all that it started has
     *     ended, and takes lines until then; false where it cannot be asked, or is not at this job
     */
    default boolean stop(Assignment assignment) {
        return false;
    }

    /** Whether the job reads the uploaded files of its version. They are fetched before it begins. */
    default boolean readsFiles(Assignment assignment) {
        return true;
    }

    /**
     * Performs the job. Expected failures are outcomes. Cancelling the subscription asks to stop as well,
     * without waiting for it: the backend ends what it started, with its children, and leaves nothing running.
     *
     * @param log takes lines while the job runs, from any thread; must never be given a secret
     */
    Uni<JobOutcome> perform(Assignment assignment, Consumer<LogLine> log);

    /**
     * Lists the resources of all workspaces in the place where this process builds them, found by their labels.
     * Versions that are built once for many workspaces are listed too. Fails where the listing may be
     * incomplete: resources that it left out would count as gone.
     *
     * @return empty where this kind cannot be listed
     */
    default Uni<Optional<Inventory>> inventory() {
        return Uni.createFrom().item(Optional.empty());
    }

    /**
     * Removes the resources of a workspace that has no owner, or of a version that no longer needs them. The
     * version's files are not at hand. Idempotent. It ends a running job of this workspace first, or fails.
     *
     * @param thing as the inventory names it: the id of the workspace or version
     */
    default Uni<Void> remove(UUID thing) {
        return Uni.createFrom().failure(new UnsupportedOperationException(kind()));
    }
}
