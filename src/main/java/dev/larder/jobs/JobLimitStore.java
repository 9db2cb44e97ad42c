package dev.larder.jobs;

import dev.larder.database.Rows;
import dev.larder.model.Ids;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * How many jobs may be in flight at once, and how many deletes among them: of the stock of a preset, of an organization, of
 * the whole deployment (design, section 4; decision 0017). {@link JobStore#take} keeps them, exactly, however many take at
 * once. A preset's limits come with its version.
 */
@ApplicationScoped
public class JobLimitStore {

    /** The scope that every job is in. */
    public static final UUID DEPLOYMENT = new UUID(0, 0);

    private final Pool pool;
    private final Ids ids;

    public JobLimitStore(Pool pool, Ids ids) {
        this.pool = pool;
        this.ids = ids;
    }

    /**
     * The limits of one scope and what there is of them.
     *
     * @param jobs at once; null: no limit
     * @param deletes among them; null: no limit
     * @param jobsInFlight how many are leased; beyond the limit where it was lowered since
     */
    public record Limits(@Nullable Integer jobs, @Nullable Integer deletes, long jobsInFlight, long deletesInFlight) {}

    // Only what is leased is read.
    private static final String FIND = """
            SELECT l.jobs, l.deletes, f.jobs AS jobs_in_flight, f.deletes AS deletes_in_flight
              FROM (SELECT count(*) AS jobs, count(*) FILTER (WHERE j.deletes) AS deletes
                      FROM jobs j
                     WHERE j.started_at IS NOT NULL AND j.completed_at IS NULL
                       AND ($1::uuid = $2::uuid OR j.organization_id = $1::uuid)) f
              LEFT JOIN job_limits l ON l.scope = $1::uuid""";

    /** The limits of an organization, which the caller has found before, or of the {@link #DEPLOYMENT}. */
    public Uni<Limits> find(UUID scope) {
        return pool.preparedQuery(FIND)
                .execute(Tuple.of(scope, DEPLOYMENT))
                .map(rows -> limits(rows.iterator().next()));
    }

    private static Limits limits(Row row) {
        return new Limits(
                row.getInteger("jobs"),
                row.getInteger("deletes"),
                row.getLong("jobs_in_flight"),
                row.getLong("deletes_in_flight"));
    }

    private static final String SET = """
            WITH lifted AS (
                DELETE FROM job_limits WHERE scope = $1::uuid AND $2::integer IS NULL AND $3::integer IS NULL),
            set AS (
                INSERT INTO job_limits (scope, jobs, deletes)
                SELECT $1::uuid, $2::integer, $3::integer WHERE $2::integer IS NOT NULL OR $3::integer IS NOT NULL
                    ON CONFLICT (scope) DO UPDATE SET jobs = excluded.jobs, deletes = excluded.deletes)
            INSERT INTO audit (id, at, organization_id, actor_id, action, target_id, detail)
            VALUES ($4::uuid, $5::timestamptz, nullif($1::uuid, $7::uuid), $6::uuid, 'jobs.limits', nullif($1::uuid, $7::uuid),
                    jsonb_build_object('jobs', $2::integer, 'deletes', $3::integer))""";

    /**
     * Sets both limits of an organization or of the {@link #DEPLOYMENT}, from its commit on: what is in flight beyond them
     * goes on.
     *
     * @param jobs from 1; null lifts it
     * @param deletes from 1; null lifts it
     */
    public Uni<Void> set(UUID scope, @Nullable Integer jobs, @Nullable Integer deletes, UUID actor, Instant at) {
        return pool.preparedQuery(SET)
                .execute(Tuple.tuple()
                        .addValue(scope)
                        .addValue(jobs)
                        .addValue(deletes)
                        .addValue(ids.next())
                        .addValue(Rows.utc(at))
                        .addValue(actor)
                        .addValue(DEPLOYMENT))
                .replaceWithVoid();
    }

    // From what is leased, since the limits of all versions there ever were stay.
    private static final String TOUCHED = """
            SELECT s.kind, s.scope, o.name AS organization, t.name AS template, p.name AS preset, l.jobs, l.deletes,
                   count(*) AS jobs_in_flight, count(*) FILTER (WHERE j.deletes) AS deletes_in_flight
              FROM jobs j
             CROSS JOIN LATERAL (VALUES ('deployment', $1::uuid), ('organization', j.organization_id), ('preset', j.preset_id))
                        s (kind, scope)
              JOIN job_limits l ON l.scope = s.scope
              LEFT JOIN presets p ON p.id = s.scope
              LEFT JOIN templates t ON t.id = p.template_id
              LEFT JOIN organizations o ON o.id = coalesce(p.organization_id, s.scope)
             WHERE j.started_at IS NOT NULL AND j.completed_at IS NULL
               AND ($2::uuid IS NULL OR o.id = $2::uuid)
             GROUP BY s.kind, s.scope, o.name, t.name, p.name, l.jobs, l.deletes
             ORDER BY greatest(count(*)::float8 / l.jobs, count(*) FILTER (WHERE j.deletes)::float8 / l.deletes) DESC, s.scope
             LIMIT 100""";

    /** The limits that have jobs in flight, the fullest first; at most 100. Whoever is in an organization sees its own. */
    public Uni<List<Touched>> touched(Optional<UUID> organization) {
        return pool.preparedQuery(TOUCHED)
                .execute(Tuple.of(DEPLOYMENT, organization.orElse(null)))
                .map(rows -> Rows.list(rows, JobLimitStore::touched));
    }

    /**
     * A limit and how much of it is used.
     *
     * @param kind {@code deployment}, {@code organization} or {@code preset}
     */
    public record Touched(
            String kind,
            @Nullable String organization,
            @Nullable String template,
            @Nullable String preset,
            @Nullable UUID presetId,
            @Nullable Integer jobs,
            @Nullable Integer deletes,
            long jobsInFlight,
            long deletesInFlight) {}

    private static Touched touched(Row row) {
        String kind = row.getString("kind");
        return new Touched(
                kind,
                row.getString("organization"),
                row.getString("template"),
                row.getString("preset"),
                kind.equals("preset") ? row.getUUID("scope") : null,
                row.getInteger("jobs"),
                row.getInteger("deletes"),
                row.getLong("jobs_in_flight"),
                row.getLong("deletes_in_flight"));
    }
}
