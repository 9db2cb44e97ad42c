package dev.larder.worker.process;

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
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Matcher;
import org.jboss.logging.Logger;

/**
 * Removes the folders of jobs whose worker was killed, and kills the processes of these jobs. The folders may contain
 * secrets. It runs when a worker starts at this root and with every inventory. A folder without a lock file was made by
 * an older release; it is removed when it is older than any job can be.
 */
public final class JobFolderCleanup {

    private static final Logger LOG = Logger.getLogger(JobFolderCleanup.class);

    /** A job runs at most 24 hours. */
    private static final Duration OLDEST_JOB = Duration.ofHours(25);

    private final Path jobs;
    private final Cgroups groups;
    private final InstantSource clock;

    public JobFolderCleanup(RootFolder root, Cgroups groups, InstantSource clock) {
        this.jobs = root.jobs();
        this.groups = groups;
        this.clock = clock;
    }

    /**
     * Removes the folders that no living worker has locked. A folder that cannot be removed is tried again next
     * time.
     */
    public void run() {
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
        Matcher name = JobFolder.NAME.matcher(entry.getFileName().toString());
        try {
            if (name.matches()) {
                removeFolder(entry, UUID.fromString(name.group(1)), Integer.parseInt(name.group(2)));
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
                // The job has just succeeded and deleted its folder. Its detached processes must live on.
                lock.delete();
                return;
            }
            if (!lock.hasSucceeded()) {
                KilledProcesses killed = JobProcesses.killAttempt(job, attempt, groups);
                LOG.infof("removing what a killed worker left job=%s attempt=%d killed=%s", job, attempt, killed);
            }
            FileTrees.delete(folder);
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
            // The root is checked before the time of the database is known. The start of the worker checks it again.
            return false;
        }
    }
}
