package dev.larder.worker.exec;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/** Tries whether scripts can be run below a root, by doing there once what every job does. */
final class Trial {

    /** Of the folder it is made in. */
    static final String PREFIX = ".larder-trial";

    // The files of a version may have 1 MiB.
    private static final int ROOM_BYTES_MIN = 1024 * 1024;
    private static final int TRIES = 5;
    private static final Pattern BUSY = Pattern.compile("error[=:] ?26\\b");
    private static final long PAUSE_MILLIS = 50;
    private static final long PATIENCE_SECONDS = 30;

    private final Path root;

    Trial(Path root) {
        this.root = root;
    }

    /** @return why not, in one sentence for the operator */
    Optional<String> unusable() {
        try {
            Folders.makePrivate(root);
            var unused = new Premises(root, Cgroups.none()).identity();
            Path folder = Files.createTempDirectory(root, PREFIX);
            try {
                work(folder);
            } finally {
                Trees.delete(folder);
            }
            return Optional.empty();
        } catch (IOException failed) {
            return Optional.of("Scripts cannot be run: larder.backend.exec.root " + root + " " + why(failed) + ".");
        } catch (InterruptedException ending) {
            Thread.currentThread().interrupt();
            return Optional.of("Scripts cannot be run: the process is ending.");
        }
    }

    private void work(Path folder) throws IOException, InterruptedException {
        if (!Files.getOwner(root).equals(Files.getOwner(folder))) {
            throw new IOException("belongs to another user");
        }
        Path file = folder.resolve("file");
        try {
            Path unused = Files.write(file, new byte[ROOM_BYTES_MIN]);
        } catch (IOException failed) {
            throw isFull(root) ? new IOException("is on a full disk", failed) : failed;
        }
        Files.delete(file);
        Script.makePipes(folder.resolve("pipe"));
        Path script = Files.writeString(folder.resolve("script"), "#!/bin/sh\nexit 0\n");
        Path unused = Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
        run(script, 1);
    }

    private static void run(Path script, int nth) throws IOException, InterruptedException {
        try {
            Process process = new ProcessBuilder(script.toString())
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS) || process.exitValue() != 0) {
                process.destroyForcibly();
                throw new IOException("lets no file be executed");
            }
        } catch (IOException refused) {
            if (nth < TRIES
                    && BUSY.matcher(String.valueOf(refused.getMessage())).find()) {
                // Another process of ours was being started while the file was open for writing.
                TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
                run(script, nth + 1);
            } else {
                throw new IOException("lets no file be executed (is it mounted noexec?)", refused);
            }
        }
    }

    private static String why(IOException failed) {
        return switch (failed) {
            case NoSuchFileException none -> "does not exist and cannot be made";
            case FileAlreadyExistsException file -> "is no folder";
            case AccessDeniedException denied -> "may not be written by this user";
            default ->
                failed.getClass() == IOException.class
                        ? Trees.reason(failed)
                        : "cannot be used: " + Trees.reason(failed);
        };
    }

    /** Whether the files of a version would find no room there; false where the system does not tell. */
    static boolean isFull(Path root) {
        try {
            return Files.getFileStore(root).getUsableSpace() < ROOM_BYTES_MIN;
        } catch (IOException | UnsupportedOperationException unknown) {
            return false;
        }
    }
}
