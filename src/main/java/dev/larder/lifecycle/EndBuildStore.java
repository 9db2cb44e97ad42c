package dev.larder.lifecycle;

import dev.larder.database.Batcher;
import dev.larder.database.Encryption;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.model.Assignment;
import dev.larder.model.FailureCause;
import dev.larder.model.Ids;
import dev.larder.model.JobOutcome;
import dev.larder.model.JobStatus;
import dev.larder.model.Lease;
import dev.larder.model.Transition;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.SqlClient;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Ends the builds whose worker reports a result. Each write carries the lease's token, so a worker that lost
 * its lease changes nothing. The job and its workspace are changed by one statement; jobs are always locked
 * before workspaces.
 */
@ApplicationScoped
public class EndBuildStore {

    // With one statement at a time the others wait for its commit; with more, fewer jobs share a statement.
    private static final int STATEMENTS = 4;
    private static final int AT_ONCE = 100;
    private static final Duration ENDED_WITHIN = Duration.ofSeconds(10);

    private final Pool pool;
    private final Encryption encryption;
    private final Ids ids;
    private final RequeueStore requeues;
    private final FindingsStore findings;
    private final Batcher<Ending, Completed> endings =
            new Batcher<>(STATEMENTS, AT_ONCE, ENDED_WITHIN, this::completeAll);

    public EndBuildStore(Pool pool, Encryption encryption, Ids ids) {
        this.pool = pool;
        this.encryption = encryption;
        this.ids = ids;
        this.requeues = new RequeueStore(pool);
        this.findings = new FindingsStore(ids, encryption);
    }

    // A job that was asked to stop ends as canceled, whatever its worker reports: the stock was planned without it.
    // The planner does not know the length of the arrays. If it knew that they are short, it would plan each call,
    // which takes longer than the statement.
    private static final String END_JOBS = """
            WITH ending AS (
                SELECT * FROM unnest((SELECT :jobs::uuid[]), (SELECT :tokens::uuid[]), (SELECT :times::timestamptz[]),
                                     (SELECT :codes::text[]), (SELECT :details::text[]),
                                     (SELECT :canceled::boolean[]), (SELECT :outputs::bytea[]),
                                     (SELECT :blames::text[]), (SELECT :proofs::boolean[]), (SELECT :tools::text[]))
                         WITH ORDINALITY e (job, lease, at, code, detail, canceled, outputs, blame, proof, tool, n)),
            {held}
            done AS (
                UPDATE jobs j
                   SET completed_at = e.at, lease_token = NULL, blame = e.blame,
                       error_code = CASE WHEN e.code IS NULL AND NOT e.canceled AND {incomplete}
                                         THEN 'destroy_incomplete' ELSE e.code END,
                       error = CASE WHEN e.code IS NULL AND NOT e.canceled AND {incomplete}
                                    THEN 'The state, or an upload of it that was refused, may list resources that still exist, or a person changes it.'
                                    ELSE e.detail END,
                       canceled_at = CASE WHEN e.canceled THEN coalesce(j.canceled_at, e.at) ELSE j.canceled_at END
                  FROM ending e
                 WHERE j.id = e.job AND j.lease_token = e.lease AND {ready}
                RETURNING e.n, e.at, e.outputs, e.proof, e.tool, j.mutation_id, j.error_code, j.worker_id, j.backend, j.build_id, j.workspace_id, j.status,
                          j.started_at, j.created_at, {limited} AS limited,
                          (SELECT b.reason FROM builds b WHERE b.id = j.build_id) = 'verify'
                              AND j.status = 'succeeded' AS fit,
                          CASE WHEN j.backend = 'postgres'
                               THEN (SELECT k.place_id FROM workers k WHERE k.id = j.worker_id) END
                            AS place_id),
            """.replace("{limited}", Rules.limited("j"));

    // What the statement judges is locked before the jobs change.
    private static final String HELD = """
            changing AS MATERIALIZED (
                SELECT j.mutation_id FROM ending e JOIN jobs j ON j.id = e.job AND j.lease_token = e.lease
                 WHERE j.mutation_id IS NOT NULL
                   FOR NO KEY UPDATE OF j),
            {held},
            """.replace("{held}", MutationEnd.held("changing"));

    // A job that a worker built at a held location shows that the location works again.
    private static final String LIFT_HOLDS = """
            lifted AS (
                DELETE FROM held_places h USING done d
                 WHERE d.proof AND h.worker_id = d.worker_id AND h.backend = d.backend
                RETURNING h.backend),
            """;

    private static final String MOVE_WORKSPACES = """
            workspace AS (
                UPDATE workspaces w
                   SET build_status = d.status, build_finished_at = d.at,
                       ready_at = CASE WHEN w.transition = 'start' AND d.status = 'succeeded' THEN d.at END,
                       outputs_sealed = coalesce(d.outputs, w.outputs_sealed),
                       place_id = coalesce(d.place_id, w.place_id),
                       verifying = w.verifying AND NOT d.fit,
                       claim_step_wanted_at = CASE WHEN NOT (w.verifying AND d.fit) THEN w.claim_step_wanted_at
                                                   WHEN (SELECT v.claim_step FROM template_versions v
                                                         WHERE v.id = w.version_id)
                                                   THEN d.at END,
                       dirty = w.dirty AND NOT (w.prebuild AND d.status = 'succeeded'),
                       deleted_at = CASE WHEN w.transition = 'delete' AND d.status = 'succeeded' THEN d.at END,
                       {mirror}{next}
                  FROM {known}
                 WHERE w.id = d.workspace_id AND w.build_id = d.build_id
                RETURNING d.n, d.at, w.id, w.preset_id, w.prebuild, w.transition, w.deleted_at, d.status,
                          d.started_at, d.created_at, d.limited, d.fit, w.event_seq, w.build_number),
            """.replace("{mirror}", StateMirror.ASSIGNED);

    // The one event of a first build that succeeded. It is told here; the trigger tells every other end, which may have
    // more than one event.
    private static final String FIRST_BUILT =
            "{d}.status = 'succeeded' AND {w}.transition = 'start' AND {w}.build_number = 1";

    private static final String NUMBER =
            ",\n" + WorkspaceEvents.nextWhere(FIRST_BUILT.replace("{d}", "d").replace("{w}", "w"));

    private static final String TELL = "told AS ("
            + WorkspaceEvents.told(
                    "'workspace.built'",
                    "w.at",
                    "jsonb_build_object('build', w.build_number, 'transition', w.transition)",
                    "workspace w WHERE " + FIRST_BUILT.replace("{d}", "w").replace("{w}", "w"))
            + "),\n";

    // A claim's time begins when its workspace is verified. A claim ends with its workspace.
    private static final String MOVE_CLAIMS = """
            leased AS (
                UPDATE claims c SET expires_at = w.at + make_interval(secs => c.ttl_seconds)
                  FROM workspace w
                 WHERE c.workspace_id = w.id AND c.ended_at IS NULL AND w.fit AND c.ttl_seconds IS NOT NULL),
            ended AS (
                UPDATE claims c SET ended_at = w.at, ended_reason = 'deleted'
                  FROM workspace w
                 WHERE c.workspace_id = w.id AND c.ended_at IS NULL AND w.deleted_at IS NOT NULL),
            """;

    private static Sql complete(String endJobs, String endMutations, String known, String next, String tell) {
        return Sql.of(
                endJobs
                        + LIFT_HOLDS
                        + endMutations
                        + MOVE_WORKSPACES.replace("{known}", known).replace("{next}", next)
                        + tell
                        + MOVE_CLAIMS
                        + """
                dirty AS (%s)
                SELECT n, status, started_at, created_at, transition, prebuild, limited,
                       ARRAY(SELECT DISTINCT backend FROM lifted) AS lifted
                  FROM workspace""".formatted(DirtyPresets.mark("workspace WHERE prebuild")),
                "jobs",
                "tokens",
                "times",
                "codes",
                "details",
                "canceled",
                "outputs",
                "deployment",
                "blames",
                "proofs",
                "tools");
    }

    /** Ends any jobs, and the mutations of those that have one. */
    private static final Sql COMPLETE = complete(
            END_JOBS.replace("{held}", HELD)
                    .replace("{ready}", "(SELECT count(*) FROM held) >= 0")
                    .replace("{incomplete}", MutationEnd.INCOMPLETE),
            MutationEnd.end("done", MutationEnd.OF_JOB) + ",\n",
            MutationEnd.known("done"),
            "",
            "");

    /** Ends jobs without a mutation. Starting the parts that end mutations costs a fifth of the statement. */
    static final Sql COMPLETE_WITHOUT_STATES = complete(
            END_JOBS.replace("{held}", "")
                    .replace("{ready}", "j.mutation_id IS NULL")
                    .replace("{incomplete}", "false"),
            "",
            MutationEnd.knownWithoutState("done"),
            NUMBER,
            TELL);

    /**
     * Ends a leased job and moves its workspace with it; jobs that end while others are being ended share the
     * next statement. Where a claim build replaced resources, template admins are told in the same transaction
     * (design, section 2.6). What a check has found is kept in the same transaction.
     *
     * <p>A job that failed because of its location does not end: it is requeued, and the location is put on
     * hold (decision 0025).
     *
     * @return empty where the lease was lost: nothing was changed; {@link JobStatus#PENDING} where the job was
     *     put back
     */
    public Uni<Optional<Completed>> complete(Lease lease, JobOutcome outcome, Instant at) {
        return outcome instanceof JobOutcome.Failed failed
                        && FailureCause.of(failed.code()).holdsPlace()
                        && Ending.mayWait(lease)
                ? requeues.requeueAndHold(lease, failed, at)
                        .chain(requeued ->
                                requeued.isPresent() ? Uni.createFrom().item(requeued) : end(lease, outcome, at))
                : end(lease, outcome, at);
    }

    private Uni<Optional<Completed>> end(Lease lease, JobOutcome outcome, Instant at) {
        Ending ending = new Ending(lease, outcome, at);
        return outcome instanceof JobOutcome.Succeeded succeeded
                        && (!succeeded.replaced().isEmpty() || ending.isCheck())
                ? pool.withTransaction(connection -> completeAll(connection, List.of(ending))
                        .map(completed -> Optional.ofNullable(completed.get(ending)))
                        .call(completed -> completed
                                .map(ended -> keep(connection, ending, succeeded, ended))
                                .orElseGet(() -> Uni.createFrom().voidItem())))
                : endings.ask(ending);
    }

    private Uni<Void> keep(SqlClient client, Ending ending, JobOutcome.Succeeded succeeded, Completed ended) {
        if (!ending.isCheck()) {
            return tellReplaced(client, ending.lease().workspaceId(), succeeded.replaced(), ending.at());
        }
        return ended.status() == JobStatus.SUCCEEDED
                ? findings.keep(client, ending.lease(), succeeded.findings(), ending.at())
                : Uni.createFrom().voidItem();
    }

    /**
     * Ends leased jobs as failed, in one statement.
     *
     * @return completes when it has committed; a lease that was lost is passed over
     */
    public Uni<Void> failAll(List<Lease> leases, JobOutcome.Failed failed, Instant at) {
        List<Ending> all =
                leases.stream().map(lease -> new Ending(lease, failed, at)).toList();
        return completeAll(pool, all).replaceWithVoid();
    }

    /** One order, so that concurrent statements do not wait for each other. */
    private Uni<Map<Ending, Completed>> completeAll(Set<Ending> together) {
        return completeAll(
                pool,
                together.stream()
                        .sorted(Comparator.comparing(ending -> ending.lease().jobId()))
                        .toList());
    }

    /** If two results end one job, one of them counts. */
    private Uni<Map<Ending, Completed>> completeAll(SqlClient client, List<Ending> all) {
        return (all.stream().anyMatch(one -> one.lease().mutates()) ? COMPLETE : COMPLETE_WITHOUT_STATES)
                .on(
                        client,
                        each(all, one -> one.lease().jobId(), UUID[]::new),
                        each(all, one -> one.lease().token(), UUID[]::new),
                        each(all, Ending::time, OffsetDateTime[]::new),
                        each(all, Ending::code, String[]::new),
                        each(all, Ending::detail, String[]::new),
                        each(all, Ending::canceled, Boolean[]::new),
                        each(all, this::encrypted, Buffer[]::new),
                        Rules.DEPLOYMENT,
                        each(all, Ending::blame, String[]::new),
                        each(all, Ending::provesLocation, Boolean[]::new),
                        each(all, Ending::tool, String[]::new))
                .call(rows -> markStocks(client, lifted(rows)))
                .map(rows -> completed(rows, all));
    }

    private static <T> @Nullable T[] each(
            List<Ending> all, Function<Ending, @Nullable T> field, IntFunction<@Nullable T[]> array) {
        return all.stream().map(field).toArray(array);
    }

    private static Set<String> lifted(RowSet<Row> rows) {
        return Rows.first(rows, row -> Set.of(row.getArrayOfStrings("lifted"))).orElse(Set.of());
    }

    // The stock of these presets is not built while the location is on hold, and would be looked at only when the
    // next probe is due.
    private static final Sql MARK_STOCKS = Sql.of(DirtyPresets.mark("""
            (SELECT p.id AS preset_id
                   FROM template_versions v
                   JOIN templates t ON t.active_version_id = v.id
                   JOIN presets p ON p.version_id = v.id
                  WHERE v.backend = ANY (:backends) AND p.instances IS NOT NULL
                    AND t.deleted_at IS NULL
                  UNION ALL
                 SELECT p.id
                   FROM presets p JOIN template_versions v ON v.id = p.version_id
                  WHERE p.rollout_id IS NOT NULL AND p.rollout_role = 'before' AND v.backend = ANY (:backends)) stock"""), "backends");

    /**
     * Has the reconciler look at the presets of backends whose hold was lifted. If it fails, they wait for its timer.
     */
    private static Uni<Void> markStocks(SqlClient client, Set<String> backends) {
        return backends.isEmpty()
                ? Uni.createFrom().voidItem()
                : MARK_STOCKS
                        .on(client, (Object) backends.toArray(String[]::new))
                        .replaceWithVoid()
                        .onFailure()
                        .recoverWithNull();
    }

    private static Map<Ending, Completed> completed(RowSet<Row> rows, List<Ending> all) {
        Map<Ending, Completed> completed = new HashMap<>();
        for (Row row : rows) {
            completed.put(all.get(row.getInteger("n") - 1), completed(row));
        }
        return completed;
    }

    private static final Sql TELL_REPLACED = Sql.of(
            AdminNotification.of("resources_replaced", "build_id", """
                    jsonb_build_object('workspace_id', workspace_id, 'workspace', workspace, 'preset_id', preset_id,
                                       'preset', preset, 'template_id', template_id, 'template', template,
                                       'resources', :resources::jsonb)""", """
                    (SELECT :id::uuid AS id, w.organization_id, w.build_id, w.id AS workspace_id, w.name AS workspace,
                            w.preset_id, p.name AS preset, w.template_id, t.name AS template
                       FROM workspaces w
                       JOIN templates t ON t.id = w.template_id
                       LEFT JOIN presets p ON p.id = w.preset_id
                      WHERE w.id = :workspace) told"""), "id", "workspace", "resources", "at");

    private Uni<Void> tellReplaced(SqlClient client, UUID workspace, Map<String, List<String>> replaced, Instant at) {
        JsonObject resources = new JsonObject();
        replaced.forEach((resource, paths) -> resources.put(Rows.storable(resource), new JsonArray(storable(paths))));
        return TELL_REPLACED
                .on(client, ids.next(), workspace, resources, Rows.utc(at))
                .replaceWithVoid();
    }

    private static List<String> storable(List<String> texts) {
        return texts.stream().map(Rows::storable).toList();
    }

    private @Nullable Buffer encrypted(Ending ending) {
        Lease lease = ending.lease();
        if (!(ending.outcome() instanceof JobOutcome.Succeeded succeeded)
                || lease.transition() != Transition.START
                || lease.reason().equals(Assignment.VERIFY)
                || ((lease.reason().equals(Assignment.CLAIM) || ending.isCheck())
                        && succeeded.outputs().isEmpty())) {
            return null;
        }
        JsonObject object = new JsonObject();
        succeeded.outputs().forEach(object::put);
        return Buffer.buffer(encryption.encrypt(lease.workspaceId(), object.encode()));
    }

    private static Completed completed(Row row) {
        return new Completed(
                JobStatus.of(row.getString("status")),
                Transition.of(row.getString("transition")),
                Boolean.TRUE.equals(row.getBoolean("prebuild")),
                Boolean.TRUE.equals(row.getBoolean("limited")),
                Rows.instant(row, "created_at"),
                Rows.instant(row, "started_at"));
    }
}
