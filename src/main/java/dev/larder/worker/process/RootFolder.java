package dev.larder.worker.process;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.UUID;

/**
 * The folder in which a backend keeps its files: {@code jobs/<job>-<attempt>} while a job runs,
 * {@code workspaces/<workspace>} while a workspace lives, and {@code location} with the random id of the root. Only the
 * user of the server may read it.
 *
 * @param path absolute
 */
public record RootFolder(Path path) {

    /** A version may have files of 1 MiB; with less free space a job fails because of the disk. */
    static final int FREE_BYTES_MIN = 1024 * 1024;

    private static final String IDENTITY = "location";
    private static final String NEW = ".new";
    private static final String TRIAL = ".larder-trial";

    public Path jobs() {
        return path.resolve("jobs");
    }

    public Path workspaces() {
        return path.resolve("workspaces");
    }

    public Path workspace(UUID workspace) {
        return workspaces().resolve(workspace.toString());
    }

    /**
     * Creates the folder and restricts it to this user. Idempotent.
     *
     * @throws IOException if it is no folder, or belongs to another user, who may have created it in a shared place
     *     such as {@code /tmp}
     */
    public void createPrivate() throws IOException {
        Files.createDirectories(path);
        if (!Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException("is no folder");
        }
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwx------"));
    }

    /**
     * The random id of this root. Another disk mounted under the same path has another id. The first call creates
     * the id and the folder of the workspaces. If that folder is missing later, it was lost, and the root cannot be
     * listed.
     */
    public UUID identity() throws IOException {
        Path file = path.resolve(IDENTITY);
        if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            Files.createDirectories(workspaces());
            // Written to another file and linked, so that no process reads half an id, and the first of two wins.
            Path mine = Files.createTempFile(path, IDENTITY, NEW);
            try {
                Files.writeString(mine, UUID.randomUUID().toString());
                Path made = Files.createLink(file, mine);
            } catch (FileAlreadyExistsException otherProcessWasFirst) {
                // The id of the other process counts.
            } finally {
                Files.delete(mine);
            }
        }
        return id(Files.readString(file).strip())
                .orElseThrow(() -> new IOException("has a file \"" + IDENTITY + "\" that holds no id"));
    }

    /** The id that a name is. Empty if it is none, or not in the usual form of 36 characters. */
    public static Optional<UUID> id(String name) {
        try {
            UUID id = UUID.fromString(name);
            return id.toString().equals(name) ? Optional.of(id) : Optional.empty();
        } catch (IllegalArgumentException notAnId) {
            return Optional.empty();
        }
    }

    /** Whether Larder made this entry of the root. */
    public boolean isOwn(Path entry) {
        String name = entry.getFileName().toString();
        return entry.equals(jobs())
                || entry.equals(workspaces())
                || name.equals(IDENTITY)
                || (name.startsWith(IDENTITY) && name.endsWith(NEW))
                || name.startsWith(TRIAL);
    }

    /** Whether the disk has no space for the files of a version. False if the system does not tell. */
    public boolean isFull() {
        try {
            return Files.getFileStore(path).getUsableSpace() < FREE_BYTES_MIN;
        } catch (IOException | UnsupportedOperationException unknown) {
            return false;
        }
    }

    Path createTrialFolder() throws IOException {
        return Files.createTempDirectory(path, TRIAL);
    }
}
