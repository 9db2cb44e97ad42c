package dev.larder.worker.exec;

import dev.larder.model.Inventory;
import dev.larder.worker.process.Cgroups;
import dev.larder.worker.process.FileTrees;
import dev.larder.worker.process.JobFolder;
import dev.larder.worker.process.JobProcesses;
import dev.larder.worker.process.KilledProcesses;
import dev.larder.worker.process.RootFolder;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Lists the workspaces below one root, made by this server or another: their folders, and processes whose environment
 * names such a folder. Also lists entries that Larder did not make.
 */
final class ExecInventory {

    private static final int UNKNOWN_MAX = 1_000;

    private final RootFolder root;
    private final Cgroups groups;

    ExecInventory(RootFolder root, Cgroups groups) {
        this.root = root;
        this.groups = groups;
    }

    Inventory list() throws IOException {
        root.createPrivate();
        UUID identity = root.identity();
        // Processes first: a workspace's folder exists before its first process.
        Map<UUID, Inventory.Item> found = new TreeMap<>();
        for (String name : JobProcesses.workspacesBelow(root.workspaces())) {
            RootFolder.id(name)
                    .ifPresent(id -> found.put(id, new Inventory.Item(id, "processes of " + id, false, null)));
        }
        for (UUID id : folders()) {
            found.put(id, new Inventory.Item(id, "workspaces/" + id, true, madeAt(root.workspace(id))));
        }
        unknown(identity).forEach((id, path) -> found.put(id, new Inventory.Item(id, name(path), true, madeAt(path))));
        if (!root.identity().equals(identity)) {
            throw new IOException(root.path() + " became another place while it was listed");
        }
        return new Inventory(identity.toString(), List.copyOf(found.values()));
    }

    private List<UUID> folders() throws IOException {
        return entries(root.workspaces(), ExecInventory::isWorkspace).stream()
                .map(folder -> UUID.fromString(folder.getFileName().toString()))
                .toList();
    }

    /**
     * Entries that Larder did not make. Their ids are derived from their paths, so they stay the same and belong to no
     * workspace. Of more than a thousand entries only the first by name are listed.
     */
    private Map<UUID, Path> unknown(UUID identity) throws IOException {
        List<Path> all = new ArrayList<>(entries(root.path(), entry -> !root.isOwn(entry)));
        all.addAll(entries(root.workspaces(), entry -> !isWorkspace(entry)));
        if (Files.exists(root.jobs())) {
            all.addAll(entries(root.jobs(), entry -> !JobFolder.isOwn(entry)));
        }
        Map<UUID, Path> unknown = new TreeMap<>();
        all.stream().sorted().limit(UNKNOWN_MAX).forEach(path -> {
            String label = identity + "/" + root.path().relativize(path);
            unknown.put(UUID.nameUUIDFromBytes(label.getBytes(StandardCharsets.UTF_8)), path);
        });
        return unknown;
    }

    private static boolean isWorkspace(Path entry) throws IOException {
        return RootFolder.id(entry.getFileName().toString()).isPresent() && isFolder(entry);
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

    private String name(Path unknown) {
        String name = root.path().relativize(unknown).toString().replaceAll("\\p{Cntrl}", "?");
        return name.length() <= Inventory.NAME_CHARS_MAX ? name : name.substring(0, Inventory.NAME_CHARS_MAX - 1) + "…";
    }

    /** Counts a link as a folder: an operator may have moved the folder. Removing it removes only the link. */
    private static boolean isFolder(Path entry) throws IOException {
        try {
            BasicFileAttributes is = Files.readAttributes(entry, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            return is.isDirectory() || is.isSymbolicLink();
        } catch (NoSuchFileException deletedMeanwhile) {
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
     * Kills the processes of a workspace and deletes its folder. An id of an entry that Larder did not make deletes
     * it.
     */
    void remove(UUID listed) throws IOException {
        Path folder = root.workspace(listed);
        KilledProcesses unused = JobProcesses.killWorkspace(folder, groups);
        FileTrees.delete(folder);
        Path unknown = unknown(root.identity()).get(listed);
        if (unknown != null) {
            FileTrees.delete(unknown);
        }
    }
}
