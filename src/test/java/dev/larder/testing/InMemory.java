package dev.larder.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Folders in memory, for data that is worthless once this process has ended. A copy of a database is hundreds of
 * files: on a disk the file system takes almost as long for them as PostgreSQL does.
 */
final class InMemory {

    private static final Path SHARED = Path.of("/dev/shm");

    /** Bytes that must be free. Less than half of it is used. */
    private static final long ROOM = 3L << 30;

    private static final AtomicInteger COUNT = new AtomicInteger();
    private static final @Nullable Path HOME = home();

    private InMemory() {}

    /** A folder that is not there yet; empty where the machine has no room for it. */
    static Optional<Path> folder() {
        return Optional.ofNullable(HOME).map(home -> home.resolve(Integer.toString(COUNT.incrementAndGet())));
    }

    private static @Nullable Path home() {
        try {
            if (!Files.isWritable(SHARED) || Files.getFileStore(SHARED).getUsableSpace() < ROOM) {
                return null;
            }
            Path home = Files.createTempDirectory(SHARED, "larder-tests-");
            // The database's user has to pass.
            Path passable = Files.setPosixFilePermissions(home, PosixFilePermissions.fromString("rwx--x--x"));
            removeWithThisJvm(home);
            return passable;
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /** A shell that waits for the end of its input, which comes with this JVM's end however it ends. */
    private static void removeWithThisJvm(Path home) throws IOException {
        List<String> command = new ArrayList<>();
        if (Unprivileged.onPath("setsid")) {
            command.add("setsid");
        }
        // Servers that end at the same time may still write.
        String remove = "cat >/dev/null; for n in 1 2 3 4 5; do rm -rf \"$0\" && exit; sleep 1; done 2>/dev/null";
        command.addAll(List.of("/bin/sh", "-c", remove, home.toString()));
        Process shell = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        // Keeps the stream reachable, and so open.
        var unused = shell.onExit();
    }
}
