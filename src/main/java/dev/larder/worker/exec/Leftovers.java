package dev.larder.worker.exec;

import dev.larder.database.DatabaseClock;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jboss.logging.Logger;

/**
 * Removes the folders of jobs whose worker was killed, which may hold outputs, and ends their scripts. It runs when a worker
 * begins at this root and with every inventory. A folder without a lock, of an older release, goes when no job can be so old.
 */
final class Leftovers {

    private static final Logger LOG = Logger.getLogger(Leftovers.class);
    private static final Pattern NAME =
            Pattern.compile("([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})-([0-9]{1,9})");

    /** The longest job takes 24 hours. */
    private static final Duration OLDEST_JOB = Duration.ofHours(25);

    private final Path jobs;
    private final Cgroups groups;
    private final InstantSource clock;

    Leftovers(Path root, Cgroups groups, InstantSource clock) {
        this.jobs = Folders.jobs(root);
        this.groups = groups;
        this.clock = clock;
    }

    static boolean isJobs(Path entry) {
        String name = entry.getFileName().toString();
        return NAME.matcher(name).matches() || JobLock.isLock(entry);
    }

    /** What cannot be removed is tried again the next time. */
    void remove() {
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(jobs)) {
            for (Path entry : entries) {
                remove(entry);
            }
        } catch (NoSuchFileException none) {
            LOG.debugf("no job was ever here folder=%s", jobs);
        } catch (IOException | DirectoryIteratorException failed) {
            LOG.warnf("folders of killed jobs not removed, will be tried again cause=%s", failed);
        }
    }

    private void remove(Path entry) {
        Matcher name = NAME.matcher(entry.getFileName().toString());
        try {
            if (name.matches()) {
                UUID job = UUID.fromString(name.group(1));
                removeFolder(entry, job, Integer.parseInt(name.group(2)));
            } else if (JobLock.isLock(entry) && isOld(entry)) {
                boolean unused = Files.deleteIfExists(entry);
            }
        } catch (IOException failed) {
            LOG.warnf("folder of a killed job not removed, will be tried again folder=%s cause=%s", entry, failed);
        }
    }

    private void removeFolder(Path folder, UUID job, int attempt) throws IOException {
        if (!Files.exists(JobLock.file(folder)) && !isOld(folder)) {
            return;
        }
        Optional<JobLock> free = JobLock.tryTake(folder);
        if (free.isEmpty()) {
            return;
        }
        try (JobLock lock = free.get()) {
            if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
                // A job that has just succeeded took its folder away; what it left running is meant to run.
                lock.delete();
                return;
            }
            if (!lock.hasSucceeded()) {
                Map<Long, String> killed = Processes.kill(ScriptJob.attempt(job, attempt), groups);
                LOG.infof(
                        "removing what a killed worker left job=%s attempt=%d killed=%s",
                        job, attempt, Processes.named(killed));
            }
            Trees.delete(folder);
            lock.delete();
        }
    }

    private boolean isOld(Path entry) throws IOException {
        try {
            Instant changed =
                    Files.getLastModifiedTime(entry, LinkOption.NOFOLLOW_LINKS).toInstant();
            return changed.isBefore(clock.instant().minus(OLDEST_JOB));
        } catch (NoSuchFileException gone) {
            return false;
        } catch (DatabaseClock.UnknownTimeException early) {
            // The root is tried before the database's time is known; the worker's start asks again.
            return false;
        }
    }
}
