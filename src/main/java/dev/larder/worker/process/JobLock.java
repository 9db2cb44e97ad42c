package dev.larder.worker.process;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A lock file beside the folder of a job. The worker that runs the job holds the lock. The system releases it when the
 * process of the worker ends, for any reason: a folder that can be locked belongs to no living worker.
 */
final class JobLock implements AutoCloseable {

    private static final String SUFFIX = ".lock";
    private static final String SUCCEEDED = "succeeded";

    // A process loses its lock as soon as it closes any channel of the file. So a file that is locked here is
    // not opened a second time.
    private static final Set<Path> HELD_HERE = ConcurrentHashMap.newKeySet();

    private final Path file;
    private final FileChannel channel;

    private JobLock(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    static Path file(Path folder) {
        return folder.resolveSibling(folder.getFileName() + SUFFIX);
    }

    static boolean isLock(Path entry) {
        return entry.getFileName().toString().endsWith(SUFFIX);
    }

    /** Empty if a worker holds the lock, in this process or another. Creates the lock file if it does not exist. */
    static Optional<JobLock> tryTake(Path folder) throws IOException {
        Path file = file(folder);
        if (!HELD_HERE.add(file)) {
            return Optional.empty();
        }
        boolean locked = false;
        FileChannel channel = null;
        try {
            channel = FileChannel.open(
                    file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            locked = channel.tryLock() != null;
            return locked ? Optional.of(new JobLock(file, channel)) : Optional.empty();
        } finally {
            if (!locked) {
                if (channel != null) {
                    channel.close();
                }
                boolean unused = HELD_HERE.remove(file);
            }
        }
    }

    /** Records that the job succeeded: a later clean-up removes the folder and leaves the processes running. */
    void succeeded() throws IOException {
        int unused = channel.write(ByteBuffer.wrap(SUCCEEDED.getBytes(StandardCharsets.UTF_8)), 0);
    }

    boolean hasSucceeded() throws IOException {
        ByteBuffer text = ByteBuffer.allocate(SUCCEEDED.length());
        int unused = channel.read(text, 0);
        return new String(text.array(), 0, text.position(), StandardCharsets.UTF_8).equals(SUCCEEDED);
    }

    /** Deletes the lock file, after its folder. */
    void delete() throws IOException {
        boolean unused = Files.deleteIfExists(file);
    }

    @Override
    public void close() throws IOException {
        try {
            channel.close();
        } finally {
            boolean unused = HELD_HERE.remove(file);
        }
    }
}
