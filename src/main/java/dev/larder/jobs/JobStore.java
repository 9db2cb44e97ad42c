package dev.larder.jobs;

import dev.larder.database.Batcher;
import dev.larder.database.Encryption;
import dev.larder.database.Rows;
import dev.larder.lifecycle.Completed;
import dev.larder.lifecycle.Handicap;
import dev.larder.lifecycle.Places;
import dev.larder.lifecycle.Rules;
import dev.larder.lifecycle.TagMatch;
import dev.larder.model.Assignment;
import dev.larder.model.Blame;
import dev.larder.model.Ids;
import dev.larder.model.JobOutcome;
import dev.larder.model.JobStatus;
import dev.larder.model.Lease;
import dev.larder.model.LogLine;
import dev.larder.model.Transition;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.SqlClient;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The queue (design, section 4). A job is leased with a random token, and every later write of it carries the token, so
 * that a worker that lost its lease can change nothing. How its latest build ended is written to the workspace in the same
 * statement as the job; jobs are always locked before workspaces.
 */
@ApplicationScoped
public class JobStore {

    // One at a time leaves the others waiting for its commit; each more has fewer jobs to share it.
    private static final int ENDING_STATEMENTS = 4;
    private static final int ENDED_AT_ONCE = 100;
    private static final int LOOKS = 3;
    private static final Duration ENDED_WITHIN = Duration.ofSeconds(10);
    private static final String UNREADABLE =
            "A sensitive parameter or output cannot be opened: larder.encryption.key is not the one it was sealed with.";

    private final Pool pool;
    private final Encryption seal;
    private final Ids ids;
    private final Places places;

    /** After this one the next lease begins to look for organizations; where there are many, each comes to its turn. */
    private volatile UUID servedLast = new UUID(0, 0);

    private final Batcher<Ending, Completed> endings =
            new Batcher<>(ENDING_STATEMENTS, ENDED_AT_ONCE, ENDED_WITHIN, this::completeAll);

    public JobStore(Pool pool, Encryption seal, Ids ids) {
        this.pool = pool;
        this.seal = seal;
        this.ids = ids;
        this.places = new Places(pool, ids);
    }

    private static final String LEASED = """
            SELECT j.id, j.lease_token, j.attempt, j.workspace_id, b.transition, b.reason
              FROM jobs j
              JOIN builds b ON b.id = j.build_id
              JOIN workers k ON k.id = j.worker_id
             WHERE j.id = $1 AND j.lease_token = $2 AND k.user_id = $3""";

    /** The lease of a job that a worker of this user holds; empty where it was lost, or was another's. */
    public Uni<Optional<Lease>> leased(UUID job, UUID token, UUID user) {
        return pool.preparedQuery(LEASED)
                .execute(Tuple.of(job, token, user))
                .map(rows -> Rows.first(rows, JobStore::lease));
    }

    private static Lease lease(Row row) {
        return new Lease(
                row.getUUID("id"),
                row.getUUID("lease_token"),
                row.getInteger("attempt"),
                row.getUUID("workspace_id"),
                Transition.of(row.getString("transition")),
                row.getString("reason"));
    }

    /** The kind of a job as the index jobs_waiting has it (V11): 0 a user's, 1 a prebuild's, 2 a prebuild's of over an hour. */
    static String kind(String job) {
        return "(CASE WHEN NOT %1$s.prebuild THEN 0 WHEN %1$s.timeout_seconds <= 3600 THEN 1 ELSE 2 END)"
                .formatted(job);
    }

    /** The next organization that has waiting jobs of one tag set and kind; an index tells without reading its backlog. */
    private static String nextOrganization(String line, String condition) {
        return """
                (SELECT j.organization_id FROM jobs j
                                      WHERE j.tagset_id = %1$s.tagset_id AND %2$s = %1$s.kind
                                        AND j.started_at IS NULL AND j.completed_at IS NULL AND %3$s
                                      ORDER BY j.organization_id LIMIT 1)""".formatted(line, kind("j"), condition);
    }

    /** One organization's waiting jobs of one tag set and kind, in their order; what is in a full scope is passed over. */
    private static String line(String condition) {
        return """
                SELECT j.id, j.queue_at, j.organization_id, j.preset_id, j.deletes FROM jobs j
                        WHERE j.tagset_id = a.tagset_id AND %1$s = a.kind AND j.organization_id = a.organization_id
                          AND j.started_at IS NULL AND j.completed_at IS NULL
                          AND j.backend = ANY (me.backends) AND %2$s
                          AND NOT EXISTS (SELECT FROM full_scopes s
                                           WHERE s.scope IN ($4::uuid, j.organization_id, j.preset_id) AND (s.closed OR j.deletes))
                        ORDER BY j.queue_at, j.id""".formatted(kind("j"), condition);
    }

    /** Users' jobs and those that have waited out their handicap, then what a delete's handicap reaches, then the rest. */
    private static final String URGENCY =
            "CASE WHEN j.queue_at <= $3::timestamptz THEN 0 WHEN j.queue_at <= $3::timestamptz + interval '%d seconds' THEN 1 ELSE 2 END"
                    .formatted(Handicap.DELETE.toSeconds());

    /** Of organizations with equally many jobs the one goes first that comes after the one that was served last. */
    private static final String TURNS =
            "c.urgency, c.turn, c.organization_id <= $5::uuid, c.organization_id, c.queue_at, c.id";

    // Each organization that has waiting jobs is found in an index, whatever the backlogs are, at most 64
    // for each tag set and kind, beginning after the one that was served last (asking). Of several the
    // first jobs of each are read and counted off (candidates): first by urgency, then the one whose
    // organization has the fewest jobs with this one, then in turns. That says how many each line gives
    // (shares). They are locked line by line, and what other takers hold is passed over (locked); where
    // that leaves slots free, all lines are asked once more (rest). Where the prebuilds' share of the slots
    // is used up only users' jobs are leased; where it is smaller than what is wanted, no more than it at
    // once. Prebuild jobs of over an hour have a share of their own (long_room). What is full is passed
    // over, as far as this statement sees it (full_scopes). What it would take is then counted against the
    // limits one taker after the other (jobs_in_flight, V7), and what is beyond them stays (beyond): a job
    // counts in its preset, its organization and the deployment. Held up is told also where nothing is
    // leased.
    static final String TAKE = """
            WITH RECURSIVE me AS (
                SELECT k.id, k.organization_id, k.tags, %10$s AS backends, %11$s AS probes,
                       CASE WHEN k.reserved_slots > 0 THEN k.slots - k.reserved_slots - r.jobs END AS prebuild_room,
                       CASE WHEN k.long_reserved_slots > 0 THEN greatest(k.slots - k.long_reserved_slots - r.long_jobs, 0) END
                         AS long_room
                  FROM workers k
                  LEFT JOIN LATERAL (
                       SELECT count(*) AS jobs, count(*) FILTER (WHERE j.timeout_seconds > 3600) AS long_jobs FROM jobs j
                        WHERE j.worker_id = k.id AND j.started_at IS NOT NULL AND j.completed_at IS NULL AND j.prebuild) r
                    ON k.reserved_slots > 0 OR k.long_reserved_slots > 0
                 WHERE k.id = $1::uuid AND k.stopped_at IS NULL AND %12$s),
            fitting AS (
                SELECT s.id FROM tagsets s, me WHERE %1$s),
            wanted AS (
                SELECT CASE WHEN probes THEN 1 WHEN prebuild_room > 0 THEN least($2::integer, prebuild_room) ELSE $2::integer END AS jobs FROM me),
            full_scopes AS (
                SELECT s.scope, count(*) >= l.jobs AS closed
                  FROM jobs j
                 CROSS JOIN LATERAL (VALUES ($4::uuid), (j.organization_id), (j.preset_id)) s (scope)
                  JOIN job_limits l ON l.scope = s.scope
                 WHERE j.started_at IS NOT NULL AND j.completed_at IS NULL AND EXISTS (SELECT FROM job_limits)
                 GROUP BY s.scope, l.jobs, l.deletes
                HAVING count(*) >= l.jobs OR count(*) FILTER (WHERE j.deletes) >= l.deletes),
            kinds AS (
                SELECT f.id AS tagset_id, k.kind
                  FROM me CROSS JOIN fitting f CROSS JOIN (VALUES (0), (1), (2)) k (kind)
                 WHERE k.kind = 0
                    OR ((me.prebuild_room IS NULL OR me.prebuild_room > 0)
                        AND (k.kind = 1 OR me.long_room IS NULL OR me.long_room > 0))),
            asking (tagset_id, kind, organization_id, began_with, wraps, nth) AS (
                SELECT k.tagset_id, k.kind, s.organization_id, s.organization_id, s.wraps, 1
                  FROM kinds k
                 CROSS JOIN me
                 CROSS JOIN LATERAL (
                       SELECT CASE WHEN me.organization_id IS NULL THEN %2$s END AS organization_id OFFSET 0) later
                 CROSS JOIN LATERAL (
                       SELECT coalesce(later.organization_id, me.organization_id, %3$s) AS organization_id,
                              later.organization_id IS NOT NULL AS wraps OFFSET 0) s
                 WHERE s.organization_id IS NOT NULL
                UNION ALL
                SELECT a.tagset_id, a.kind, s.organization_id, a.began_with, a.wraps, a.nth + 1
                  FROM asking a
                 CROSS JOIN me
                 CROSS JOIN LATERAL (
                       SELECT coalesce(%4$s, CASE WHEN a.wraps THEN %5$s END) AS organization_id OFFSET 0) s
                 WHERE me.organization_id IS NULL AND a.nth < 64 AND s.organization_id <> a.began_with),
            in_flight AS MATERIALIZED (
                SELECT j.organization_id, count(*) AS jobs
                  FROM jobs j JOIN workers k ON k.id = j.worker_id
                 WHERE j.started_at IS NOT NULL AND j.completed_at IS NULL AND k.organization_id IS NULL
                   AND j.tagset_id IN (SELECT f.id FROM fitting f)
                   AND (SELECT count(DISTINCT a.organization_id) FROM asking a) > 1
                 GROUP BY j.organization_id),
            candidates AS MATERIALIZED (
                SELECT a.tagset_id, a.kind, a.organization_id, j.id, j.queue_at, %6$s AS urgency,
                       coalesce(f.jobs, 0) + row_number() OVER (PARTITION BY a.organization_id ORDER BY j.queue_at, j.id) AS turn
                  FROM asking a
                 CROSS JOIN me
                 CROSS JOIN LATERAL (
                       %7$s
                        LIMIT (SELECT jobs FROM wanted)) j
                  LEFT JOIN in_flight f ON f.organization_id = a.organization_id
                 WHERE (SELECT count(*) FROM asking) > 1),
            shares AS MATERIALIZED (
                SELECT c.tagset_id, c.kind, c.organization_id, count(*) AS jobs
                  FROM (SELECT c.*, row_number() OVER (ORDER BY %9$s) AS place
                          FROM (SELECT c.*, count(*) FILTER (WHERE c.kind = 2) OVER (ORDER BY %9$s) AS nth_long FROM candidates c) c
                         CROSS JOIN me
                         WHERE c.kind < 2 OR me.long_room IS NULL OR c.nth_long <= me.long_room) c
                 WHERE c.place <= (SELECT jobs FROM wanted)
                 GROUP BY c.tagset_id, c.kind, c.organization_id
                UNION ALL
                SELECT a.tagset_id, a.kind, a.organization_id,
                       CASE WHEN a.kind = 2 THEN least(w.jobs, me.long_room) ELSE w.jobs END
                  FROM asking a CROSS JOIN me CROSS JOIN wanted w
                 WHERE (SELECT count(*) FROM asking) = 1),
            locked AS (
                SELECT j.*, a.kind
                  FROM shares a
                 CROSS JOIN me
                 CROSS JOIN LATERAL (
                       %7$s
                        LIMIT a.jobs
                          FOR NO KEY UPDATE OF j SKIP LOCKED) j),
            rest AS (
                SELECT j.*, a.kind
                  FROM asking a
                 CROSS JOIN me
                 CROSS JOIN LATERAL (
                       %8$s
                        LIMIT (SELECT jobs FROM wanted) - (SELECT count(*) FROM locked)
                          FOR NO KEY UPDATE OF j SKIP LOCKED) j
                 WHERE (SELECT count(*) FROM locked) < least((SELECT jobs FROM wanted), (SELECT count(*) FROM candidates))),
            ranked AS MATERIALIZED (
                SELECT c.*, row_number() OVER turns AS place, count(*) FILTER (WHERE c.kind = 2) OVER turns AS nth_long
                  FROM (SELECT j.*, %6$s AS urgency,
                               coalesce(f.jobs, 0) + row_number() OVER (PARTITION BY j.organization_id ORDER BY j.queue_at, j.id)
                                 AS turn
                          FROM (SELECT * FROM locked UNION ALL SELECT * FROM rest) j
                          LEFT JOIN in_flight f ON f.organization_id = j.organization_id) c
                WINDOW turns AS (ORDER BY %9$s)),
            limited AS MATERIALIZED (
                SELECT DISTINCT l.scope, l.jobs, l.deletes
                  FROM ranked j
                 CROSS JOIN LATERAL (VALUES ($4::uuid), (j.organization_id), (j.preset_id)) s (scope)
                  JOIN job_limits l ON l.scope = s.scope
                 ORDER BY l.scope),
            room AS MATERIALIZED (
                SELECT l.scope, l.jobs - f.jobs AS jobs, l.deletes - f.deletes AS deletes
                  FROM limited l CROSS JOIN LATERAL jobs_in_flight(l.scope) f),
            beyond AS (
                SELECT n.id
                  FROM (SELECT j.id, j.deletes, r.jobs AS room, r.deletes AS delete_room, row_number() OVER turn AS nth,
                               count(*) FILTER (WHERE j.deletes) OVER turn AS nth_delete
                          FROM ranked j
                         CROSS JOIN LATERAL (VALUES ($4::uuid), (j.organization_id), (j.preset_id)) s (scope)
                          JOIN room r ON r.scope = s.scope
                        WINDOW turn AS (PARTITION BY r.scope ORDER BY j.place)) n
                 WHERE n.nth > n.room OR (n.deletes AND n.nth_delete > n.delete_room)),
            next AS (
                SELECT j.id, j.place
                  FROM ranked j CROSS JOIN me
                 WHERE j.id NOT IN (SELECT id FROM beyond) AND (j.kind < 2 OR me.long_room IS NULL OR j.nth_long <= me.long_room)
                 ORDER BY j.place
                 LIMIT (SELECT jobs FROM wanted)),
            taken AS (
                UPDATE jobs j
                   SET started_at = $3::timestamptz, deadline_at = $3::timestamptz + make_interval(secs => j.timeout_seconds), worker_id = $1::uuid,
                       lease_token = gen_random_uuid(), attempt = j.attempt + 1
                 WHERE j.id = ANY (ARRAY(SELECT id FROM next))
                RETURNING j.*),
            held AS MATERIALIZED (
                SELECT (SELECT count(*) FROM ranked) > given.jobs AS held_up,
                       given.jobs = (SELECT jobs FROM wanted) OR (given.jobs > 0 AND given.jobs < (SELECT count(*) FROM candidates)) AS more
                  FROM (SELECT count(*) AS jobs FROM next) given)
            SELECT h.held_up, h.more, t.id, t.lease_token, t.attempt, t.deadline_at, t.created_at, t.backend, b.transition, b.reason, b.number,
                   b.version_id, b.preset_id, w.outputs_sealed, w.id AS workspace_id, w.name AS workspace_name, w.owner_id, w.prebuild,
                   w.organization_id, o.name AS organization_name, u.name AS owner_name, p.name AS preset_name,
                   m.name AS template_name, v.files,
                   (SELECT coalesce(jsonb_agg(jsonb_build_object(
                               'name', q.name, 'sensitive', q.sensitive, 'given', g.name IS NOT NULL,
                               'value', CASE WHEN g.name IS NULL THEN q.default_value ELSE g.value END,
                               'own', w.parameters -> q.name,
                               'sealed', encode(CASE WHEN g.name IS NULL THEN q.default_sealed ELSE g.sealed END, 'hex'))
                           ORDER BY q.ordinal), '[]')
                      FROM version_parameters q
                      LEFT JOIN preset_parameters g ON g.preset_id = b.preset_id AND g.name = q.name
                     WHERE q.version_id = b.version_id) AS parameters
              FROM held h
              LEFT JOIN (taken t
                         JOIN next n ON n.id = t.id
                         JOIN builds b ON b.id = t.build_id
                         JOIN workspaces w ON w.id = t.workspace_id
                         JOIN organizations o ON o.id = w.organization_id
                         JOIN users u ON u.id = w.owner_id
                         JOIN template_versions v ON v.id = b.version_id
                         JOIN templates m ON m.id = v.template_id
                         LEFT JOIN presets p ON p.id = b.preset_id) ON true
             WHERE t.id IS NOT NULL OR h.held_up
             ORDER BY n.place""".formatted(
                    TagMatch.tags("me", "s"),
                    nextOrganization("k", "j.organization_id > $5::uuid"),
                    nextOrganization("k", "true"),
                    nextOrganization("a", "j.organization_id > a.organization_id"),
                    nextOrganization("a", "true"),
                    URGENCY,
                    line("true"),
                    line("j.id <> ALL (ARRAY(SELECT id FROM locked))"),
                    TURNS,
                    Places.offered("k", "$3"),
                    Places.probes("k", "$3"),
                    Rules.TRUSTED);

    /**
     * Leases up to {@code slots} jobs that fit this worker, the most urgent first; fewer than there are where its reserve or
     * a limit of {@link JobLimitStore} is touched: {@link Batch#more} says whether to ask again. One whose sensitive parameters or
     * outputs cannot be opened fails at once, code {@code parameters_unreadable}: it must not keep the others from being leased.
     */
    public Uni<Batch> take(UUID worker, int slots, Instant at) {
        return take(worker, slots, at, LOOKS);
    }

    /** Whoever found only what somebody else has filled up in the same moment has not looked behind it: now it is seen as full. */
    private Uni<Batch> take(UUID worker, int slots, Instant at, int looks) {
        return pool.preparedQuery(TAKE)
                .execute(Tuple.of(worker, slots, Rows.utc(at), JobLimitStore.DEPLOYMENT, servedLast))
                .chain(rows -> onlyHeldUp(rows) ? takeAgain(worker, slots, at, looks - 1) : opened(rows, at));
    }

    private Uni<Batch> takeAgain(UUID worker, int slots, Instant at, int looks) {
        return looks == 0 ? Uni.createFrom().item(Batch.HELD_UP) : take(worker, slots, at, looks);
    }

    private static boolean onlyHeldUp(RowSet<Row> rows) {
        return rows.size() == 1 && rows.iterator().next().getUUID("id") == null;
    }

    /**
     * What a worker was leased at once.
     *
     * @param unreadable how many failed at once, because they cannot be opened
     * @param heldUp whether jobs that were not leased have been kept from others meanwhile, who should look again
     * @param more whether there may be more for this worker; if not, there was nothing left but what its own reserve keeps from it
     */
    public record Batch(List<Taken> jobs, int unreadable, boolean heldUp, boolean more) {

        static final Batch NONE = new Batch(List.of(), 0, false, false);
        static final Batch HELD_UP = new Batch(List.of(), 0, true, false);
    }

    /**
     * A leased job.
     *
     * @param queuedAt when the job was created: how long it waited is the lease's begin less this
     */
    public record Taken(Assignment assignment, Instant queuedAt) {}

    private Uni<Batch> opened(RowSet<Row> rows, Instant at) {
        List<Taken> taken = new ArrayList<>(rows.size());
        List<Ending> unreadable = new ArrayList<>();
        for (Row row : rows) {
            servedLast = Optional.ofNullable(row.getUUID("organization_id")).orElse(servedLast);
            try {
                taken.add(taken(row));
            } catch (Encryption.UnreadableException sealed) {
                unreadable.add(new Ending(lease(row), new JobOutcome.Failed("parameters_unreadable", UNREADABLE), at));
            }
        }
        Batch batch = batch(rows, taken, unreadable.size());
        return unreadable.isEmpty()
                ? Uni.createFrom().item(batch)
                : completeAll(pool, unreadable).replaceWith(batch);
    }

    private static Batch batch(RowSet<Row> rows, List<Taken> taken, int unreadable) {
        if (rows.size() == 0) {
            return Batch.NONE;
        }
        Row any = rows.iterator().next();
        boolean heldUp = Boolean.TRUE.equals(any.getBoolean("held_up"));
        return new Batch(taken, unreadable, heldUp, heldUp || Boolean.TRUE.equals(any.getBoolean("more")));
    }

    private Taken taken(Row row) {
        Map<String, String> values = new LinkedHashMap<>();
        Set<String> sensitive = new HashSet<>();
        JsonArray parameters = (JsonArray) row.getValue("parameters");
        for (int i = 0; i < parameters.size(); i++) {
            JsonObject parameter = parameters.getJsonObject(i);
            String name = parameter.getString("name");
            String value = value(row, parameter);
            if (value != null) {
                values.put(name, value);
            }
            if (Boolean.TRUE.equals(parameter.getBoolean("sensitive"))) {
                sensitive.add(name);
            }
        }
        Assignment assignment = new Assignment(
                row.getUUID("id"),
                row.getUUID("lease_token"),
                row.getInteger("attempt"),
                Rows.instant(row, "deadline_at"),
                Transition.of(row.getString("transition")),
                row.getString("reason"),
                row.getString("backend"),
                row.getUUID("workspace_id"),
                row.getString("workspace_name"),
                row.getUUID("organization_id"),
                row.getString("organization_name"),
                row.getUUID("owner_id"),
                row.getString("owner_name"),
                Boolean.TRUE.equals(row.getBoolean("prebuild")),
                row.getUUID("version_id"),
                row.getString("template_name"),
                row.getInteger("number"),
                row.getString("preset_name"),
                strings((JsonObject) row.getValue("files")),
                values,
                sensitive,
                outputs(row));
        return new Taken(assignment, Rows.instant(row, "created_at"));
    }

    /** What the claim of a cold build asked for comes first, then the preset's value, then the default. */
    private @Nullable String value(Row row, JsonObject parameter) {
        JsonObject own = parameter.getJsonObject("own");
        if (own != null) {
            String hidden = own.getString("sealed");
            return hidden == null
                    ? own.getString("value")
                    : seal.open(row.getUUID("workspace_id"), HexFormat.of().parseHex(hidden));
        }
        String sealed = parameter.getString("sealed");
        if (sealed == null) {
            return parameter.getString("value");
        }
        boolean given = Boolean.TRUE.equals(parameter.getBoolean("given"));
        UUID sealedFor = row.getUUID(given ? "preset_id" : "version_id");
        return seal.open(sealedFor, HexFormat.of().parseHex(sealed));
    }

    private Map<String, String> outputs(Row row) {
        // Only what works on a started workspace is given them: whoever cannot open them must still be able to delete.
        io.vertx.mutiny.core.buffer.Buffer sealed = row.getBuffer("outputs_sealed");
        return sealed == null || !Assignment.LATER_STARTS.contains(row.getString("reason"))
                ? Map.of()
                : strings(new JsonObject(seal.open(row.getUUID("workspace_id"), sealed.getBytes())));
    }

    private static Map<String, String> strings(JsonObject object) {
        Map<String, String> strings = new HashMap<>();
        object.forEach(entry -> strings.put(entry.getKey(), String.valueOf(entry.getValue())));
        return strings;
    }

    // A job that was asked to stop ends canceled, whatever its worker says of it: the pool has planned without it.
    // How long the arrays are is kept from the planner: where it knows that they are short, it plans each call anew,
    // and that takes longer than doing it.
    static final String COMPLETE = """
            WITH ending AS (
                SELECT * FROM unnest((SELECT $1::uuid[]), (SELECT $2::uuid[]), (SELECT $3::timestamptz[]), (SELECT $4::text[]),
                                     (SELECT $5::text[]), (SELECT $6::boolean[]), (SELECT $7::bytea[]), (SELECT $9::text[]),
                                     (SELECT $10::boolean[]))
                         WITH ORDINALITY e (job, lease, at, code, detail, canceled, outputs, blame, proof, n)),
            done AS (
                UPDATE jobs j
                   SET completed_at = e.at, lease_token = NULL, error_code = e.code, error = e.detail, blame = e.blame,
                       canceled_at = CASE WHEN e.canceled THEN coalesce(j.canceled_at, e.at) ELSE j.canceled_at END
                  FROM ending e
                 WHERE j.id = e.job AND j.lease_token = e.lease
                RETURNING e.n, e.at, e.outputs, e.proof, j.worker_id, j.backend, j.build_id, j.workspace_id, j.status, j.started_at, j.created_at,
                          EXISTS (SELECT FROM job_limits l WHERE l.scope IN ($8::uuid, j.organization_id, j.preset_id)) AS limited,
                          (SELECT b.reason FROM builds b WHERE b.id = j.build_id) = 'verify' AND j.status = 'succeeded' AS fit,
                          CASE WHEN j.backend = 'postgres' THEN (SELECT k.place_id FROM workers k WHERE k.id = j.worker_id) END AS place_id),
            lifted AS (
                DELETE FROM held_places h USING done d WHERE d.proof AND h.worker_id = d.worker_id AND h.backend = d.backend
                RETURNING h.backend),
            workspace AS (
                UPDATE workspaces w
                   SET build_status = d.status, build_finished_at = d.at,
                       ready_at = CASE WHEN w.transition = 'start' AND d.status = 'succeeded' THEN d.at END,
                       outputs_sealed = coalesce(d.outputs, w.outputs_sealed), place_id = coalesce(d.place_id, w.place_id),
                       verifying = w.verifying AND NOT d.fit,
                       claim_step_wanted_at = CASE WHEN NOT (w.verifying AND d.fit) THEN w.claim_step_wanted_at
                                                   WHEN (SELECT v.claim_step FROM template_versions v WHERE v.id = w.version_id)
                                                   THEN d.at END,
                       dirty = w.dirty AND NOT (w.prebuild AND d.status = 'succeeded'),
                       deleted_at = CASE WHEN w.transition = 'delete' AND d.status = 'succeeded' THEN d.at END
                  FROM done d WHERE w.id = d.workspace_id AND w.build_id = d.build_id
                RETURNING d.n, d.at, w.id, w.preset_id, w.prebuild, w.transition, w.deleted_at, d.status, d.started_at, d.created_at,
                          d.limited, d.fit),
            leased AS (
                UPDATE claims c SET expires_at = w.at + make_interval(secs => c.ttl_seconds)
                  FROM workspace w
                 WHERE c.workspace_id = w.id AND c.ended_at IS NULL AND w.fit AND c.ttl_seconds IS NOT NULL),
            ended AS (
                UPDATE claims c SET ended_at = w.at, ended_reason = 'deleted'
                  FROM workspace w
                 WHERE c.workspace_id = w.id AND c.ended_at IS NULL AND w.deleted_at IS NOT NULL),
            dirty AS (
                INSERT INTO dirty_presets (preset_id) SELECT DISTINCT preset_id FROM workspace WHERE prebuild)
            SELECT n, status, started_at, created_at, transition, prebuild, limited, ARRAY(SELECT DISTINCT backend FROM lifted) AS lifted
              FROM workspace""";

    /**
     * Ends a leased job and moves its workspace with it; jobs that end while others are being ended share the next statement.
     * Where a claim build replaced resources, template admins are told in the same transaction (design, section 2.6).
     *
     * <p>A job that failed because of its place does not end: it goes back into the queue, and the place is held (decision 0025).
     *
     * @return empty where the lease was lost: nothing was changed; {@link JobStatus#PENDING} where the job was put back
     */
    public Uni<Optional<Completed>> complete(Lease lease, JobOutcome outcome, Instant at) {
        return outcome instanceof JobOutcome.Failed failed
                        && Blame.of(failed.code()).holdsPlace()
                        && mayWait(lease)
                ? places.putBack(lease, failed, at)
                        .chain(waits -> waits.isPresent() ? Uni.createFrom().item(waits) : end(lease, outcome, at))
                : end(lease, outcome, at);
    }

    /** A verification may not: a claim waits for its answer, and takes another workspace instead. */
    private static boolean mayWait(Lease lease) {
        return !lease.reason().equals(Assignment.VERIFY);
    }

    private Uni<Optional<Completed>> end(Lease lease, JobOutcome outcome, Instant at) {
        Ending ending = new Ending(lease, outcome, at);
        return outcome instanceof JobOutcome.Succeeded(var unused, var replaced) && !replaced.isEmpty()
                ? pool.withTransaction(connection -> completeAll(connection, List.of(ending))
                        .map(completed -> Optional.ofNullable(completed.get(ending)))
                        .call(completed -> completed.isPresent()
                                ? tellReplaced(connection, lease.workspaceId(), replaced, at)
                                : Uni.createFrom().voidItem()))
                : endings.ask(ending);
    }

    /** What a job's worker says became of it. */
    private record Ending(Lease lease, JobOutcome outcome, Instant at) {

        OffsetDateTime time() {
            return Rows.utc(at);
        }

        @Nullable
        String code() {
            return outcome instanceof JobOutcome.Failed(var code, var unused) ? code : null;
        }

        @Nullable
        String detail() {
            return outcome instanceof JobOutcome.Failed(var unused, var detail) ? Rows.storable(detail) : null;
        }

        boolean canceled() {
            return outcome instanceof JobOutcome.Canceled;
        }

        /** A job that ends although it could have been put back has broken its place too often: see {@link Places#putBack}. */
        @Nullable
        String blame() {
            if (!(outcome instanceof JobOutcome.Failed(var code, var unused))) {
                return null;
            }
            boolean tooOften = Blame.of(code).holdsPlace() && mayWait(lease);
            return (tooOften ? Blame.TEMPLATE : Blame.of(code)).word();
        }

        boolean provesPlace() {
            return switch (outcome) {
                case JobOutcome.Succeeded succeeded -> true;
                case JobOutcome.Failed(var code, var unused) -> Blame.provesPlace(code);
                case JobOutcome.Canceled canceled -> false;
            };
        }
    }

    /** In one order, so that statements that were sent twice do not wait for each other. */
    private Uni<Map<Ending, Completed>> completeAll(Set<Ending> together) {
        return completeAll(
                pool,
                together.stream()
                        .sorted(Comparator.comparing(ending -> ending.lease().jobId()))
                        .toList());
    }

    /** Of two that end one job, one is answered. */
    private Uni<Map<Ending, Completed>> completeAll(SqlClient client, List<Ending> all) {
        Tuple values = Tuple.tuple()
                .addValue(all.stream().map(one -> one.lease().jobId()).toArray(UUID[]::new))
                .addValue(all.stream().map(one -> one.lease().token()).toArray(UUID[]::new))
                .addValue(all.stream().map(Ending::time).toArray(OffsetDateTime[]::new))
                .addValue(all.stream().map(Ending::code).toArray(String[]::new))
                .addValue(all.stream().map(Ending::detail).toArray(String[]::new))
                .addValue(all.stream().map(Ending::canceled).toArray(Boolean[]::new))
                .addValue(all.stream().map(this::sealed).toArray(Buffer[]::new))
                .addValue(JobLimitStore.DEPLOYMENT)
                .addValue(all.stream().map(Ending::blame).toArray(String[]::new))
                .addValue(all.stream().map(Ending::provesPlace).toArray(Boolean[]::new));
        return client.preparedQuery(COMPLETE)
                .execute(values)
                .call(rows -> places.wake(client, lifted(rows)))
                .map(rows -> completed(rows, all));
    }

    private static Set<String> lifted(RowSet<Row> rows) {
        return Rows.first(rows, row -> Set.of(row.getArrayOfStrings("lifted"))).orElse(Set.of());
    }

    private static Map<Ending, Completed> completed(RowSet<Row> rows, List<Ending> all) {
        Map<Ending, Completed> completed = new HashMap<>();
        for (Row row : rows) {
            completed.put(all.get(row.getInteger("n") - 1), completed(row));
        }
        return completed;
    }

    private static final String TELL_REPLACED = """
            INSERT INTO notifications (id, organization_id, audience, kind, occasion, detail, created_at)
            SELECT $1::uuid, w.organization_id, 'template_admin', 'resources_replaced', 'resources_replaced:' || w.build_id,
                   jsonb_build_object('workspace_id', w.id, 'workspace', w.name, 'preset_id', w.preset_id, 'preset', p.name,
                                      'template_id', w.template_id, 'template', t.name, 'resources', $3::jsonb),
                   $4::timestamptz
              FROM workspaces w
              JOIN templates t ON t.id = w.template_id
              LEFT JOIN presets p ON p.id = w.preset_id
             WHERE w.id = $2
                ON CONFLICT (occasion) DO NOTHING""";

    private Uni<Void> tellReplaced(SqlClient client, UUID workspace, Map<String, List<String>> replaced, Instant at) {
        JsonObject resources = new JsonObject();
        replaced.forEach((resource, paths) -> resources.put(Rows.storable(resource), new JsonArray(storable(paths))));
        return client.preparedQuery(TELL_REPLACED)
                .execute(Tuple.of(ids.next(), workspace, resources, Rows.utc(at)))
                .replaceWithVoid();
    }

    private static List<String> storable(List<String> texts) {
        return texts.stream().map(Rows::storable).toList();
    }

    private @Nullable Buffer sealed(Ending ending) {
        Lease lease = ending.lease();
        if (!(ending.outcome() instanceof JobOutcome.Succeeded(var outputs, var unused))
                || lease.transition() != Transition.START
                || lease.reason().equals(Assignment.VERIFY)
                || (lease.reason().equals(Assignment.CLAIM) && outputs.isEmpty())) {
            return null;
        }
        JsonObject object = new JsonObject();
        outputs.forEach(object::put);
        return Buffer.buffer(seal.seal(lease.workspaceId(), object.encode()));
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

    private static final String HAND_BACK = """
            WITH back AS (
                UPDATE jobs
                   SET started_at = NULL, deadline_at = NULL, worker_id = NULL, lease_token = NULL
                 WHERE id = $1 AND lease_token = $2 AND canceled_at IS NULL
                RETURNING id, attempt),
            said AS (
                INSERT INTO job_logs (job_id, seq, at, stream, line)
                SELECT id, least(attempt, 2146) * 1000000 + 999999, $3::timestamptz, 'larder', 'Its worker was ending and gave it back.'
                  FROM back
                    ON CONFLICT DO NOTHING)
            SELECT id FROM back""";

    /**
     * Puts a leased job back into the queue, unfinished: its worker is going. That is no loss: a rolling restart uses up none
     * of the attempts. Nothing where the lease was lost.
     */
    public Uni<Boolean> handBack(Lease lease, Instant at) {
        return pool.preparedQuery(HAND_BACK)
                .execute(Tuple.of(lease.jobId(), lease.token(), Rows.utc(at)))
                .map(rows -> rows.size() == 1);
    }

    // Why an attempt came to nothing is the last line of its log.
    // $2: workers not heard of since then are lost. $3: deadlines before then are overrun beyond the worker's own stop.
    // $5 and $6: a worker, and those of its jobs that it does not know of.
    private static final String REAP = """
            WITH hung AS (
                SELECT j.id, j.canceled_at IS NOT NULL AS canceling, j.deadline_at < $3::timestamptz AS overrun,
                       j.attempt, j.losses + 1 AS losses,
                       CASE WHEN j.deadline_at < $3::timestamptz THEN 'The job was not done by its deadline.'
                            WHEN k.stopped_at IS NOT NULL THEN 'Its worker ended without it.'
                            WHEN k.last_seen_at < $2::timestamptz THEN 'Its worker was not heard of any more.'
                            WHEN j.canceled_at < $3::timestamptz THEN 'It did not stop when it was asked to.'
                            ELSE 'Its worker did not know of it.' END AS reason
                  FROM jobs j JOIN workers k ON k.id = j.worker_id
                 WHERE j.started_at IS NOT NULL AND j.completed_at IS NULL
                   AND (k.last_seen_at < $2::timestamptz OR k.stopped_at IS NOT NULL OR j.deadline_at < $3::timestamptz
                        OR j.canceled_at < $3::timestamptz OR (k.id = $5::uuid AND j.id = ANY ($6::uuid[])))
                   AND {trusted}
                 ORDER BY j.id LIMIT 100
                   FOR UPDATE OF j SKIP LOCKED),
            taken_back AS (
                UPDATE jobs j
                   SET lease_token = NULL, losses = h.losses,
                       started_at = CASE WHEN h.final THEN j.started_at END,
                       deadline_at = CASE WHEN h.final THEN j.deadline_at END,
                       worker_id = CASE WHEN h.final THEN j.worker_id END,
                       completed_at = CASE WHEN h.final THEN $1::timestamptz END,
                       error_code = CASE WHEN h.final AND NOT h.canceling THEN h.code END,
                       blame = CASE WHEN h.final AND NOT h.canceling AND NOT h.overrun THEN 'passing' END,
                       error = CASE WHEN h.final AND NOT h.canceling
                                    THEN CASE WHEN h.overrun THEN h.reason ELSE 'Its worker was lost ' || h.losses || ' times.' END END
                  FROM (SELECT *, canceling OR overrun OR losses >= $4::integer AS final,
                               CASE WHEN overrun THEN 'timed_out' ELSE 'worker_lost' END AS code
                          FROM hung) h
                 WHERE j.id = h.id
                RETURNING j.id, h.attempt, h.reason, j.workspace_id, j.build_id, j.status, j.completed_at),
            said AS (
                INSERT INTO job_logs (job_id, seq, at, stream, line)
                SELECT id, least(attempt, 2146) * 1000000 + 999999, $1::timestamptz, 'larder', reason FROM taken_back
                    ON CONFLICT DO NOTHING),
            moved AS (
                UPDATE workspaces w SET build_status = t.status, build_finished_at = t.completed_at
                  FROM taken_back t WHERE w.id = t.workspace_id AND w.build_id = t.build_id
                RETURNING w.preset_id, w.prebuild),
            dirty AS (
                INSERT INTO dirty_presets (preset_id) SELECT DISTINCT preset_id FROM moved WHERE prebuild)
            SELECT count(*) AS jobs FROM moved""".replace("{trusted}", Rules.TRUSTED);

    /**
     * Takes jobs back from workers that fell silent, from those that overran their deadline, and ends those that were
     * asked to stop and did not: requeued while attempts are left, failed after that. At most 100 at a time.
     *
     * @param silentSince a worker last seen before this instant is lost
     * @param overrunSince a deadline before this instant is overrun; its worker had until then to end it itself
     * @return how many
     */
    public Uni<Integer> reap(Instant at, Instant silentSince, Instant overrunSince, int maxAttempts) {
        return takeBack(Tuple.tuple()
                .addValue(Rows.utc(at))
                .addValue(Rows.utc(silentSince))
                .addValue(Rows.utc(overrunSince))
                .addValue(maxAttempts)
                .addValue(null)
                .addValue(new UUID[0]));
    }

    /**
     * Takes jobs back from a living worker that holds their leases and does not know of them: the answer that told it so
     * was lost, or it gave up on storing their results. As {@link #reap} does with those of a lost worker.
     */
    public Uni<Integer> takeBackForgotten(UUID worker, Set<UUID> forgotten, Instant at, int maxAttempts) {
        return takeBack(Tuple.tuple()
                .addValue(Rows.utc(at))
                .addValue(Rows.utc(Instant.EPOCH))
                .addValue(Rows.utc(Instant.EPOCH))
                .addValue(maxAttempts)
                .addValue(worker)
                .addValue(forgotten.toArray(UUID[]::new)));
    }

    private Uni<Integer> takeBack(Tuple values) {
        return pool.preparedQuery(REAP)
                .execute(values)
                .map(rows -> rows.iterator().next().getInteger("jobs"));
    }

    // Deletes are never withdrawn: what exists must go, however long it takes. Nor is what waits because of
    // a limit while there is a worker for it: it has its turn. A prebuild whose start was begun once and
    // handed back may exist in part: it is deleted.
    private static final String WITHDRAW =
            """
            WITH old AS (
                SELECT j.id FROM jobs j JOIN builds b ON b.id = j.build_id
                 WHERE j.started_at IS NULL AND j.completed_at IS NULL AND b.transition = 'start' AND {trusted}
                   AND ((j.created_at < $2::timestamptz
                         AND NOT (EXISTS (SELECT FROM job_limits l WHERE l.scope IN ($3::uuid, j.organization_id, j.preset_id))
                                  AND EXISTS (SELECT FROM workers k JOIN tagsets s ON s.id = j.tagset_id
                                               WHERE k.stopped_at IS NULL AND k.last_seen_at >= $1::timestamptz - interval '1 minute'
                                                 AND %s
                                                 AND j.backend = ANY (k.backends)
                                                 AND (k.organization_id IS NULL OR k.organization_id = j.organization_id))))
                        OR (b.reason = 'verify'
                            AND (SELECT coalesce(c.waits_until, j.created_at + interval '30 seconds') FROM claims c
                                  WHERE c.workspace_id = j.workspace_id AND c.ended_at IS NULL) <= $1::timestamptz))
                 ORDER BY j.id LIMIT 100
                   FOR UPDATE OF j SKIP LOCKED),
            withdrawn AS (
                UPDATE jobs j SET canceled_at = $1::timestamptz, completed_at = $1::timestamptz FROM old WHERE j.id = old.id
                RETURNING j.workspace_id, j.build_id, j.attempt),
            moved AS (
                UPDATE workspaces w
                   SET build_status = 'canceled', build_finished_at = $1::timestamptz,
                       deleted_at = CASE WHEN w.prebuild AND w.build_number = 1 AND d.attempt = 0
                                         THEN $1::timestamptz END,
                       deletion_wanted_at = CASE WHEN w.prebuild AND w.build_number = 1 AND d.attempt > 0
                                                 THEN $1::timestamptz ELSE w.deletion_wanted_at END
                  FROM withdrawn d WHERE w.id = d.workspace_id AND w.build_id = d.build_id
                RETURNING w.preset_id, w.prebuild),
            dirty AS (
                INSERT INTO dirty_presets (preset_id) SELECT DISTINCT preset_id FROM moved WHERE prebuild)
            SELECT count(*) AS jobs FROM moved""".replace("{trusted}", Rules.TRUSTED).formatted(TagMatch.tags("k", "s"));

    /**
     * Start jobs that merely waited since before this instant are canceled, not failed (design, section 4.4), and so are
     * verifications whose claim waits no longer. What a limit of {@link JobLimitStore} paces is left to wait.
     */
    public Uni<Integer> withdraw(Instant at, Instant waitingSince) {
        return pool.preparedQuery(WITHDRAW)
                .execute(Tuple.of(Rows.utc(at), Rows.utc(waitingSince), JobLimitStore.DEPLOYMENT))
                .map(rows -> rows.iterator().next().getInteger("jobs"));
    }

    private static final String CANCEL = """
            WITH job AS (
                SELECT id, status FROM jobs WHERE id = $1 AND organization_id = ANY ($3) AND completed_at IS NULL FOR UPDATE),
            canceled AS (
                UPDATE jobs j
                   SET canceled_at = coalesce(j.canceled_at, $2::timestamptz),
                       completed_at = CASE WHEN j.started_at IS NULL THEN $2::timestamptz END
                  FROM job WHERE j.id = job.id AND ($4::text IS NULL OR job.status = $4::text)
                RETURNING j.workspace_id, j.build_id, j.status, j.completed_at, j.attempt),
            moved AS (
                UPDATE workspaces w
                   SET build_status = c.status, build_finished_at = c.completed_at,
                       deleted_at = CASE WHEN c.status = 'canceled' AND w.prebuild AND w.transition = 'start'
                                              AND w.build_number = 1 AND c.attempt = 0 THEN $2::timestamptz END,
                       deletion_wanted_at = CASE WHEN c.status = 'canceled' AND w.prebuild AND w.transition = 'start'
                                                      AND w.build_number = 1 AND c.attempt > 0
                                                 THEN $2::timestamptz ELSE w.deletion_wanted_at END
                  FROM canceled c WHERE w.id = c.workspace_id AND w.build_id = c.build_id
                RETURNING w.preset_id, w.prebuild, c.status),
            dirty AS (
                INSERT INTO dirty_presets (preset_id) SELECT preset_id FROM moved WHERE prebuild)
            SELECT coalesce(m.status, job.status) AS status, m.status IS NOT NULL AS asked
              FROM job LEFT JOIN moved m ON true""";

    /**
     * What became of a wish to cancel.
     *
     * @param status the job's, now
     * @param asked false where the job was not as expected, and nothing was done
     */
    public record Canceling(JobStatus status, boolean asked) {}

    /**
     * A waiting job ends at once; a running one is asked to stop.
     *
     * @param expected nothing is done where the job is in another state
     * @return empty where there is no such unfinished job in these organizations
     */
    public Uni<Optional<Canceling>> cancel(
            UUID job, List<UUID> organizations, Optional<JobStatus> expected, Instant at) {
        return pool.preparedQuery(CANCEL)
                .execute(Tuple.of(
                        job,
                        Rows.utc(at),
                        organizations.toArray(UUID[]::new),
                        expected.map(JobStatus::word).orElse(null)))
                .map(rows -> Rows.first(rows, JobStore::canceling));
    }

    private static Canceling canceling(Row row) {
        return new Canceling(JobStatus.of(row.getString("status")), Boolean.TRUE.equals(row.getBoolean("asked")));
    }

    private static final String APPEND = """
            INSERT INTO job_logs (job_id, seq, at, stream, line)
            SELECT $1::uuid, $2::integer + ordinality - 1, l.at, l.stream, l.line
              FROM unnest((SELECT $3::timestamptz[]), (SELECT $4::text[]), (SELECT $5::text[])) WITH ORDINALITY l (at, stream, line)
             WHERE EXISTS (SELECT FROM jobs WHERE id = $1::uuid AND lease_token = $6)
                ON CONFLICT DO NOTHING""";

    /**
     * Appends to a leased job's log; nothing where the lease was lost.
     *
     * @param seq of the first line; lines of one lease are numbered from {@code attempt * 1,000,000}
     */
    public Uni<Void> append(Lease lease, int seq, List<LogLine> lines) {
        OffsetDateTime[] times = lines.stream().map(line -> Rows.utc(line.at())).toArray(OffsetDateTime[]::new);
        String[] streams = lines.stream().map(LogLine::stream).toArray(String[]::new);
        String[] texts = lines.stream().map(line -> Rows.storable(line.line())).toArray(String[]::new);
        return pool.preparedQuery(APPEND)
                .execute(Tuple.of(lease.jobId(), seq, times, streams, texts, lease.token()))
                .replaceWithVoid();
    }

    // Ids are in the order of their making, so that the oldest lines are the first of the index.
    private static final String TRIM_LOGS = """
            DELETE FROM job_logs l
             USING (SELECT o.job_id, o.seq
                      FROM job_logs o JOIN jobs j ON j.id = o.job_id
                     WHERE o.job_id < $1::uuid AND j.completed_at < $2::timestamptz
                     ORDER BY o.job_id, o.seq LIMIT 10000) old
             WHERE l.job_id = old.job_id AND l.seq = old.seq""";

    /**
     * Forgets what jobs said that were created and done before this instant; at most 10,000 lines at a time.
     *
     * @return how many lines
     */
    public Uni<Integer> trimLogs(Instant before) {
        return pool.preparedQuery(TRIM_LOGS)
                .execute(Tuple.of(Ids.firstOf(before), Rows.utc(before)))
                .map(RowSet::rowCount);
    }
}
