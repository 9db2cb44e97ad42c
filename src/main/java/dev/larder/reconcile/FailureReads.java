package dev.larder.reconcile;

import dev.larder.database.Sql;
import dev.larder.model.Failures;
import io.vertx.mutiny.sqlclient.Row;
import java.time.OffsetDateTime;
import java.util.Arrays;
import java.util.List;

/** The failed prebuilds of presets, as backoff and the hard limit count them. */
final class FailureReads {

    private FailureReads() {}

    // A start build failed, or its workspace was verified later and proved unfit.
    private static final String FAILED = """
            (j.status = 'failed' OR (w.prebuild AND w.transition = 'start' AND w.build_status = 'failed'))""";

    // Its start has not ended, or a claimed workspace is being verified: neither a failure nor a success yet. A
    // replacement that begins meanwhile must not hide the failures before it.
    private static final String UNDECIDED = "(j.status IN ('pending', 'running', 'canceling') OR w.verifying)";

    // A removed failure counts as if it had not been, and so does a start that was withdrawn.
    private static final String COUNTED_BUILDS = """
            FROM builds b
                             JOIN jobs j ON j.build_id = b.id
                             JOIN workspaces w ON w.id = b.workspace_id
                            WHERE b.preset_id = p.id AND b.attempt IS NOT NULL
                              AND (p.failures_from IS NULL OR b.created_at >= p.failures_from)
                              AND NOT (j.status = 'failed' AND w.deleted_at IS NOT NULL) AND j.status <> 'canceled'
                              AND NOT (w.transition = 'delete'
                                       AND EXISTS (SELECT FROM builds v JOIN jobs k ON k.build_id = v.id
                                                    WHERE v.workspace_id = w.id AND v.reason = 'verify'
                                                      AND k.status = 'failed'))
                              AND NOT EXISTS (SELECT FROM jobs l
                                               WHERE l.build_id IN (b.id, w.build_id) AND l.status = 'failed'
                                                 AND {blamed})""";

    // Only presets with failed prebuilds pay for the look into their builds. A failure of the place counts
    // as if it had not been. A passing one delays the next creation, and is no failed attempt.
    static final Sql FAILURES = Sql.of(
            """
            WITH evidence AS (
                SELECT w.preset_id, array_agg(w.build_finished_at ORDER BY w.build_finished_at DESC)
                           FILTER (WHERE w.build_finished_at >= :since AND f.blame NOT IN ('place', 'quota')
                                     AND (p.failures_from IS NULL OR w.created_at >= p.failures_from)) AS failed_at
                  FROM workspaces w JOIN presets p ON p.id = w.preset_id
                 CROSS JOIN LATERAL (SELECT coalesce(j.blame, 'template') AS blame FROM jobs j
                                     WHERE j.build_id = w.build_id) f
                 WHERE w.preset_id = ANY (:presets) AND w.prebuild AND w.deleted_at IS NULL
                   AND w.transition = 'start' AND w.build_status = 'failed'
                 GROUP BY w.preset_id)
            SELECT p.id, e.failed_at, newest.builds, attempts.failed
              FROM evidence e
              JOIN presets p ON p.id = e.preset_id
             CROSS JOIN LATERAL (
                   SELECT array_agg(n.failed ORDER BY n.attempt DESC, n.id DESC) AS builds
                     FROM (SELECT b.attempt, b.id, {failed} AS failed
                             {builds but for the place}
                              AND NOT {undecided}
                            ORDER BY b.attempt DESC, b.id DESC
                            LIMIT 1000) n) newest
             CROSS JOIN LATERAL (
                   SELECT array_agg(a.failed ORDER BY a.attempt DESC) AS failed
                     FROM (SELECT b.attempt, bool_and({failed}) AS failed
                             {builds of the template}
                            GROUP BY b.attempt
                           HAVING bool_or(NOT {failed} AND NOT {undecided}) OR NOT bool_or({undecided})
                            ORDER BY b.attempt DESC LIMIT :attempts) a) attempts""".replace(
                            "{builds but for the place}",
                            COUNTED_BUILDS.replace("{blamed}", "l.blame IN ('place', 'quota')"))
                    .replace("{builds of the template}", COUNTED_BUILDS.replace("{blamed}", "l.blame <> 'template'"))
                    .replace("{failed}", FAILED)
                    .replace("{undecided}", UNDECIDED),
            "presets",
            "since",
            "attempts");

    static Failures failures(Row row) {
        OffsetDateTime[] failedAt = row.getArrayOfOffsetDateTimes("failed_at");
        Boolean[] builds = row.getArrayOfBooleans("builds");
        Boolean[] attempts = row.getArrayOfBooleans("failed");
        return new Failures(
                failedAt == null
                        ? List.of()
                        : Arrays.stream(failedAt).map(OffsetDateTime::toInstant).toList(),
                builds == null ? List.of() : List.of(builds),
                attempts == null ? List.of() : List.of(attempts));
    }
}
