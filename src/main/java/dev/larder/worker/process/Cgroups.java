package dev.larder.worker.process;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Control groups (version 2) for the processes of workspaces and jobs, if this process may create groups below its own:
 * {@code larder-<workspace>/<job>}, named by their {@link ProcessTags}. A group is killed in one step, however fast its
 * processes fork. Where no group can be created, processes are found by their tags alone (decision 0021).
 */
public final class Cgroups {

    private static final String PREFIX = "larder-";
    private static final String PROCESSES = "cgroup.procs";
    private static final String KILL = "cgroup.kill";
    private static final int TRIES = 50;
    private static final long PAUSE_NANOS = 2_000_000;

    private final @Nullable Path own;

    private Cgroups(@Nullable Path own) {
        this.own = own;
    }

    /** Uses no control groups. */
    public static Cgroups none() {
        return new Cgroups(null);
    }

    /** Tries with one process whether groups can be created here. Uses none if not. */
    public static Cgroups detect() {
        try {
            return own().filter(Cgroups::isUsable).map(Cgroups::new).orElseGet(Cgroups::none);
        } catch (IOException notLinux) {
            return none();
        }
    }

    /** Whether groups are used. */
    public boolean isUsable() {
        return own != null;
    }

    private static Optional<Path> own() throws IOException {
        Optional<String> group = Files.readString(Path.of("/proc/self/cgroup"))
                .lines()
                .filter(line -> line.startsWith("0::/") && !line.contains("/.."))
                .map(line -> line.substring("0::/".length()))
                .findFirst();
        // The fields of a mount: id, parent, device, root, mount point, options, "-", type.
        Optional<String> mount = Files.readString(Path.of("/proc/self/mountinfo"))
                .lines()
                .filter(line -> line.contains(" - cgroup2 ") && line.split(" ")[3].equals("/"))
                .map(line -> line.split(" ")[4])
                .findFirst();
        return mount.flatMap(at -> group.map(name -> Path.of(at).resolve(name)));
    }

    private static boolean isUsable(Path own) {
        Path trial = own.resolve(PREFIX + "trial-" + UUID.randomUUID());
        try {
            Path unused = Files.createDirectory(trial);
            try {
                return Files.isWritable(trial.resolve(KILL))
                        && SystemCommands.run("/bin/sh", "-c", "echo 0 > \"$1\"", "larder", procs(trial)) == 0;
            } finally {
                removeEmpty(trial);
            }
        } catch (IOException notOurs) {
            return false;
        }
    }

    /** The file to which a process writes 0 to join the group of its job. Empty text if there is no group. */
    String join(ProcessTags tags) {
        if (own == null) {
            return "";
        }
        Path group = own.resolve(name(tags.workspace())).resolve(Long.toHexString(tags.job()));
        try {
            return procs(Files.createDirectories(group));
        } catch (IOException full) {
            return "";
        }
    }

    private static String procs(Path group) {
        return group.resolve(PROCESSES).toString();
    }

    private static String name(long tag) {
        return PREFIX + Long.toHexString(tag);
    }

    /** Kills all processes of the groups with these tags and removes the groups. Returns programs by process id. */
    Map<Long, String> kill(Collection<Long> tags) {
        Map<Long, String> killed = new TreeMap<>();
        for (Path workspace : below(own, PREFIX + "*")) {
            for (long tag : tags) {
                if (workspace.endsWith(name(tag))) {
                    below(workspace, "*").forEach(job -> kill(job, killed));
                    kill(workspace, killed);
                } else {
                    kill(workspace.resolve(Long.toHexString(tag)), killed);
                }
            }
        }
        return killed;
    }

    private static void kill(Path group, Map<Long, String> killed) {
        try {
            if (Files.isDirectory(group)) {
                Files.readString(group.resolve(PROCESSES))
                        .lines()
                        .map(Long::parseLong)
                        .forEach(pid -> killed.putIfAbsent(pid, ProcFs.program(pid)));
                Path unused = Files.writeString(group.resolve(KILL), "1");
                removeEmpty(group);
            }
        } catch (IOException gone) {
            // Processes that are left are found by their tags.
        }
    }

    /**
     * Removes the group of a job if it is empty. A group with living processes stays until its workspace is
     * deleted.
     */
    void leave(ProcessTags tags) {
        if (own != null) {
            Path workspace = own.resolve(name(tags.workspace()));
            boolean unused = deleteEmpty(workspace.resolve(Long.toHexString(tags.job()))) && deleteEmpty(workspace);
        }
    }

    /** Waits up to 100 ms, because killed processes leave their group after a moment. */
    private static void removeEmpty(Path group) {
        for (int nth = 0; nth < TRIES && !deleteEmpty(group); nth++) {
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    private static boolean deleteEmpty(Path group) {
        try {
            boolean unused = Files.deleteIfExists(group);
            return true;
        } catch (IOException notEmpty) {
            return false;
        }
    }

    private static List<Path> below(@Nullable Path group, String glob) {
        List<Path> found = new ArrayList<>();
        if (group == null) {
            return found;
        }
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(group, glob)) {
            for (Path entry : entries) {
                if (Files.isDirectory(entry)) {
                    found.add(entry);
                }
            }
        } catch (IOException | DirectoryIteratorException gone) {
            return found;
        }
        return found;
    }
}
