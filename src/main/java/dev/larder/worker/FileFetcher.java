package dev.larder.worker;

import dev.larder.model.Assignment;
import dev.larder.model.Backend;
import dev.larder.model.JobOutcome;
import dev.larder.model.JobSource;
import dev.larder.model.Lease;
import dev.larder.model.LogLine;
import dev.larder.model.Target;
import dev.larder.model.UploadedFile;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import org.jboss.logging.Logger;

/** Gives a job the uploaded files of its version, from the worker's cache or from the server. */
final class FileFetcher {

    private static final Logger LOG = Logger.getLogger(FileFetcher.class);
    private static final int TRIES = 3;

    private final JobSource source;
    private final FileCache cache;

    FileFetcher(JobSource source, FileCache cache) {
        this.source = source;
        this.cache = cache;
    }

    /** Performs a job, with the uploaded files of its version at hand. Code: {@code file_unavailable}. */
    Uni<JobOutcome> perform(Backend backend, Assignment assignment, Consumer<LogLine> log) {
        if (assignment.version().uploads().isEmpty() || !backend.readsFiles(assignment)) {
            return backend.perform(assignment, log);
        }
        return equip(assignment)
                .chain(equipped -> backend.perform(equipped.assignment(), log)
                        .onTermination()
                        .invoke(equipped::close))
                .onFailure(UnavailableException.class)
                .recoverWithItem(
                        failure -> new JobOutcome.Failed("file_unavailable", String.valueOf(failure.getMessage())));
    }

    /** The files could not be fetched, or the disk does not take them. */
    static final class UnavailableException extends RuntimeException {

        private static final long serialVersionUID = 1;

        UnavailableException(String message, Throwable cause) {
            super(message, cause, false, false);
        }
    }

    /** A job with its files at hand. To be closed when the job has ended. */
    final class Equipped {

        private final Assignment assignment;
        private final Set<Path> links;

        private Equipped(Assignment assignment, Set<Path> links) {
            this.assignment = assignment;
            this.links = links;
        }

        Assignment assignment() {
            return assignment;
        }

        void close() {
            links.forEach(FileFetcher.this::release);
        }
    }

    private void release(Path link) {
        try {
            cache.release(link);
        } catch (IOException left) {
            LOG.warnf("link to a file was left path=%s cause=%s", link, left.getMessage());
        }
    }

    /**
     * Fetches what is not there. The same file under two paths is fetched once. Fails with
     * {@link UnavailableException}.
     */
    Uni<Equipped> equip(Assignment assignment) {
        Map<String, UploadedFile> uploads = assignment.version().uploads();
        Map<String, UploadedFile> byDigest = new HashMap<>();
        uploads.values().forEach(file -> byDigest.putIfAbsent(file.digest(), file));
        Map<String, Path> links = new HashMap<>();
        return Multi.createFrom()
                .iterable(byDigest.values())
                .onItem()
                .transformToUniAndConcatenate(
                        file -> file(assignment.lease(), file).invoke(link -> links.put(file.digest(), link)))
                .collect()
                .last()
                .map(last -> new Equipped(with(assignment, links), new HashSet<>(links.values())))
                .onFailure()
                .invoke(failed -> links.values().forEach(this::release))
                .onCancellation()
                .invoke(() -> links.values().forEach(this::release));
    }

    private static Assignment with(Assignment assignment, Map<String, Path> links) {
        Map<String, UploadedFile> fetched = new HashMap<>();
        assignment
                .version()
                .uploads()
                .forEach((path, file) -> fetched.put(path, file.at(Objects.requireNonNull(links.get(file.digest())))));
        Target target = assignment.target();
        return new Assignment(
                assignment.lease(),
                assignment.deadlineAt(),
                assignment.buildNumber(),
                new Target(target.workspace(), target.version().with(fetched), target.parameters(), target.state()));
    }

    private Uni<Path> file(Lease lease, UploadedFile file) {
        return blocking(() -> cache.link(file))
                .chain(link -> link.map(Uni.createFrom()::item).orElseGet(() -> fetch(lease, file)));
    }

    private Uni<Path> fetch(Lease lease, UploadedFile file) {
        return Uni.createFrom()
                .deferred(() -> once(lease, file))
                .onFailure()
                .retry()
                .withBackOff(Duration.ofMillis(500), Duration.ofSeconds(5))
                .atMost(TRIES - 1)
                .onFailure()
                .transform(failure -> new UnavailableException(
                        "The file " + file.digest() + " cannot be fetched: " + reason(failure), failure));
    }

    private static String reason(Throwable failure) {
        Throwable cause = failure.getCause() == null ? failure : failure.getCause();
        return cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
    }

    private Uni<Path> once(Lease lease, UploadedFile file) {
        return blocking(() -> cache.fetch(file))
                .chain(incoming -> source.file(lease, file.digest())
                        .onItem()
                        .transformToUniAndConcatenate(piece -> blocking(() -> written(incoming, piece)))
                        .collect()
                        .last()
                        .chain(last -> blocking(incoming::done))
                        .onTermination()
                        .invoke(() -> close(incoming)));
    }

    private static boolean written(FileCache.Incoming incoming, byte[] piece) throws IOException {
        incoming.write(piece);
        return true;
    }

    private static void close(FileCache.Incoming incoming) {
        try {
            incoming.close();
        } catch (IOException left) {
            LOG.warnf("a file that was not fetched whole was left cause=%s", left.getMessage());
        }
    }

    private interface Work<T> {
        T run() throws IOException;
    }

    private static <T> Uni<T> blocking(Work<T> work) {
        return Uni.createFrom()
                .item(() -> {
                    try {
                        return work.run();
                    } catch (IOException failed) {
                        throw new UncheckedIOException(failed);
                    }
                })
                .runSubscriptionOn(Infrastructure.getDefaultExecutor());
    }
}
