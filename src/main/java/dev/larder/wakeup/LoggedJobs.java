package dev.larder.wakeup;

import java.util.Arrays;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;

/** The payload that tells which jobs have new log lines: the sender's id, then the ids of the jobs. */
final class LoggedJobs {

    /** PostgreSQL refuses a payload of 8,000 bytes or more; an id has 36 and a space. */
    static final int NAMED_MAX = 200;

    private LoggedJobs() {}

    /** Names no job where there are more than {@value #NAMED_MAX}. */
    static String payload(UUID process, Set<UUID> jobs) {
        return jobs.size() > NAMED_MAX
                ? process.toString()
                : process + jobs.stream().map(job -> " " + job).collect(Collectors.joining());
    }

    /** The jobs that a payload names; none stands for any job. */
    static Set<UUID> named(String payload) {
        return Arrays.stream(payload.split(" ", -1))
                .skip(1)
                .map(UUID::fromString)
                .collect(Collectors.toUnmodifiableSet());
    }
}
