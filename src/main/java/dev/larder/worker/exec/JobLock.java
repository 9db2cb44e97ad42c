package dev.larder.worker.exec;

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
 * A lock beside the folder of a job, held by the worker that runs it. The system gives it up when the worker's process ends,
 * however it ends: what can be locked belongs to no living worker.
 */
final class JobLock implements AutoCloseable {

    private static final String SUFFIX = ".lock";
    private static final String SUCCEEDED = "succeeded";

    // A process gives up a lock as soon as it closes the file anywhere: a file that is locked here is never
    // opened again.
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

    /** Empty where a worker holds it, here or in another process. The file is made where there is none. */
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

    /** The job's processes are to live on if its folder is found later. */
    void succeeded() throws IOException {
        int unused = channel.write(ByteBuffer.wrap(SUCCEEDED.getBytes(StandardCharsets.UTF_8)), 0);
    }

    boolean hasSucceeded() throws IOException {
        ByteBuffer text = ByteBuffer.allocate(SUCCEEDED.length());
        int unused = channel.read(text, 0);
        return new String(text.array(), 0, text.position(), StandardCharsets.UTF_8).equals(SUCCEEDED);
    }

    /** The folder is gone: so is the lock. */
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
