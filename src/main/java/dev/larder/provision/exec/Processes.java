package dev.larder.provision.exec;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/** Processes found by what {@code /proc} says of them, and signals to them. */
final class Processes {

    private static final int ROUNDS_MAX = 100;

    private Processes() {}

    private static Path proc() {
        return Path.of("/proc");
    }

    /**
     * Kills every process of this user whose environment holds all these entries, until none is left: one may fork while
     * it is looked for. This process itself never counts.
     *
     * @param entries {@code NAME=value}
     */
    static void killBearing(String... entries) {
        killAll(process -> bears(process.pid(), entries));
    }

    /**
     * What follows this beginning in the environments of all processes of this user that have such an entry.
     *
     * @param beginning {@code NAME=begin}
     */
    static Set<String> values(String beginning) {
        String sought = "\0" + asRead(beginning);
        Set<String> values = new HashSet<>();
        all(process -> true).forEach(process -> {
            String environment = "\0" + read(process.pid(), "environ");
            int from = environment.indexOf(sought);
            if (from >= 0) {
                int begin = from + sought.length();
                int end = environment.indexOf('\0', begin);
                values.add(environment.substring(begin, end < 0 ? environment.length() : end));
            }
        });
        return values;
    }

    /** Kills what is left of a process group. */
    static void killGroup(long group) {
        if (Files.isDirectory(proc())) {
            killAll(process -> group(process.pid()) == group);
        } else {
            signalGroup("KILL", group);
        }
    }

    private static void killAll(Predicate<ProcessHandle> wanted) {
        for (int round = 0; round < ROUNDS_MAX; round++) {
            List<ProcessHandle> found = all(wanted);
            if (found.isEmpty()) {
                return;
            }
            // The handle knows when its process began, so that another with the same number is not hit.
            found.forEach(ProcessHandle::destroyForcibly);
            Thread.onSpinWait();
            Thread.yield();
        }
    }

    // What is ignored stays so in all that is started, and no shell can trap it any more: who starts the server in the
    // background of a script takes INT from every script of ours.
    private static final Pattern IGNORED = Pattern.compile("(?m)^SigIgn:\\s*[0-9a-f]*[2367abef]$");

    /**
     * What to begin a command with so that it can be interrupted: empty where it can be anyway, and where {@code env} does
     * not know how.
     */
    static List<String> hearing() {
        List<String> prefix = hearing(read(ProcessHandle.current().pid(), "status"));
        return prefix.isEmpty() || run(prefix.getFirst(), prefix.getLast(), "true") == 0 ? prefix : List.of();
    }

    /** @param status as {@code /proc/<pid>/status} says it */
    static List<String> hearing(String status) {
        return IGNORED.matcher(status).find() ? List.of("env", "--default-signal=INT") : List.of();
    }

    /** Java itself knows only two signals, and no groups. */
    static void signalGroup(String signal, long group) {
        // Where there is no shell the final signal does it.
        int unused = run("/bin/sh", "-c", "kill -" + signal + " -" + group);
    }

    /** @return its exit value, or -1 where it could not be started */
    private static int run(String... command) {
        try {
            return new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start()
                    .onExit()
                    .join()
                    .exitValue();
        } catch (IOException notStarted) {
            return -1;
        }
    }

    private static List<ProcessHandle> all(Predicate<ProcessHandle> wanted) {
        List<ProcessHandle> found = new ArrayList<>();
        if (!Files.isDirectory(proc())) {
            return found;
        }
        long self = ProcessHandle.current().pid();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(proc(), "[0-9]*")) {
            for (Path entry : entries) {
                long pid = Long.parseLong(entry.getFileName().toString());
                if (pid != self) {
                    ProcessHandle.of(pid).filter(wanted).ifPresent(found::add);
                }
            }
        } catch (IOException noProc) {
            return found;
        }
        return found;
    }

    private static boolean bears(long pid, String... entries) {
        String environment = "\0" + read(pid, "environ");
        return Arrays.stream(entries).allMatch(entry -> environment.contains("\0" + asRead(entry) + "\0"));
    }

    /** @return -1 for a process that is gone, or dead and not yet waited for */
    private static long group(long pid) {
        String stat = read(pid, "stat");
        // The second field, a name in parentheses, may hold anything; state, parent and group follow the last one.
        int name = stat.lastIndexOf(") ");
        if (name < 0) {
            return -1;
        }
        String[] fields = stat.substring(name + 2).split(" ", 4);
        return fields.length < 4 || fields[0].equals("Z") ? -1 : Long.parseLong(fields[2]);
    }

    /** A character per byte, whatever the bytes mean. */
    private static String asRead(String text) {
        return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    }

    private static String read(long pid, String file) {
        try {
            return Files.readString(proc().resolve(Long.toString(pid)).resolve(file), StandardCharsets.ISO_8859_1);
        } catch (IOException goneOrForeign) {
            return "";
        }
    }
}
