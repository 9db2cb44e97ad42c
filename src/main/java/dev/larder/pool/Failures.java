package dev.larder.pool;

import java.time.Instant;
import java.util.List;

/**
 * What is remembered of a preset's failed prebuilds; builds of removed workspaces and builds before the last reset are
 * not in it (design, sections 2.3.3 and 2.3.4).
 *
 * @param failedAt when the failed start builds ended, within the lookback, newest first
 * @param newestBuildsFailed for each of the newest start builds, newest first, whether it failed; as many as the preset
 *     can ever want instances
 * @param newestAttemptsFailed for each of the newest attempts, newest first, whether all its builds failed
 */
public record Failures(List<Instant> failedAt, List<Boolean> newestBuildsFailed, List<Boolean> newestAttemptsFailed) {

    public static final Failures NONE = new Failures(List.of(), List.of(), List.of());
}
