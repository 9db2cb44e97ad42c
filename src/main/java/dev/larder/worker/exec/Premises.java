package dev.larder.worker.exec;

import dev.larder.model.Inventory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
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
    private static final String NEW = ".new";
    private static final int STRANGERS_MAX = 1_000;
    private static final String FOLDER = "LARDER_WORKSPACE_DIR=";

    private final Path root;
    private final Cgroups groups;

    Premises(Path root, Cgroups groups) {
        this.root = root;
        this.groups = groups;
    }

    Inventory inventory() throws IOException {
        Folders.makePrivate(root);
        UUID identity = identity();
        // Processes come and go with jobs; a folder is there before the first of them.
        Map<UUID, Inventory.Item> found = new TreeMap<>();
        for (String name : Processes.values(FOLDER + Folders.workspaces(root) + "/")) {
            id(name).ifPresent(id -> found.put(id, new Inventory.Item(id, "processes of " + id, false, null)));
        }
        for (UUID id : folders()) {
            found.put(id, new Inventory.Item(id, "workspaces/" + id, true, madeAt(Folders.workspace(root, id))));
        }
        for (Map.Entry<UUID, Path> stranger : strangers(identity).entrySet()) {
            found.put(
                    stranger.getKey(),
                    new Inventory.Item(
                            stranger.getKey(), name(stranger.getValue()), true, madeAt(stranger.getValue())));
        }
        if (!identity().equals(identity)) {
            throw new IOException(root + " became another place while it was listed");
        }
        return new Inventory(identity.toString(), List.copyOf(found.values()));
    }

    private List<UUID> folders() throws IOException {
        return entries(Folders.workspaces(root), Premises::isWorkspace).stream()
                .map(folder -> UUID.fromString(folder.getFileName().toString()))
                .toList();
    }

    /**
     * What lies below the root and was not made by Larder, by ids that no workspace has and that stay the same. Of more than
     * a thousand only the first by name are listed.
     */
    private Map<UUID, Path> strangers(UUID identity) throws IOException {
        List<Path> all = new ArrayList<>(entries(root, entry -> !isOurs(entry)));
        all.addAll(entries(Folders.workspaces(root), entry -> !isWorkspace(entry)));
        if (Files.exists(Folders.jobs(root))) {
            all.addAll(entries(Folders.jobs(root), entry -> !Leftovers.isJobs(entry)));
        }
        Map<UUID, Path> strangers = new TreeMap<>();
        all.stream().sorted().limit(STRANGERS_MAX).forEach(path -> {
            String label = identity + "/" + root.relativize(path);
            strangers.put(UUID.nameUUIDFromBytes(label.getBytes(StandardCharsets.UTF_8)), path);
        });
        return strangers;
    }

    private boolean isOurs(Path entry) {
        String name = entry.getFileName().toString();
        return entry.equals(Folders.jobs(root))
                || entry.equals(Folders.workspaces(root))
                || name.equals(IDENTITY)
                || (name.startsWith(IDENTITY) && name.endsWith(NEW))
                || name.startsWith(Trial.PREFIX);
    }

    private static boolean isWorkspace(Path entry) throws IOException {
        return id(entry.getFileName().toString()).isPresent() && isFolder(entry);
    }

    private interface Wanted {
        boolean test(Path entry) throws IOException;
    }

    private static List<Path> entries(Path folder, Wanted wanted) throws IOException {
        List<Path> found = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
            for (Path entry : entries) {
                if (wanted.test(entry)) {
                    found.add(entry);
                }
            }
        } catch (DirectoryIteratorException failed) {
            throw failed.getCause();
        }
        return found;
    }

    private String name(Path stranger) {
        String name = root.relativize(stranger).toString().replaceAll("\\p{Cntrl}", "?");
        return name.length() <= Inventory.NAME_CHARS_MAX ? name : name.substring(0, Inventory.NAME_CHARS_MAX - 1) + "…";
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
    UUID identity() throws IOException {
        Path file = root.resolve(IDENTITY);
        if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            Files.createDirectories(Folders.workspaces(root));
            Path mine = Files.createTempFile(root, IDENTITY, NEW);
            try {
                Files.writeString(mine, UUID.randomUUID().toString());
                Path made = Files.createLink(file, mine);
            } catch (FileAlreadyExistsException somebodyWasFaster) {
                // Then that one counts.
            } finally {
                Files.delete(mine);
            }
        }
        return id(Files.readString(file).strip())
                .orElseThrow(() -> new IOException("has a file \"" + IDENTITY + "\" that holds no id"));
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

    /** Kills what lives of a workspace, and deletes its folder; or deletes a thing that was listed as a stranger. */
    void remove(UUID listed) throws IOException {
        Path folder = Folders.workspace(root, listed);
        Map<Long, String> unused = Processes.kill(
                new Processes.Sign(List.of(FOLDER + folder), List.of(Marks.workspace(folder.toString()))), groups);
        Trees.delete(folder);
        Path stranger = strangers(identity()).get(listed);
        if (stranger != null) {
            Trees.delete(stranger);
        }
    }
}
