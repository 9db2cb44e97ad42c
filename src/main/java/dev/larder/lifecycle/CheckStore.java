package dev.larder.lifecycle;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.model.Assignment;
import dev.larder.model.Ids;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.SqlClient;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * Starts checks of workspaces: builds that compare a workspace's infrastructure with its state, read it into the state,
 * or plan a change (decision 0038). A check is the workspace's latest build while it runs, so no claim and no other
 * build gets in between. When it ends, the database makes the workspace what it was before (V19).
 */
@ApplicationScoped
public class CheckStore {

    /** The bound in the statements that start checks by themselves. */
    private static final int AT_ONCE = 20;

    /** The advisory lock under which one server at a time starts checks by schedule. */
    private static final long TURN = 0x6c61726465720022L;

    private final Pool pool;
    private final Ids ids;

    public CheckStore(Pool pool, Ids ids) {
        this.pool = pool;
        this.ids = ids;
    }

    /** A condition: the workspace {@code w} runs, and no other loop has a step to begin for it. */
    private static final String AT_REST = """
            w.deleted_at IS NULL AND w.deletion_wanted_at IS NULL AND w.quarantined_at IS NULL AND w.missing_since IS NULL
                   AND w.transition = 'start' AND w.build_status = 'succeeded' AND w.claim_step_wanted_at IS NULL AND NOT w.verifying""";

    /**
     * The items of builds: a row of {@code wanted} for each. The queue takes them before other prebuilds' jobs: the
     * workspace cannot be claimed while its check waits.
     */
    private static final String ITEMS = """
            item AS (
                SELECT w.id AS workspace, i.build, i.job, w.build_number + 1 AS number, 'start' AS transition,
                       {initiator} AS initiator, :reason::text AS reason, NULL::integer AS attempt, w.organization_id,
                       w.version_id, w.preset_id, w.prebuild, :at::timestamptz AS queue_at,
                       least(v.start_timeout_seconds, :timeout::integer) AS timeout, 'terraform_check' AS backend,
                       (SELECT s.id FROM tagsets s WHERE s.tags = v.tags) AS tagset_id
                  FROM {workspaces}),
            """;

    private static final String RESUMES =
            "resumes_build_id = w.build_id, resumes_finished_at = w.build_finished_at, resumes_ready_at = w.ready_at";

    private static String start(String initiator, String assignments, String more) {
        return ITEMS.replace("{initiator}", initiator).replace("{workspaces}", StartBuild.numbered("wanted"))
                + StartBuild.BUILDS + ",\n" + StartBuild.next(RESUMES + assignments) + more + "\n" + StartBuild.JOBS;
    }

    private static final String AUDITED = ",\naudited AS ("
            + AuditEntry.of(
                    "workspace.check",
                    "jsonb_build_object('check', reason, 'build', number)",
                    "(SELECT workspace AS id, organization_id, reason, number FROM item) changed")
            + ")";

    private static final Sql ASKED = Sql.of(
            """
            WITH wanted AS (
                SELECT w.* FROM workspaces w JOIN states s ON s.workspace_id = w.id
                 WHERE w.id = :workspace::uuid AND %s AND s.current_version > 0 AND s.status IN ('reliable', 'unreliable')
                   FOR UPDATE OF w),
            """.formatted(AT_REST)
                    + start(
                            ":actor::uuid",
                            ", refresh_tried_at = CASE WHEN :reason::text = 'refresh' THEN :at::timestamptz ELSE w.refresh_tried_at END",
                            AUDITED),
            "workspace",
            "builds",
            "jobs",
            "actor",
            "reason",
            "at",
            "timeout",
            "entry");

    /**
     * Who wants which check.
     *
     * @param reason one of {@link Assignment#CHECKS}
     * @param within the most time that the job may take; less where the version's timeout is shorter
     */
    public record Wanted(UUID workspace, UUID initiator, String reason, Duration within) {}

    /**
     * Starts a check on request, with its entry in the audit.
     *
     * @return its job; empty where the workspace does not run, a build of it is active or about to begin, or it has no
     *     state that can be read
     */
    public Uni<Optional<UUID>> begin(Wanted wanted, Instant at) {
        return begin(pool, wanted, at);
    }

    /** The same in a transaction of the caller. */
    public Uni<Optional<UUID>> begin(SqlClient client, Wanted wanted, Instant at) {
        UUID job = ids.next();
        return ASKED.on(
                        client,
                        wanted.workspace(),
                        new UUID[] {ids.next()},
                        new UUID[] {job},
                        wanted.initiator(),
                        wanted.reason(),
                        Rows.utc(at),
                        Rows.wholeSeconds(wanted.within()),
                        ids.next())
                .map(rows -> rows.rowCount() == 1 ? Optional.of(job) : Optional.empty());
    }

    // One prebuild of a preset at a time, the one whose last check is longest ago, and only where another one can be
    // claimed meanwhile. Only where a living worker takes checks: a check that waits keeps a prebuild from claims.
    private static final String DUE = """
            WITH wanted AS (
                SELECT w.*
                  FROM presets p
                  JOIN templates t ON t.id = p.template_id
                  JOIN template_versions v ON v.id = p.version_id
                 CROSS JOIN LATERAL (
                       SELECT count(*) AS claimable,
                              (array_agg(w.id ORDER BY coalesce(w.drift_checked_at, w.ready_at), w.id))[1] AS first,
                              min(coalesce(w.drift_checked_at, w.ready_at)) AS last_checked_at
                         FROM workspaces w WHERE w.preset_id = p.id AND {claimable} AND {fresh}) stock
                  JOIN workspaces w ON w.id = stock.first
                  JOIN states s ON s.workspace_id = w.id AND s.status = 'reliable' AND s.current_version > 0
                 WHERE v.backend = 'terraform' AND p.instances IS NOT NULL AND {served} AND {trusted}
                   AND coalesce(p.drift_interval_seconds, :interval::integer) > 0 AND stock.claimable >= 2
                   AND stock.last_checked_at
                         <= :at::timestamptz - make_interval(secs => coalesce(p.drift_interval_seconds, :interval::integer))
                   AND NOT EXISTS (SELECT FROM workspaces c WHERE c.resumes_build_id IS NOT NULL AND c.preset_id = p.id)
                   AND EXISTS (SELECT FROM workers k WHERE {workers})
                   AND {resting}
                 ORDER BY stock.last_checked_at
                 LIMIT greatest(least(:at_once::bigint, {bound})
                                - (SELECT count(*) FROM workspaces c WHERE c.resumes_build_id IS NOT NULL AND c.prebuild), 0)
                   FOR UPDATE OF w SKIP LOCKED),
            """.replace("{claimable}", Rules.claimable("w"))
            .replace("{fresh}", Rules.fresh("w", Rules.freshFrom("p")))
            .replace("{served}", Rules.served("p", "t"))
            .replace("{trusted}", Rules.TRUSTED)
            .replace("{bound}", String.valueOf(AT_ONCE))
            .replace("{resting}", AT_REST)
            .replace(
                    "{workers}",
                    AvailableWorkers.take("v", "'terraform_check'::text", "p.organization_id", ":at::timestamptz"));

    private static final Sql BEGIN_DUE = Sql.of(
            DUE + start(Ownership.SYSTEM, ", drift_checked_at = :at::timestamptz", ""),
            "builds",
            "jobs",
            "reason",
            "at",
            "timeout",
            "interval",
            "at_once");

    private static final Sql MY_TURN = Sql.of("SELECT pg_try_advisory_xact_lock(:turn::bigint) AS mine", "turn");

    /**
     * How checks are begun by schedule.
     *
     * @param interval between two checks of a prebuild, where its preset names none; zero: never
     * @param within the most time that a check may take
     * @param atOnce how many prebuilds may be under a check at once, in the whole deployment
     */
    public record Pace(Duration interval, Duration within, int atOnce) {}

    /**
     * Starts the drift checks of unclaimed prebuilds that are due: at most one of a preset at a time, and none where
     * fewer than two prebuilds can be claimed, so that a check never takes the last one. One server at a time does so.
     *
     * @return how many
     */
    public Uni<Integer> beginDue(Pace pace, Instant at) {
        return pool.withTransaction(connection -> MY_TURN.on(connection, TURN)
                .chain(rows -> rows.iterator().next().getBoolean("mine")
                        ? beginDue(connection, pace, at)
                        : Uni.createFrom().item(0)));
    }

    private Uni<Integer> beginDue(SqlClient connection, Pace pace, Instant at) {
        return BEGIN_DUE
                .on(
                        connection,
                        newIds(),
                        newIds(),
                        Assignment.DRIFT_CHECK,
                        Rows.utc(at),
                        Rows.wholeSeconds(pace.within()),
                        Rows.wholeSeconds(pace.interval()),
                        (long) pace.atOnce())
                .map(RowSet::rowCount);
    }

    private static final Sql BEGIN_REFRESHES = Sql.of(
            """
            WITH wanted AS (
                SELECT w.*
                  FROM states s
                  JOIN workspaces w ON w.id = s.workspace_id
                  JOIN presets p ON p.id = w.preset_id
                 WHERE s.status = 'unreliable' AND w.prebuild AND %s AND {resting} AND {trusted} AND s.current_version > 0
                 ORDER BY w.id LIMIT %d
                   FOR UPDATE OF w SKIP LOCKED),
            """.formatted(refreshable("p", "w"), AT_ONCE)
                            .replace("{resting}", AT_REST)
                            .replace("{trusted}", Rules.TRUSTED)
                    + start(Ownership.SYSTEM, ", refresh_tried_at = :at::timestamptz", ""),
            "builds",
            "jobs",
            "reason",
            "at",
            "timeout");

    /**
     * Starts refreshes of prebuilds whose state cannot be trusted, where their preset wants that: once for each
     * time that the state was lost. A prebuild whose refresh failed is replaced. At most {@value #AT_ONCE} at a time.
     *
     * @param within the most time that a refresh may take; less where the version's timeout is shorter
     * @return how many
     */
    public Uni<Integer> beginRefreshes(Duration within, Instant at) {
        return BEGIN_REFRESHES
                .on(pool, newIds(), newIds(), Assignment.REFRESH, Rows.utc(at), Rows.wholeSeconds(within))
                .map(RowSet::rowCount);
    }

    private UUID[] newIds() {
        return Stream.generate(ids::next).limit(AT_ONCE).toArray(UUID[]::new);
    }

    /**
     * A condition: the prebuild's state cannot be trusted, and a refresh is to be tried before it is replaced. It was
     * not tried since the state was lost, and no resource is known to be missing.
     *
     * @param preset what the statement calls the preset's row
     * @param workspace what it calls the workspace's row
     */
    public static String refreshable(String preset, String workspace) {
        return """
                (%1$s.on_drift = 'refresh' AND %2$s.state_status = 'unreliable' AND %2$s.state_reason <> 'resources_missing'
                          AND %2$s.transition = 'start' AND %2$s.build_status = 'succeeded'
                          AND coalesce(%2$s.refresh_tried_at, '-infinity') < %2$s.state_since
                          AND EXISTS (SELECT FROM states known WHERE known.workspace_id = %2$s.id AND known.current_version > 0))""".formatted(preset, workspace);
    }
}
