package dev.larder.worker.process;

import java.util.Map;
import java.util.stream.Collectors;

/**
 * Processes that were killed.
 *
 * @param programs the name of the program by process id; empty if no process was found
 */
public record KilledProcesses(Map<Long, String> programs) {

    static final KilledProcesses NONE = new KilledProcesses(Map.of());

    private static final int NAMED_MAX = 20;

    public boolean isEmpty() {
        return programs.isEmpty();
    }

    /** For a log: process ids and names of programs. Never arguments, which may contain secrets. At most 20 of them. */
    @Override
    public String toString() {
        String first = programs.entrySet().stream()
                .limit(NAMED_MAX)
                .map(process -> process.getKey() + " " + process.getValue())
                .collect(Collectors.joining(", "));
        return programs.size() <= NAMED_MAX ? first : first + " and " + (programs.size() - NAMED_MAX) + " more";
    }
}
