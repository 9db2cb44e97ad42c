package dev.larder.worker.exec;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Deletes a folder with all it holds, however deep it is. Folders below the first level are moved up to it before they are
 * emptied, so that no path gets longer than the system takes and no more than two folders are open at once. A deletion that
 * was interrupted is completed by the next one.
 *
 * <p>Links are not followed. A folder with a mounted file system below it is left as it is: what is mounted may be anything.
 * Folders that their owner may not read or write are made readable first.
 */
final class Trees {

    private static final String MOVED = ".larder-moved-";

    private final Path top;
    private long moved;
    private int left;
    private @Nullable IOException cause;

    private Trees(Path top) {
        this.top = top;
    }

    /**
     * Does nothing where there is no such folder.
     *
     * @throws IOException when something could not be deleted; all that could be is deleted nevertheless
     */
    static void delete(Path folder) throws IOException {
        if (!isFolder(folder)) {
            boolean unused = Files.deleteIfExists(folder);
            return;
        }
        refuseMounts(folder);
        new Trees(folder).delete();
    }

    private static void refuseMounts(Path folder) throws IOException {
        String real = folder.toRealPath().toString();
        for (String mount : mounts()) {
            if (mount.equals(real) || mount.startsWith(real + "/")) {
                throw new IOException("a file system is mounted at " + mount + "; unmount it first");
            }
        }
    }

    /** None where the system does not tell. */
    private static List<String> mounts() {
        try {
            // The fifth field is the mount point; blanks and backslashes in it are written in octal.
            return Files.readString(Path.of("/proc/self/mountinfo"), StandardCharsets.UTF_8)
                    .lines()
                    .map(line -> line.split(" ", 6))
                    .filter(fields -> fields.length == 6)
                    .map(fields -> unescaped(fields[4]))
                    .toList();
        } catch (IOException notLinux) {
            return List.of();
        }
    }

    private static String unescaped(String text) {
        return text.replace("\\040", " ")
                .replace("\\011", "\t")
                .replace("\\012", "\n")
                .replace("\\134", "\\");
    }

    private void delete() throws IOException {
        boolean progress;
        do {
            left = 0;
            progress = emptyOnce();
        } while (left > 0 && progress);
        boolean done = left == 0 && deleteOne(top);
        if (!done && left > 0 && cause != null) {
            throw new IOException(left + " entries cannot be deleted: " + reason(cause), cause);
        }
    }

    /** One pass over the first level. Folders that were moved up meanwhile count as left: the next pass empties them. */
    private boolean emptyOnce() throws IOException {
        open(top);
        boolean progress = false;
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(top)) {
            for (Path entry : entries) {
                progress |= isFolder(entry) ? deleteFolder(entry) : deleteOne(entry);
            }
        } catch (DirectoryIteratorException failed) {
            throw failed.getCause();
        }
        return progress;
    }

    private boolean deleteFolder(Path folder) {
        boolean progress = false;
        try {
            open(folder);
            try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
                for (Path entry : entries) {
                    progress |= isFolder(entry) ? moveUp(entry) : deleteOne(entry);
                }
            }
        } catch (DirectoryIteratorException failed) {
            left(new IOException(failed.getMessage(), failed));
            return progress;
        } catch (IOException failed) {
            left(failed);
            return progress;
        }
        return deleteOne(folder) || progress;
    }

    private boolean moveUp(Path folder) {
        try {
            // The folder's own entry for its parent changes with it.
            open(folder);
            Path to = top.resolve(MOVED + moved++);
            while (Files.exists(to, LinkOption.NOFOLLOW_LINKS)) {
                to = top.resolve(MOVED + moved++);
            }
            Path unused = Files.move(folder, to, StandardCopyOption.ATOMIC_MOVE);
            left++;
            return true;
        } catch (IOException failed) {
            left(failed);
            return false;
        }
    }

    private boolean deleteOne(Path entry) {
        try {
            return Files.deleteIfExists(entry);
        } catch (IOException failed) {
            left(failed);
            return false;
        }
    }

    private void left(IOException failed) {
        if (!(failed instanceof NoSuchFileException)) {
            left++;
            cause = failed;
        }
    }

    /** Gives the owner all rights where one is missing; another owner's folder is tried as it is. */
    private static void open(Path folder) {
        try {
            if (!Files.getPosixFilePermissions(folder, LinkOption.NOFOLLOW_LINKS)
                    .containsAll(PosixFilePermissions.fromString("rwx------"))) {
                Path unused = Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
            }
        } catch (IOException | UnsupportedOperationException notOurs) {
            // Reading or deleting tells what is wrong.
        }
    }

    private static boolean isFolder(Path path) {
        return Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS);
    }

    /** Without the names of files: they may tell something of what was in a folder. */
    static String reason(IOException failed) {
        return failed instanceof FileSystemException system && system.getReason() != null
                ? system.getReason()
                : failed.getClass() == IOException.class && failed.getMessage() != null
                        ? failed.getMessage()
                        : failed.getClass().getSimpleName();
    }
}
