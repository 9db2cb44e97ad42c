package dev.larder.lifecycle;

import dev.larder.database.CleanupRows;
import dev.larder.database.CleanupRows.Walk;
import dev.larder.database.CleanupType;
import dev.larder.database.CleanupType.Retention;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.List;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/** Removes ended claims with their labels, and jobs with their builds, after their retention (decision 0036). */
class HistoryCleanupStore {

    private static final Duration DAY = Duration.ofDays(1);
    private static final Duration QUARTER = Duration.ofDays(90);

    /** As many of the newest attempts as an estimate of builds reads. */
    private static final int ATTEMPTS = 10;

    private final String recent;

    HistoryCleanupStore(@ConfigProperty(name = "larder.reconcile.hard-limit", defaultValue = "3") int hardLimit) {
        recent = recent(hardLimit);
    }

    /**
     * A condition: the build {@code b} is of one of the newest attempts of a preset that may have stock, which cycles
     * and estimates look back on. A former version is refilled while a rollout is held.
     */
    static String recent(int hardLimit) {
        return recent("b.preset_id", "b.attempt", hardLimit);
    }

    private static String recent(String preset, String attempt, int hardLimit) {
        return """
                EXISTS (SELECT FROM presets p JOIN templates x ON x.id = p.template_id AND %s
                         WHERE p.id = %s AND %s > p.attempts - %d)""".formatted(Rules.stocked("p", "x"), preset, attempt, Math.max(hardLimit, ATTEMPTS));
    }

    // The newest claim stays: servers tell by it whether the database was restored from a backup (decision 0029).
    private static final String CLAIM_IS_OVER = """
            t.ended_at < :before::timestamptz
                       AND t.id < (SELECT n.id FROM claims n WHERE n.id < :end::uuid ORDER BY n.id DESC LIMIT 1)""";

    private static final String NOT_THE_NEWEST_CLAIM = "t.id < (SELECT n.id FROM claims n ORDER BY n.id DESC LIMIT 1)";

    /** An ended claim, and with it the answer under its idempotency key, is kept for a day at least. */
    @Produces
    @Singleton
    CleanupType claims() {
        return CleanupRows.walking(
                Retention.of(QUARTER, DAY),
                new Walk("claims", CLAIM_IS_OVER, CleanupRows.oldestOf("claims", "ended_at", NOT_THE_NEWEST_CLAIM))
                        .with("labels", "subject_id"));
    }

    // A workspace keeps its latest build, and the one that it gets back after a check. A job goes after its log lines
    // and its mutation.
    private static final String JOB_IS_OVER = """
            NOT EXISTS (SELECT FROM workspaces w WHERE w.id = b.workspace_id AND b.id IN (w.build_id, w.resumes_build_id))
                       AND NOT EXISTS (SELECT FROM job_logs l WHERE l.job_id = t.id)
                       AND NOT EXISTS (SELECT FROM state_mutations m WHERE m.job_id = t.id)
                       AND NOT {recent}""";

    private static final String REMOVE_JOBS = """
            WITH examined AS (
                SELECT t.id, (t.completed_at < :before::timestamptz AND {over}) AS removable
                  FROM jobs t JOIN builds b ON b.id = t.build_id
                 WHERE t.id > :after::uuid AND t.id < :end::uuid ORDER BY t.id LIMIT :rows::integer),
            locked AS (
                SELECT j.id FROM jobs j
                 WHERE j.id = ANY (ARRAY(SELECT id FROM examined WHERE removable)) FOR UPDATE SKIP LOCKED),
            gone AS (
                DELETE FROM jobs j WHERE j.id = ANY (ARRAY(SELECT id FROM locked))
                RETURNING j.build_id, pg_column_size(j) AS bytes),
            builds AS (
                DELETE FROM builds b WHERE b.id = ANY (ARRAY(SELECT build_id FROM gone))
                RETURNING pg_column_size(b) AS bytes),
            deleted AS (
                SELECT bytes FROM gone UNION ALL SELECT bytes FROM builds)
            """ + CleanupRows.COUNTED.replace("{position}", CleanupRows.LAST);

    private static final String OLDEST_JOB = """
            SELECT min(t.completed_at) AS at
              FROM (SELECT * FROM jobs ORDER BY id LIMIT 1000) t JOIN builds b ON b.id = t.build_id
             WHERE t.completed_at IS NOT NULL AND {over} HAVING min(t.completed_at) IS NOT NULL""";

    /** Jobs and their builds, also those of workspaces that live on. */
    @Produces
    @Singleton
    CleanupType jobs() {
        String over = JOB_IS_OVER.replace("{recent}", recent);
        return CleanupRows.by(
                "jobs",
                Retention.of(QUARTER, DAY),
                List.of("jobs", "builds"),
                REMOVE_JOBS.replace("{over}", over),
                OLDEST_JOB.replace("{over}", over));
    }

    private static final String ATTEMPT_IS_OVER = """
            NOT EXISTS (SELECT FROM builds b WHERE b.preset_id = t.preset_id AND b.attempt = t.number)
                       AND NOT {recent}""";

    // The table has no id. All of it is walked, which is as long as builds and active presets are many.
    private static final String REMOVE_ATTEMPTS = """
            WITH examined AS (
                SELECT t.preset_id, t.number,
                       t.created_at < :before::timestamptz AND {over} AS removable
                  FROM attempts t
                 WHERE (t.preset_id, t.number) >
                       (coalesce(split_part(:position::text, ' ', 1)::uuid, '00000000-0000-0000-0000-000000000000'),
                        coalesce(split_part(:position, ' ', 2)::integer, -1))
                 ORDER BY t.preset_id, t.number LIMIT :rows::integer),
            deleted AS (
                DELETE FROM attempts a USING examined e
                 WHERE e.removable AND a.preset_id = e.preset_id AND a.number = e.number
                RETURNING pg_column_size(a) AS bytes)
            """ + CleanupRows.COUNTED.replace("{position}", """
            (SELECT preset_id || ' ' || number FROM examined ORDER BY preset_id DESC, number DESC LIMIT 1)""");

    /** Attempts of presets whose builds have gone; those that count stay. */
    @Produces
    @Singleton
    CleanupType attempts(@ConfigProperty(name = "larder.reconcile.hard-limit", defaultValue = "3") int hardLimit) {
        String over = ATTEMPT_IS_OVER.replace("{recent}", recent("t.preset_id", "t.number", hardLimit));
        return CleanupRows.by(
                "attempts",
                new Retention(DAY, QUARTER, DAY, -1),
                List.of("attempts"),
                REMOVE_ATTEMPTS.replace("{over}", over),
                """
                SELECT min(t.created_at) AS at FROM (SELECT * FROM attempts ORDER BY created_at LIMIT 1000) t
                 WHERE %s HAVING min(t.created_at) IS NOT NULL""".formatted(over));
    }
}
