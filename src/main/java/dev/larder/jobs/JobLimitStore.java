package dev.larder.jobs;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.AuditEntry;
import dev.larder.lifecycle.Rules;
import dev.larder.model.Ids;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * Limits on jobs in flight, and on deletes among them, for a preset's stock, an organization, and the whole
 * deployment (decision 0017). {@link JobStore#take} keeps the limits exactly, however many workers lease at the
 * same time. A preset's limits come with its version.
 */
@ApplicationScoped
public class JobLimitStore {

    /** The scope of all jobs. */
    public static final UUID DEPLOYMENT = Rules.DEPLOYMENT;

    private final Pool pool;
    private final Ids ids;

    public JobLimitStore(Pool pool, Ids ids) {
        this.pool = pool;
        this.ids = ids;
    }

    /**
     * The limits of one scope and their use.
     *
     * @param jobs at once; null: no limit
     * @param deletes among them; null: no limit
     * @param jobsInFlight leased jobs; more than the limit if it was lowered since
     */
    public record Limits(@Nullable Integer jobs, @Nullable Integer deletes, long jobsInFlight, long deletesInFlight) {}

    // Only leased jobs are read.
    private static final Sql FIND = Sql.of("""
            SELECT l.jobs, l.deletes, f.jobs AS jobs_in_flight, f.deletes AS deletes_in_flight
              FROM (SELECT count(*) AS jobs, count(*) FILTER (WHERE j.deletes) AS deletes
                      FROM jobs j
                     WHERE j.started_at IS NOT NULL AND j.completed_at IS NULL
                       AND (:scope::uuid = :deployment::uuid OR j.organization_id = :scope::uuid)) f
              LEFT JOIN job_limits l ON l.scope = :scope::uuid""", "scope", "deployment");

    /** The limits of the {@link #DEPLOYMENT}, or of an organization that the caller knows to exist. */
    public Uni<Limits> find(UUID scope) {
        return FIND.on(pool, scope, DEPLOYMENT)
                .map(rows -> limits(rows.iterator().next()));
    }

    private static Limits limits(Row row) {
        return new Limits(
                row.getInteger("jobs"),
                row.getInteger("deletes"),
                row.getLong("jobs_in_flight"),
                row.getLong("deletes_in_flight"));
    }

    private static final Sql SET = Sql.of(
            """
            WITH lifted AS (
                DELETE FROM job_limits WHERE scope = :scope::uuid AND :jobs::integer IS NULL AND :deletes::integer IS NULL),
            set AS (
                INSERT INTO job_limits (scope, jobs, deletes)
                SELECT :scope::uuid, :jobs::integer, :deletes::integer
                 WHERE :jobs::integer IS NOT NULL OR :deletes::integer IS NOT NULL
                    ON CONFLICT (scope) DO UPDATE SET jobs = excluded.jobs, deletes = excluded.deletes)
            """
                    + AuditEntry.of(
                            "jobs.limits",
                            "jsonb_build_object('jobs', :jobs::integer, 'deletes', :deletes::integer)",
                            """
            (SELECT o AS id, o AS organization_id FROM nullif(:scope::uuid, :deployment::uuid) o) scope"""),
            "scope",
            "jobs",
            "deletes",
            "entry",
            "at",
            "actor",
            "deployment");

    /**
     * Sets both limits of an organization or of the {@link #DEPLOYMENT}. They hold from the commit on. Jobs in
     * flight beyond them continue.
     *
     * @param jobs from 1; null removes the limit
     * @param deletes from 1; null removes the limit
     */
    public Uni<Void> set(UUID scope, @Nullable Integer jobs, @Nullable Integer deletes, UUID actor, Instant at) {
        return SET.on(pool, scope, jobs, deletes, ids.next(), Rows.utc(at), actor, DEPLOYMENT)
                .replaceWithVoid();
    }

    // Starts from the leased jobs, because the limits of all versions are kept.
    private static final Sql TOUCHED = Sql.of("""
            SELECT s.kind, s.scope, o.name AS organization, t.name AS template, p.name AS preset, l.jobs, l.deletes,
                   count(*) AS jobs_in_flight, count(*) FILTER (WHERE j.deletes) AS deletes_in_flight
              FROM jobs j
             CROSS JOIN LATERAL (VALUES ('deployment', :deployment::uuid), ('organization', j.organization_id), ('preset', j.preset_id))
                        s (kind, scope)
              JOIN job_limits l ON l.scope = s.scope
              LEFT JOIN presets p ON p.id = s.scope
              LEFT JOIN templates t ON t.id = p.template_id
              LEFT JOIN organizations o ON o.id = coalesce(p.organization_id, s.scope)
             WHERE j.started_at IS NOT NULL AND j.completed_at IS NULL
               AND %s
             GROUP BY s.kind, s.scope, o.name, t.name, p.name, l.jobs, l.deletes
             ORDER BY greatest(count(*)::float8 / l.jobs, count(*) FILTER (WHERE j.deletes)::float8 / l.deletes) DESC, s.scope
             LIMIT 100""".formatted(Rules.visibleTo("o.id")), "deployment", "organization");

    /** The limits that have jobs in flight, the fullest first, at most 100; of one organization if it is given. */
    public Uni<List<Touched>> touched(Optional<UUID> organization) {
        return TOUCHED.on(pool, DEPLOYMENT, organization.orElse(null))
                .map(rows -> Rows.list(rows, JobLimitStore::touched));
    }

    /**
     * A limit and its use.
     *
     * @param kind {@code deployment}, {@code organization} or {@code preset}
     */
    @Schema(name = "JobLimit")
    public record Touched(
            String kind,
            @Nullable String organization,
            @Nullable String template,
            @Nullable String preset,
            @Nullable UUID presetId,
            @JsonUnwrapped Limits limits) {}

    private static Touched touched(Row row) {
        String kind = row.getString("kind");
        return new Touched(
                kind,
                row.getString("organization"),
                row.getString("template"),
                row.getString("preset"),
                kind.equals("preset") ? row.getUUID("scope") : null,
                limits(row));
    }
}
