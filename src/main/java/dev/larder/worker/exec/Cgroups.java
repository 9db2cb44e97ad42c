package dev.larder.worker.exec;

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
 * Control groups (version 2) for the processes of workspaces and jobs, where this process may make groups below its own:
 * {@code larder-<workspace>/<job>}, named by their {@link Marks}. A group is killed in one step, however fast its processes
 * fork. Where no group can be made processes are found by their marks alone (decision 0021).
 */
final class Cgroups {

    private static final String PREFIX = "larder-";
    private static final String PROCESSES = "cgroup.procs";
    private static final String KILL = "cgroup.kill";
    private static final int TRIES = 50;
    private static final long PAUSE_NANOS = 2_000_000;

    private final @Nullable Path own;

    private Cgroups(@Nullable Path own) {
        this.own = own;
    }

    static Cgroups none() {
        return new Cgroups(null);
    }

    /** Tries it once with a process of its own. */
    static Cgroups here() {
        try {
            return own().filter(Cgroups::isUsable).map(Cgroups::new).orElseGet(Cgroups::none);
        } catch (IOException notLinux) {
            return none();
        }
    }

    boolean isUsable() {
        return own != null;
    }

    private static Optional<Path> own() throws IOException {
        Optional<String> group = Files.readString(Path.of("/proc/self/cgroup"))
                .lines()
                .filter(line -> line.startsWith("0::/") && !line.contains("/.."))
                .map(line -> line.substring("0::/".length()))
                .findFirst();
        // The fields of a mount: id, parent, device, its root, where it is mounted, options, "-", type.
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
                        && Processes.run("/bin/sh", "-c", "echo 0 > \"$1\"", "larder", procs(trial)) == 0;
            } finally {
                removeEmpty(trial);
            }
        } catch (IOException notOurs) {
            return false;
        }
    }

    /** The file that a process writes 0 to in order to join the group of its job; empty text where there is none. */
    String join(Marks marks) {
        if (own == null) {
            return "";
        }
        Path group = own.resolve(name(marks.workspace())).resolve(Long.toHexString(marks.job()));
        try {
            return procs(Files.createDirectories(group));
        } catch (IOException full) {
            return "";
        }
    }

    private static String procs(Path group) {
        return group.resolve(PROCESSES).toString();
    }

    private static String name(long mark) {
        return PREFIX + Long.toHexString(mark);
    }

    /**
     * Kills all processes of the groups with these marks, and removes the groups.
     *
     * @return what was killed: the names of programs by process id
     */
    Map<Long, String> kill(Collection<Long> marks) {
        Map<Long, String> killed = new TreeMap<>();
        for (Path workspace : below(own, PREFIX + "*")) {
            for (long mark : marks) {
                if (workspace.endsWith(name(mark))) {
                    below(workspace, "*").forEach(job -> kill(job, killed));
                    kill(workspace, killed);
                } else {
                    kill(workspace.resolve(Long.toHexString(mark)), killed);
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
                        .forEach(pid -> killed.putIfAbsent(pid, Processes.program(pid)));
                Path unused = Files.writeString(group.resolve(KILL), "1");
                removeEmpty(group);
            }
        } catch (IOException gone) {
            // What is left is found by its marks.
        }
    }

    /** Where processes live on in it, the group stays until its workspace is deleted. */
    void leave(Marks marks) {
        if (own != null) {
            Path workspace = own.resolve(name(marks.workspace()));
            boolean unused = deleteEmpty(workspace.resolve(Long.toHexString(marks.job()))) && deleteEmpty(workspace);
        }
    }

    /** Processes that were killed take a moment to be gone. */
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
