package dev.larder.model;

import java.util.UUID;

/**
 * What a worker must show to write anything of a job, with what the queue has to know of the job then.
 *
 * @param token random; a worker that lost its lease has one that nothing is written under any more
 * @param attempt 1 for the first lease of the job
 * @param reason why the build is, as in {@link Assignment}
 */
public record Lease(UUID jobId, UUID token, int attempt, UUID workspaceId, Transition transition, String reason) {

    /** How many lines of a lease's log are kept; the worker keeps its beginning and its end. */
    public static final int LOG_LINES_MAX = 100_000;

    /** Lines of one lease are numbered from its attempt times this. */
    public static final int LOG_NUMBERS = 1_000_000;
}
