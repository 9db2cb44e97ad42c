package dev.larder.lifecycle;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.model.JobStatus;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** Cancels builds: a client's request, and starts that waited too long. */
@ApplicationScoped
public class CancelStore {

    private final Pool pool;

    public CancelStore(Pool pool) {
        this.pool = pool;
    }

    private static final Sql CANCEL = Sql.of(
            """
            WITH job AS (
                SELECT id, status FROM jobs
                 WHERE id = :job AND organization_id = ANY (:organizations) AND completed_at IS NULL
                   FOR UPDATE),
            """
                    + EndBuild.cancel(
                            "(SELECT id FROM job WHERE :expected::text IS NULL OR status = :expected::text)",
                            "w.prebuild")
                    + ",\ndirty AS (" + DirtyPresets.mark("dropped WHERE prebuild") + ")" + """

            SELECT coalesce(d.build_status, job.status) AS status, d.build_status IS NOT NULL AS asked
              FROM job LEFT JOIN dropped d ON true""",
            "job",
            "at",
            "organizations",
            "expected");

    /**
     * The result of a request to cancel a job.
     *
     * @param status of the job, now
     * @param asked false where the job was not as expected, and nothing was done
     */
    public record Canceling(JobStatus status, boolean asked) {}

    /**
     * Cancels a job: a waiting one ends at once; a running one is asked to stop.
     *
     * @param expected nothing is done if the job is in another state
     * @return empty if there is no such unfinished job in these organizations
     */
    public Uni<Optional<Canceling>> cancel(
            UUID job, List<UUID> organizations, Optional<JobStatus> expected, Instant at) {
        return CANCEL.on(
                        pool,
                        job,
                        Rows.utc(at),
                        organizations.toArray(UUID[]::new),
                        expected.map(JobStatus::word).orElse(null))
                .map(rows -> Rows.first(rows, CancelStore::canceling));
    }

    private static Canceling canceling(Row row) {
        return new Canceling(JobStatus.of(row.getString("status")), Boolean.TRUE.equals(row.getBoolean("asked")));
    }

    // A delete is never withdrawn: the workspace must be deleted, however long it waits. Nor is a job that waits
    // because of a job limit while a worker for it is alive: it will get its turn. A check keeps a prebuild from claims
    // while it waits, so it does not wait long.
    private static final Sql WITHDRAW = Sql.of(
            """
            WITH old AS (
                SELECT j.id FROM jobs j JOIN builds b ON b.id = j.build_id
                 WHERE j.started_at IS NULL AND j.completed_at IS NULL AND b.transition = 'start' AND {trusted}
                   AND ((j.created_at < :waiting_since::timestamptz
                         AND NOT ({limited}
                                  AND EXISTS (SELECT FROM workers k JOIN tagsets s ON s.id = j.tagset_id
                                               WHERE {taken})))
                        OR (j.backend = 'terraform_check'
                            AND j.created_at < :at::timestamptz - CASE WHEN j.prebuild THEN interval '1 minute' ELSE interval '10 minutes' END)
                        OR (b.reason = 'verify'
                            AND (SELECT coalesce(c.waits_until, j.created_at + interval '30 seconds') FROM claims c
                                  WHERE c.workspace_id = j.workspace_id AND c.ended_at IS NULL) <= :at::timestamptz))
                 ORDER BY j.id LIMIT 100
                   FOR UPDATE OF j SKIP LOCKED),
            """.replace("{trusted}", Rules.TRUSTED).replace("{limited}", Rules.limited("j")).replace(
                            "{taken}", AvailableWorkers.take("s", "j.backend", "j.organization_id", ":at::timestamptz"))
                    + EndBuild.cancel("old", "w.prebuild")
                    + ",\ndirty AS (" + DirtyPresets.mark("dropped WHERE prebuild") + ")\n"
                    + "SELECT count(*) AS jobs FROM dropped",
            "at",
            "waiting_since",
            "deployment");

    /**
     * Cancels start jobs that no worker has begun since this instant (design, section 4.4), and verifications
     * whose claim waits no longer. A job that a job limit holds back is left to wait. At most 100 at a time.
     *
     * @return how many
     */
    public Uni<Integer> withdraw(Instant at, Instant waitingSince) {
        return WITHDRAW.on(pool, Rows.utc(at), Rows.utc(waitingSince), Rules.DEPLOYMENT)
                .map(rows -> rows.iterator().next().getInteger("jobs"));
    }

    private static final Sql FAIL_UNRELIABLE = Sql.of(
            """
            WITH refused AS (
                SELECT j.id
                  FROM states s JOIN jobs j ON j.workspace_id = s.workspace_id
                 WHERE s.status IN ('unreliable', 'corrupt')
                   AND j.started_at IS NULL AND j.completed_at IS NULL AND {trusted}
                   AND (({needs trust}) OR (s.status = 'corrupt' AND NOT j.deletes))
                 ORDER BY j.id LIMIT 100
                   FOR UPDATE OF j SKIP LOCKED),
            ended AS (
                UPDATE jobs j
                   SET completed_at = :at::timestamptz, error_code = 'state_unreliable', blame = 'passing',
                       error = 'What is known of the infrastructure cannot be trusted.'
                  FROM refused r WHERE j.id = r.id
                RETURNING j.workspace_id, j.build_id, j.status),
            moved AS (
                UPDATE workspaces w SET build_status = e.status, build_finished_at = :at::timestamptz
                  FROM ended e WHERE w.id = e.workspace_id AND w.build_id = e.build_id
                RETURNING w.preset_id, w.prebuild),
            dirty AS ({dirty})
            SELECT count(*) AS jobs FROM moved""".replace("{trusted}", Rules.TRUSTED)
                    .replace("{needs trust}", Mutations.needsTrust("j"))
                    .replace("{dirty}", DirtyPresets.mark("moved WHERE prebuild")),
            "at");

    /**
     * Fails waiting jobs, other than deletes and checks, of workspaces whose state cannot be trusted, code
     * {@code state_unreliable}. A check waits for no state that cannot be read. At most 100 at a time.
     *
     * @return how many
     */
    public Uni<Integer> failUnreliable(Instant at) {
        return FAIL_UNRELIABLE
                .on(pool, Rows.utc(at))
                .map(rows -> rows.iterator().next().getInteger("jobs"));
    }
}
