package dev.larder.model;

import java.util.UUID;

/**
 * A worker's right to write to a job, until another worker is leased it.
 *
 * @param token random; every write of the job carries it, and under the token of a lost lease nothing is written
 * @param attempt 1 for the first lease of the job
 * @param reason why the build is made, as in {@link Assignment}
 * @param mutates whether the lease is also that of a mutation of the workspace's state
 */
public record Lease(
        UUID jobId, UUID token, int attempt, UUID workspaceId, Transition transition, String reason, boolean mutates) {

    /**
     * The most lines that one lease's log can have. A worker of Larder writes at most 100,000: the beginning and
     * the end.
     */
    public static final int LOG_LINES_MAX = 110_000;

    /** Lines of one lease are numbered from its attempt times this. */
    public static final int LOG_NUMBERS = 1_000_000;
}
