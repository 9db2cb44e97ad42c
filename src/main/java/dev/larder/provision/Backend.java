package dev.larder.provision;

import dev.larder.pool.Assignment;
import dev.larder.pool.Inventory;
import dev.larder.pool.JobOutcome;
import dev.larder.pool.LogLine;
import io.smallrye.mutiny.Uni;
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
     * Performs the job. Expected failures are outcomes. Cancelling the subscription asks to stop: the backend ends what
     * it started, with its children, and leaves nothing running.
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
