package dev.larder.worker.process;

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

/** Checks whether jobs can run below a root folder. It does once what every job does: write files and execute one. */
public final class RootCheck {

    private static final int TRIES = 5;
    private static final Pattern TEXT_FILE_BUSY = Pattern.compile("error[=:] ?26\\b");
    private static final long PAUSE_MILLIS = 50;
    private static final long RUN_SECONDS_MAX = 30;

    private final RootFolder root;
    private final String setting;

    /** @param setting the name of the setting that holds the path, for the answer */
    public RootCheck(RootFolder root, String setting) {
        this.root = root;
        this.setting = setting;
    }

    /** Why jobs cannot run here, as the end of a sentence for the operator. Empty if they can. */
    public Optional<String> problem() {
        try {
            root.createPrivate();
            var unused = root.identity();
            Path folder = root.createTrialFolder();
            try {
                work(folder);
            } finally {
                FileTrees.delete(folder);
            }
            return Optional.empty();
        } catch (IOException failed) {
            return Optional.of(setting + " " + root.path() + " " + why(failed));
        } catch (InterruptedException ending) {
            Thread.currentThread().interrupt();
            return Optional.of("the process is ending");
        }
    }

    private void work(Path folder) throws IOException, InterruptedException {
        if (!Files.getOwner(root.path()).equals(Files.getOwner(folder))) {
            throw new IOException("belongs to another user");
        }
        Path file = folder.resolve("file");
        try {
            Path unused = Files.write(file, new byte[RootFolder.FREE_BYTES_MIN]);
        } catch (IOException failed) {
            throw root.isFull() ? new IOException("is on a full disk", failed) : failed;
        }
        Files.delete(file);
        SystemCommands.makePipes(folder.resolve("pipe"));
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
            if (!process.waitFor(RUN_SECONDS_MAX, TimeUnit.SECONDS) || process.exitValue() != 0) {
                process.destroyForcibly();
                throw new IOException("lets no file be executed");
            }
        } catch (IOException refused) {
            if (nth < TRIES
                    && TEXT_FILE_BUSY
                            .matcher(String.valueOf(refused.getMessage()))
                            .find()) {
                // Another thread started a process while the file was open for writing.
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
                        ? FileTrees.reason(failed)
                        : "cannot be used: " + FileTrees.reason(failed);
        };
    }
}
