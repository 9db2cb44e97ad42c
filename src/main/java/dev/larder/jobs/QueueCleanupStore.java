package dev.larder.jobs;

import dev.larder.database.CleanupRows;
import dev.larder.database.CleanupRows.Walk;
import dev.larder.database.CleanupType;
import dev.larder.database.CleanupType.Retention;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.List;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/** Removes log lines and registrations of workers after their retention (decision 0036). */
class QueueCleanupStore {

    // Ids follow the order of creation, so the oldest lines come first in the primary key.
    private static final String REMOVE_LINES = """
            WITH examined AS (
                SELECT o.job_id, o.seq, j.completed_at < :before::timestamptz AS removable
                  FROM job_logs o JOIN jobs j ON j.id = o.job_id
                 WHERE (o.job_id, o.seq) >
                       (coalesce(split_part(:position::text, ' ', 1)::uuid, '00000000-0000-0000-0000-000000000000'),
                        coalesce(split_part(:position, ' ', 2)::integer, -1))
                   AND o.job_id < :end::uuid
                 ORDER BY o.job_id, o.seq LIMIT :rows::integer),
            deleted AS (
                DELETE FROM job_logs l USING examined e
                 WHERE e.removable AND l.job_id = e.job_id AND l.seq = e.seq
                RETURNING octet_length(l.line) AS bytes)
            """ + CleanupRows.COUNTED.replace("{position}", """
            (SELECT job_id || ' ' || seq FROM examined ORDER BY job_id DESC, seq DESC LIMIT 1)""");

    /** Log lines of jobs that have ended. */
    @Produces
    @Singleton
    CleanupType logLines(
            @ConfigProperty(name = "larder.worker.log-retention", defaultValue = "14d") Duration retention) {
        return CleanupRows.by(
                "log_lines", Retention.of(retention, Duration.ZERO), List.of("job_logs"), REMOVE_LINES, """
                SELECT min(j.completed_at) AS at
                  FROM (SELECT job_id FROM job_logs ORDER BY job_id, seq LIMIT 1000) l JOIN jobs j ON j.id = l.job_id
                HAVING min(j.completed_at) IS NOT NULL""");
    }

    private static final String WORKER_IS_GONE = """
            NOT EXISTS (SELECT FROM inventory_locations l WHERE l.worker_id = t.id)
                       AND NOT EXISTS (SELECT FROM jobs j WHERE j.worker_id = t.id AND j.started_at IS NOT NULL
                                                            AND j.completed_at IS NULL)""";

    /** Workers that have stopped. A job may name a worker that has been removed. */
    @Produces
    @Singleton
    CleanupType workers() {
        return CleanupRows.walking(
                Retention.of(Duration.ofDays(30), Duration.ofDays(1)),
                new Walk(
                        "workers",
                        "t.stopped_at < :before::timestamptz AND " + WORKER_IS_GONE,
                        CleanupRows.oldestOf("workers", "stopped_at", WORKER_IS_GONE)));
    }
}
