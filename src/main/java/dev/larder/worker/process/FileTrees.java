package dev.larder.worker.process;

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
 * Deletes folders with everything in them, however deep they are. Folders below the first level are moved up to it
 * before they are emptied. So no path gets longer than the system allows, and at most two folders are open at once. A
 * deletion that was interrupted is completed by the next call.
 *
 * <p>Symbolic links are removed, not followed. A folder that contains a mount point is refused. Folders without rights
 * for their owner are made accessible first.
 */
public final class FileTrees {

    private static final String MOVED = ".larder-moved-";

    private final Path top;
    private long moved;
    private int left;
    private @Nullable IOException cause;

    private FileTrees(Path top) {
        this.top = top;
    }

    /**
     * Deletes a folder or a file. Does nothing if it does not exist.
     *
     * @throws IOException if an entry could not be deleted, after everything else was deleted; or if a file system is
     *     mounted below the folder
     */
    public static void delete(Path folder) throws IOException {
        if (!isFolder(folder)) {
            boolean unused = Files.deleteIfExists(folder);
            return;
        }
        refuseMounts(folder);
        new FileTrees(folder).delete();
    }

    private static void refuseMounts(Path folder) throws IOException {
        String real = folder.toRealPath().toString();
        for (String mount : mounts()) {
            if (mount.equals(real) || mount.startsWith(real + "/")) {
                throw new IOException("a file system is mounted at " + mount + "; unmount it first");
            }
        }
    }

    /** Mount points. Empty on a system without {@code /proc}. */
    private static List<String> mounts() {
        try {
            // The fifth field is the mount point; blanks and backslashes in it are octal escapes.
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

    /** One pass over the first level. Folders moved up during it count as left: the next pass empties them. */
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
            // Moving a folder changes its entry for the parent, which needs the right to write it.
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

    /** Gives the owner all rights. A folder of another user is left as it is. */
    private static void open(Path folder) {
        try {
            if (!Files.getPosixFilePermissions(folder, LinkOption.NOFOLLOW_LINKS)
                    .containsAll(PosixFilePermissions.fromString("rwx------"))) {
                Path unused = Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
            }
        } catch (IOException | UnsupportedOperationException notOurs) {
            // Reading or deleting the folder reports the reason.
        }
    }

    private static boolean isFolder(Path path) {
        return Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS);
    }

    /** The reason of a failure without names of files, which may be confidential. */
    public static String reason(IOException failed) {
        return failed instanceof FileSystemException system && system.getReason() != null
                ? system.getReason()
                : failed.getClass() == IOException.class && failed.getMessage() != null
                        ? failed.getMessage()
                        : failed.getClass().getSimpleName();
    }
}
