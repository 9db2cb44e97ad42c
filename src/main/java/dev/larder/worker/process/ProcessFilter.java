package dev.larder.worker.process;

import java.util.Collection;
import java.util.List;

/**
 * Which processes to find: those with all of these entries in their environment, and those with one of these tags.
 *
 * @param entries {@code NAME=value}
 * @param tags of {@link ProcessTags}
 */
record ProcessFilter(List<String> entries, Collection<Long> tags) {

    boolean matches(long pid) {
        String environment = "\0" + ProcFs.environment(pid);
        return (entries.stream().allMatch(entry -> environment.contains("\0" + ProcFs.asRead(entry) + "\0"))
                        || ProcFs.hasFileLockLimit(pid, tags))
                && ProcFs.group(pid) >= 0;
    }
}
