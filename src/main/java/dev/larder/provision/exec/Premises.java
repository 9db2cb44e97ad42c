package dev.larder.provision.exec;

import dev.larder.pool.Inventory;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What exists of workspaces below one root, whoever made it: their folders, and the processes that were told these folders.
 * The root is known by a random id in a file of its own, so that another disk under the same path is another place.
 */
final class Premises {

    private static final String IDENTITY = "location";
    private static final String FOLDER = "LARDER_WORKSPACE_DIR=";

    private final Path root;

    Premises(Path root) {
        this.root = root;
    }

    Inventory inventory() throws IOException {
        Folders.makePrivate(root);
        UUID identity = identity();
        // Processes come and go with jobs; a folder is there before the first of them.
        Map<UUID, Inventory.Thing> found = new TreeMap<>();
        for (String name : Processes.values(FOLDER + Folders.workspaces(root) + "/")) {
            id(name).ifPresent(id -> found.put(id, new Inventory.Thing(id, "processes of " + id, false, null)));
        }
        for (UUID id : folders()) {
            found.put(id, new Inventory.Thing(id, "workspaces/" + id, true, madeAt(Folders.workspace(root, id))));
        }
        if (!identity().equals(identity)) {
            throw new IOException(root + " became another place while it was listed");
        }
        return new Inventory(identity.toString(), List.copyOf(found.values()));
    }

    private List<UUID> folders() throws IOException {
        List<UUID> ids = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(Folders.workspaces(root))) {
            for (Path entry : entries) {
                Optional<UUID> id = id(entry.getFileName().toString());
                if (id.isPresent() && isFolder(entry)) {
                    ids.add(id.get());
                }
            }
        } catch (DirectoryIteratorException failed) {
            throw failed.getCause();
        }
        return ids;
    }

    /** Fails where that cannot be told. Somebody may have moved one and left a link; removing it takes the link only. */
    private static boolean isFolder(Path entry) throws IOException {
        try {
            BasicFileAttributes is = Files.readAttributes(entry, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            return is.isDirectory() || is.isSymbolicLink();
        } catch (NoSuchFileException goneMeanwhile) {
            return false;
        }
    }

    private static @Nullable Instant madeAt(Path folder) {
        try {
            return Files.readAttributes(folder, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                    .creationTime()
                    .toInstant();
        } catch (IOException gone) {
            return null;
        }
    }

    /**
     * Written aside and linked, so that nobody ever reads a part of it and of two that make one the first has made it. The
     * folder of the workspaces is made before it: where it is not there later it is lost, and the root cannot be listed.
     */
    private UUID identity() throws IOException {
        Path file = root.resolve(IDENTITY);
        if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            Files.createDirectories(Folders.workspaces(root));
            Path mine = Files.createTempFile(root, IDENTITY, ".new");
            try {
                Files.writeString(mine, UUID.randomUUID().toString());
                Path made = Files.createLink(file, mine);
            } catch (FileAlreadyExistsException somebodyWasFaster) {
                // Then that one counts.
            } finally {
                Files.delete(mine);
            }
        }
        return id(Files.readString(file).strip()).orElseThrow(() -> new IOException(file + " holds no id"));
    }

    private static Optional<UUID> id(String text) {
        try {
            UUID id = UUID.fromString(text);
            // Shorter ones are taken too, and would be called otherwise afterwards.
            return id.toString().equals(text) ? Optional.of(id) : Optional.empty();
        } catch (IllegalArgumentException somethingElse) {
            return Optional.empty();
        }
    }

    /** Kills what lives of a workspace, and deletes its folder. */
    void remove(UUID workspace) throws IOException {
        Path folder = Folders.workspace(root, workspace);
        Processes.killBearing(FOLDER + folder);
        Folders.delete(folder);
    }
}
