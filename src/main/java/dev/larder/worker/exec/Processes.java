package dev.larder.worker.exec;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Processes found by what {@code /proc} says of them, and signals to them. */
final class Processes {

    private static final int ROUNDS_MAX = 200;
    private static final int ROUNDS_AT_ONCE = 20;
    private static final long PAUSE_NANOS = 5_000_000;
    private static final int NAMED_MAX = 20;
    private static final Pattern FILE_LOCKS = Pattern.compile("(?m)^Max file locks +(\\d+) +(\\d+)");

    private Processes() {}

    private static Path proc() {
        return Path.of("/proc");
    }

    /**
     * What processes are known by: all these entries of the environment, or one of these marks.
     *
     * @param entries {@code NAME=value}
     */
    record Sign(List<String> entries, Collection<Long> marks) {}

    /**
     * Kills every process that bears the sign, until none is left: one may fork while it is looked for. This process itself
     * never counts.
     *
     * @return what was killed: the names of programs by process id
     */
    static Map<Long, String> kill(Sign sign, Cgroups groups) {
        Map<Long, String> killed = groups.kill(sign.marks());
        killed.putAll(killAll(process -> bears(process.pid(), sign)));
        return killed;
    }

    /** The name of the program, without what a log cannot show. */
    static String program(long pid) {
        return read(pid, "comm").replaceAll("\\p{Cntrl}", "");
    }

    /** Kills what is left of a process group. */
    static Map<Long, String> killGroup(long group) {
        if (Files.isDirectory(proc())) {
            return killAll(process -> group(process.pid()) == group);
        }
        signalGroup("KILL", group);
        return Map.of();
    }

    /** For a log: process ids and names of programs, never arguments, which may hold secrets. */
    static String named(Map<Long, String> processes) {
        String first = processes.entrySet().stream()
                .limit(NAMED_MAX)
                .map(process -> process.getKey() + " " + process.getValue())
                .collect(Collectors.joining(", "));
        return processes.size() <= NAMED_MAX ? first : first + " and " + (processes.size() - NAMED_MAX) + " more";
    }

    private static Map<Long, String> killAll(Predicate<ProcessHandle> wanted) {
        Map<Long, String> killed = new TreeMap<>();
        for (int round = 0; round < ROUNDS_MAX; round++) {
            boolean some = false;
            for (ProcessHandle process : all(wanted)) {
                String name = program(process.pid());
                // The handle knows when its process began, so that another with the same number is not hit.
                if (process.destroyForcibly()) {
                    String unused = killed.putIfAbsent(process.pid(), name);
                    some = true;
                }
            }
            if (!some) {
                // None is left, or what is left is another user's.
                return killed;
            }
            LockSupport.parkNanos(round < ROUNDS_AT_ONCE ? 1 : PAUSE_NANOS);
        }
        return killed;
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
    static int run(String... command) {
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
        } catch (IOException | DirectoryIteratorException noProc) {
            return found;
        }
        return found;
    }

    private static boolean bears(long pid, Sign sign) {
        String environment = "\0" + read(pid, "environ");
        return (sign.entries().stream().allMatch(entry -> environment.contains("\0" + asRead(entry) + "\0"))
                        || isMarked(pid, sign.marks()))
                && group(pid) >= 0;
    }

    /** The limits of a process can be read by every user, and as long as nobody has waited for it. */
    private static boolean isMarked(long pid, Collection<Long> marks) {
        Matcher limits = FILE_LOCKS.matcher(read(pid, "limits"));
        return limits.find()
                && (marks.contains(Long.parseUnsignedLong(limits.group(1)))
                        || marks.contains(Long.parseUnsignedLong(limits.group(2))));
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
        return fields.length < 4 || fields[0].equals("Z") || fields[0].equals("X") ? -1 : Long.parseLong(fields[2]);
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
