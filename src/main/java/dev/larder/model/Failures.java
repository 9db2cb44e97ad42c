package dev.larder.model;

import java.time.Instant;
import java.util.List;

/**
 * The failed prebuilds of a preset that backoff and the hard limit count (design, sections 2.3.3 and 2.3.4).
 * Builds of removed workspaces and builds before the last reset do not count.
 *
 * @param failedAt when the failed start builds ended, within the lookback, newest first
 * @param newestBuildsFailed for each of the newest start builds, newest first, whether it failed; as many as
 *     the preset can ever want instances
 * @param newestAttemptsFailed for each of the newest attempts, newest first, whether all its builds failed
 * @param newestExpiredUnready for each of the newest attempts that succeeded, newest first, whether all its
 *     prebuilds were older than the preset's ttl when they were ready; empty where no such prebuild is live
 */
public record Failures(
        List<Instant> failedAt,
        List<Boolean> newestBuildsFailed,
        List<Boolean> newestAttemptsFailed,
        List<Boolean> newestExpiredUnready) {

    public static final Failures NONE = new Failures(List.of(), List.of(), List.of());

    /** With no prebuild that was older than its ttl when it was ready. */
    public Failures(List<Instant> failedAt, List<Boolean> newestBuildsFailed, List<Boolean> newestAttemptsFailed) {
        this(failedAt, newestBuildsFailed, newestAttemptsFailed, List.of());
    }

    public Failures withExpiredUnready(List<Boolean> newest) {
        return new Failures(failedAt, newestBuildsFailed, newestAttemptsFailed, newest);
    }
}
