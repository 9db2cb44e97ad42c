package dev.larder.worker.process;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;

/** Kills processes that {@code /proc} shows. This process itself is never killed. */
final class Processes {

    private static final int ROUNDS_MAX = 200;
    private static final int ROUNDS_AT_ONCE = 20;
    private static final long PAUSE_NANOS = 5_000_000;

    private Processes() {}

    /** Kills every process that matches. Repeats until none is left, because a process may fork during the search. */
    static KilledProcesses kill(ProcessFilter filter, Cgroups groups) {
        Map<Long, String> killed = groups.kill(filter.tags());
        killed.putAll(killAll(process -> filter.matches(process.pid())));
        return new KilledProcesses(killed);
    }

    /** Kills the rest of a process group. Without {@code /proc} the names of the processes are unknown. */
    static KilledProcesses killGroup(long group) {
        if (ProcFs.exists()) {
            return new KilledProcesses(killAll(process -> ProcFs.group(process.pid()) == group));
        }
        SystemCommands.signalGroup("KILL", group);
        return KilledProcesses.NONE;
    }

    private static Map<Long, String> killAll(Predicate<ProcessHandle> wanted) {
        Map<Long, String> killed = new TreeMap<>();
        for (int round = 0; round < ROUNDS_MAX; round++) {
            boolean some = false;
            for (ProcessHandle process : ProcFs.find(wanted)) {
                String name = ProcFs.program(process.pid());
                // The handle knows when its process began, so a new process with the same id is not killed.
                if (process.destroyForcibly()) {
                    String unused = killed.putIfAbsent(process.pid(), name);
                    some = true;
                }
            }
            if (!some) {
                // No process is left, or the rest belongs to another user.
                return killed;
            }
            LockSupport.parkNanos(round < ROUNDS_AT_ONCE ? 1 : PAUSE_NANOS);
        }
        return killed;
    }
}
