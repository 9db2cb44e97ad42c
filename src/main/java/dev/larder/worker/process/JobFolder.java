package dev.larder.worker.process;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import java.util.regex.Pattern;

/**
 * The folder of one attempt of a job, locked while this process runs the job. {@link JobFolderCleanup} removes the
 * folders that a killed worker leaves.
 */
public final class JobFolder implements AutoCloseable {

    /** The names of such folders: the id of the job, a hyphen, the attempt. */
    static final Pattern NAME =
            Pattern.compile("([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})-([0-9]{1,9})");

    private final Path path;
    private final JobLock lock;

    private JobFolder(Path path, JobLock lock) {
        this.path = path;
        this.lock = lock;
    }

    /** The path of the folder, whether it exists or not. */
    public static Path path(RootFolder root, UUID job, int attempt) {
        return root.jobs().resolve(job + "-" + attempt);
    }

    /** Whether Larder made this entry of the folder of jobs. */
    public static boolean isOwn(Path entry) {
        return NAME.matcher(entry.getFileName().toString()).matches() || JobLock.isLock(entry);
    }

    /**
     * Creates the folder, locked and empty. Deletes the folders of earlier attempts.
     *
     * @throws IOException if another worker runs this attempt, or the root belongs to another user
     */
    public static JobFolder create(RootFolder root, UUID job, int attempt) throws IOException {
        Files.createDirectories(root.jobs());
        deleteAttempts(root.jobs(), job);
        Path path = path(root, job, attempt);
        JobLock lock = JobLock.tryTake(path).orElseThrow(() -> new IOException("another worker is at this job"));
        try {
            Files.createDirectory(path);
            if (!Files.getOwner(root.path()).equals(Files.getOwner(path))) {
                throw new IOException("belongs to another user");
            }
            return new JobFolder(path, lock);
        } catch (IOException | RuntimeException failed) {
            try (lock) {
                FileTrees.delete(path);
                lock.delete();
            }
            throw failed;
        }
    }

    private static void deleteAttempts(Path jobs, UUID job) throws IOException {
        try (DirectoryStream<Path> attempts = Files.newDirectoryStream(jobs, job + "-*")) {
            for (Path attempt : attempts) {
                FileTrees.delete(attempt);
            }
        }
    }

    /**
     * Deletes the folder and its lock file. Call it after all processes of the job have ended or may live on.
     *
     * @param succeeded if the folder cannot be deleted, the clean-up leaves the processes of the job running
     */
    public void delete(boolean succeeded) throws IOException {
        try {
            FileTrees.delete(path);
        } catch (IOException left) {
            if (succeeded) {
                lock.succeeded();
            }
            throw left;
        }
        lock.delete();
    }

    /** Releases the lock. */
    @Override
    public void close() throws IOException {
        lock.close();
    }
}
