package dev.larder.lifecycle;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.model.JobOutcome;
import dev.larder.model.JobStatus;
import dev.larder.model.Lease;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Requeues leased jobs whose worker stops, was lost or does not know of them, and jobs that failed because of
 * the location where they were built.
 */
@ApplicationScoped
public class RequeueStore {

    private final Pool pool;

    public RequeueStore(Pool pool) {
        this.pool = pool;
    }

    /** Assignments of an {@code UPDATE jobs}: the job waits for a worker again. */
    private static final String UNLEASED =
            "started_at = NULL, deadline_at = NULL, worker_id = NULL, lease_token = NULL";

    /** The CTE {@code logged}: the last line of the attempt's log says why it did not end. */
    private static String logged(String reason, String jobs) {
        return """
                logged AS (
                    INSERT INTO job_logs (job_id, seq, at, stream, line)
                    SELECT id, least(attempt, 2146) * 1000000 + 999999, :at::timestamptz, 'larder', %s FROM %s
                        ON CONFLICT DO NOTHING)""".formatted(reason, jobs);
    }

    /**
     * The mutations of the jobs of {@code back} end. What a tool stored that ended by itself is true. Where the state
     * cannot be trusted the workspace says so too: its job is refused then, and the workspace is destroyed.
     */
    private static String givenBack() {
        return MutationEnd.endOf("back", "'aborted'") + ",\nmirrored AS ("
                + StateMirror.of("(SELECT * FROM settled WHERE NOT unchanged)") + ")";
    }

    private static final Sql REQUEUE = Sql.of(
            """
            WITH back AS (
                UPDATE jobs
                   SET %s
                 WHERE id = :job AND lease_token = :token AND canceled_at IS NULL
                RETURNING id, attempt, mutation_id, status, 'not_started' AS tool, NULL::text AS error_code,
                          workspace_id, build_id, :at::timestamptz AS at),
            """.formatted(UNLEASED) + logged("'Its worker was ending and gave it back.'", "back") + ",\n" + givenBack()
                    + """

            SELECT id FROM back""",
            "job",
            "token",
            "at");

    /**
     * Puts a leased job back into the queue, unfinished, because its worker stops. It counts as no loss, so a rolling
     * restart uses up none of the attempts.
     *
     * @return false where the lease was lost: nothing was changed
     */
    public Uni<Boolean> requeue(Lease lease, Instant at) {
        return REQUEUE.on(pool, lease.jobId(), lease.token(), Rows.utc(at)).map(rows -> rows.size() == 1);
    }

    // Workers not heard of since :silent_since are lost. Deadlines before :overrun_since are overrun beyond the time
    // in which a worker stops by itself. :forgotten are jobs of :worker that it does not know of.
    private static final String LOST = """
            WITH hung AS (
                SELECT j.id, j.canceled_at IS NOT NULL AS canceling,
                       j.deadline_at < :overrun_since::timestamptz AS overrun,
                       j.attempt, j.losses + 1 AS losses, j.mutation_id IS NOT NULL AND NOT j.deletes AS changing,
                       j.backend = 'terraform_check' AND (SELECT b.reason FROM builds b WHERE b.id = j.build_id) NOT IN ('refresh', 'apply') AS looking,
                       CASE WHEN j.deadline_at < :overrun_since::timestamptz
                            THEN 'The job was not done by its deadline.'
                            WHEN k.stopped_at IS NOT NULL THEN 'Its worker ended without it.'
                            WHEN k.last_seen_at < :silent_since::timestamptz
                                THEN 'Its worker was not heard of any more.'
                            WHEN j.canceled_at < :overrun_since::timestamptz
                                THEN 'It did not stop when it was asked to.'
                            ELSE 'Its worker did not know of it.' END AS reason
                  FROM jobs j JOIN workers k ON k.id = j.worker_id
                 WHERE j.started_at IS NOT NULL AND j.completed_at IS NULL
                   AND (k.last_seen_at < :silent_since::timestamptz OR k.stopped_at IS NOT NULL
                        OR j.deadline_at < :overrun_since::timestamptz
                        OR j.canceled_at < :overrun_since::timestamptz
                        OR (k.id = :worker::uuid AND j.id = ANY (:forgotten::uuid[])))
                   AND {trusted}
                 ORDER BY j.id LIMIT 100
                   FOR UPDATE OF j SKIP LOCKED),
            taken_back AS (
                UPDATE jobs j
                   SET lease_token = NULL, losses = h.losses,
                       started_at = CASE WHEN h.final THEN j.started_at END,
                       deadline_at = CASE WHEN h.final THEN j.deadline_at END,
                       worker_id = CASE WHEN h.final THEN j.worker_id END,
                       completed_at = CASE WHEN h.final THEN :at::timestamptz END,
                       error_code = CASE WHEN h.final AND NOT h.canceling THEN h.code END,
                       blame = CASE WHEN h.final AND NOT h.canceling AND NOT h.overrun THEN 'passing' END,
                       error = CASE WHEN h.final AND NOT h.canceling
                                    THEN CASE WHEN h.overrun THEN h.reason
                                              WHEN h.looking THEN 'Its worker was lost. It had changed nothing.'
                                              WHEN h.changing THEN 'Its worker was lost while it changed infrastructure. What it made after its last upload may be left.'
                                              ELSE 'Its worker was lost ' || h.losses || ' times.' END END
                  FROM (SELECT *, canceling OR overrun OR changing OR losses >= :max_attempts::integer AS final,
                               CASE WHEN overrun THEN 'timed_out' ELSE 'worker_lost' END AS code
                          FROM hung) h
                 WHERE j.id = h.id
                RETURNING j.id, h.attempt, h.reason, j.workspace_id, j.build_id, j.status, j.completed_at, h.final,
                          j.mutation_id, 'unknown' AS tool, 'worker_lost' AS error_code, :at::timestamptz AS at),
            """.replace("{trusted}", Rules.TRUSTED);

    private static final Sql REQUEUE_LOST = Sql.of(
            LOST + logged("reason", "taken_back") + ",\n" + MutationEnd.endOf("taken_back", "'expired'")
                    + """
            ,
            moved AS (
                UPDATE workspaces w
                   SET build_status = d.status, build_finished_at = d.completed_at,
                       {mirror}
                  FROM {known}
                 WHERE w.id = d.workspace_id AND w.build_id = d.build_id
                RETURNING w.preset_id, w.prebuild),
            dirty AS ({dirty})
            SELECT count(*) AS jobs FROM moved""".replace("{mirror}", StateMirror.ASSIGNED)
                            .replace("{known}", MutationEnd.known("taken_back"))
                            .replace("{dirty}", DirtyPresets.mark("moved WHERE prebuild")),
            "at",
            "silent_since",
            "overrun_since",
            "max_attempts",
            "worker",
            "forgotten");

    /**
     * Ends the leases of workers that fell silent, of jobs that overran their deadline, and of jobs that did
     * not stop when they were asked to: a job is requeued while attempts are left, and fails after that. At
     * most 100 at a time.
     *
     * @param silentSince a worker last seen before this instant is lost
     * @param overrunSince a deadline before this instant is overrun; its worker had until then to end it itself
     * @return how many
     */
    public Uni<Integer> requeueLost(Instant at, Instant silentSince, Instant overrunSince, int maxAttempts) {
        return requeue(at, silentSince, overrunSince, maxAttempts, null, Set.of());
    }

    /**
     * Ends leases of a living worker that it does not know of: the answer that told it so was lost, or it gave
     * up on storing their results. Otherwise as {@link #requeueLost}.
     */
    public Uni<Integer> requeueForgotten(UUID worker, Set<UUID> forgotten, Instant at, int maxAttempts) {
        return requeue(at, Instant.EPOCH, Instant.EPOCH, maxAttempts, worker, forgotten);
    }

    private Uni<Integer> requeue(
            Instant at,
            Instant silentSince,
            Instant overrunSince,
            int maxAttempts,
            @Nullable UUID worker,
            Set<UUID> forgotten) {
        return REQUEUE_LOST
                .on(
                        pool,
                        Rows.utc(at),
                        Rows.utc(silentSince),
                        Rows.utc(overrunSince),
                        maxAttempts,
                        worker,
                        forgotten.toArray(UUID[]::new))
                .map(rows -> rows.iterator().next().getInteger("jobs"));
    }

    /** Between two probes of a location on hold: the first interval, and the longest. */
    static final Duration FIRST_PROBE = Duration.ofSeconds(5);

    static final Duration LONGEST_PROBE = Duration.ofMinutes(1);

    /** A job that fails so often where other jobs succeed fails for good, and the failure is its template's. */
    static final int FAILURES_MAX = 3;

    // Where a location of this backend is on hold already, the failure does not count against the job: workers may
    // share the location. The job is queued behind the others of its kind, so that a job that breaks its location is
    // not the probe each time.
    private static final String REQUEUE_FAILED = """
            WITH job AS (
                SELECT j.id, j.worker_id, j.backend, j.started_at, k.organization_id,
                       EXISTS (SELECT FROM held_places h JOIN workers o ON o.id = h.worker_id
                                WHERE h.backend = j.backend
                                  AND o.organization_id IS NOT DISTINCT FROM k.organization_id) AS held
                  FROM jobs j
                  JOIN workers k ON k.id = j.worker_id
                 WHERE j.id = :job::uuid AND j.lease_token = :token::uuid AND j.canceled_at IS NULL
                   FOR NO KEY UPDATE OF j),
            back AS (
                UPDATE jobs j
                   SET %s,
                       place_failures = place_failures + CASE WHEN b.held THEN 0 ELSE 1 END,
                       queue_at = greatest(j.queue_at, :at::timestamptz + make_interval(secs =>
                                           CASE WHEN NOT j.prebuild THEN 0 WHEN j.deletes
                                                THEN :delete_handicap::integer ELSE :start_handicap::integer END))
                  FROM job b
                 WHERE j.id = b.id AND (b.held OR j.place_failures + 1 < :failures_max::integer)
                RETURNING j.id, j.attempt, j.status, j.prebuild, j.created_at, j.mutation_id, :tool::text AS tool,
                          NULL::text AS error_code, :at::timestamptz AS at),
            """.formatted(UNLEASED);

    // Only a failed probe makes the interval longer: jobs that were leased before the hold fail too. The location is
    // the one that the worker has listed, or the only one of this backend.
    private static final String HOLD = """
            hold AS (
                INSERT INTO held_places AS h (worker_id, backend, location, since, code, reason, probe_at)
                SELECT b.worker_id, b.backend,
                       coalesce((SELECT l.location FROM inventory_locations l
                                  WHERE l.worker_id = b.worker_id AND l.backend = b.backend
                                  ORDER BY l.heard_at DESC LIMIT 1),
                                (SELECT min(l.location) FROM inventory_locations l
                                  WHERE l.backend = b.backend
                                    AND l.organization_id IS NOT DISTINCT FROM b.organization_id
                                  HAVING count(*) = 1)),
                       :at::timestamptz, :code::text, :reason::text,
                       :at::timestamptz + make_interval(secs => :first_probe::integer)
                  FROM job b WHERE EXISTS (SELECT FROM back)
                    ON CONFLICT (worker_id, backend)
                    DO UPDATE SET tries = h.tries + 1, code = excluded.code, reason = excluded.reason,
                                  probe_at = :at::timestamptz
                                      + make_interval(secs => least(:first_probe::integer * 2 ^ least(h.tries + 1, 20),
                                                                    :longest_probe::integer))
                     WHERE h.probe_at <= (SELECT started_at FROM job)),
            """;

    private static final Sql REQUEUE_AND_HOLD = Sql.of(
            REQUEUE_FAILED + HOLD
                    + logged(
                            "'The place is in trouble, not the template: the job waits for another worker,"
                                    + " or until the place works again.'",
                            "back")
                    + ",\n" + givenBack() + """

            SELECT b.status, b.prebuild, b.created_at, j.started_at FROM back b, job j""",
            "job",
            "token",
            "at",
            "code",
            "reason",
            "delete_handicap",
            "start_handicap",
            "failures_max",
            "first_probe",
            "longest_probe",
            "tool");

    /**
     * Requeues a job that failed because of the location where it was built, not because of its template, and
     * puts the worker's location on hold (decision 0025).
     *
     * @return empty where the lease was lost, the job was asked to stop, or it has failed
     *     {@value #FAILURES_MAX} times where others succeed: nothing was changed
     */
    Uni<Optional<Completed>> requeueAndHold(Lease lease, JobOutcome.Failed failed, Instant at) {
        return REQUEUE_AND_HOLD
                .on(
                        pool,
                        lease.jobId(),
                        lease.token(),
                        Rows.utc(at),
                        failed.code(),
                        Rows.storable(failed.detail()),
                        Rows.wholeSeconds(Handicap.DELETE),
                        Rows.wholeSeconds(Handicap.START),
                        FAILURES_MAX,
                        Rows.wholeSeconds(FIRST_PROBE),
                        Rows.wholeSeconds(LONGEST_PROBE),
                        failed.tool().word())
                .map(rows -> Rows.first(rows, row -> requeued(row, lease)));
    }

    private static Completed requeued(Row row, Lease lease) {
        return new Completed(
                JobStatus.PENDING,
                lease.transition(),
                Boolean.TRUE.equals(row.getBoolean("prebuild")),
                false,
                Rows.instant(row, "created_at"),
                Rows.instant(row, "started_at"));
    }
}
