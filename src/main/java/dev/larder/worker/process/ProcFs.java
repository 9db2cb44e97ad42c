package dev.larder.worker.process;

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
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads {@code /proc}. A file of a process that has ended, or that another user owns, reads as empty text. */
final class ProcFs {

    private static final Path PROC = Path.of("/proc");
    private static final Pattern FILE_LOCKS = Pattern.compile("(?m)^Max file locks +(\\d+) +(\\d+)");

    private ProcFs() {}

    /** Whether this system has {@code /proc}. */
    static boolean exists() {
        return Files.isDirectory(PROC);
    }

    /** All processes that match, without this process itself. Empty on a system without {@code /proc}. */
    static List<ProcessHandle> find(Predicate<ProcessHandle> wanted) {
        List<ProcessHandle> found = new ArrayList<>();
        if (!exists()) {
            return found;
        }
        long self = ProcessHandle.current().pid();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(PROC, "[0-9]*")) {
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

    /**
     * Looks for an entry of the environment in all processes of this user.
     *
     * @param beginning {@code NAME=begin}
     * @return the rest of each entry that begins so
     */
    static Set<String> values(String beginning) {
        String sought = "\0" + asRead(beginning);
        Set<String> values = new HashSet<>();
        find(process -> true).forEach(process -> {
            String environment = "\0" + environment(process.pid());
            int from = environment.indexOf(sought);
            if (from >= 0) {
                int begin = from + sought.length();
                int end = environment.indexOf('\0', begin);
                values.add(environment.substring(begin, end < 0 ? environment.length() : end));
            }
        });
        return values;
    }

    /** The name of the program, without control characters. */
    static String program(long pid) {
        return read(pid, "comm").replaceAll("\\p{Cntrl}", "");
    }

    /** Entries that end with U+0000, one character per byte (see {@link #asRead}). */
    static String environment(long pid) {
        return read(pid, "environ");
    }

    static String status(long pid) {
        return read(pid, "status");
    }

    /**
     * Whether the soft or the hard limit of file locks is one of these. Every user may read the limits of a
     * process.
     */
    static boolean hasFileLockLimit(long pid, Collection<Long> limits) {
        Matcher found = FILE_LOCKS.matcher(read(pid, "limits"));
        return found.find()
                && (limits.contains(Long.parseUnsignedLong(found.group(1)))
                        || limits.contains(Long.parseUnsignedLong(found.group(2))));
    }

    /** The process group. -1 if the process has ended, also if its parent has not waited for it yet. */
    static long group(long pid) {
        String stat = read(pid, "stat");
        // The second field is a name in parentheses that may contain anything. State, parent and group follow it.
        int name = stat.lastIndexOf(") ");
        if (name < 0) {
            return -1;
        }
        String[] fields = stat.substring(name + 2).split(" ", 4);
        return fields.length < 4 || fields[0].equals("Z") || fields[0].equals("X") ? -1 : Long.parseLong(fields[2]);
    }

    /** Text as this class reads it: one character per byte, in any encoding. */
    static String asRead(String text) {
        return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    }

    private static String read(long pid, String file) {
        try {
            return Files.readString(PROC.resolve(Long.toString(pid)).resolve(file), StandardCharsets.ISO_8859_1);
        } catch (IOException endedOrOfAnotherUser) {
            return "";
        }
    }
}
