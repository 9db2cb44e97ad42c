package dev.larder.state;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.AuditEntry;
import dev.larder.lifecycle.DirtyPresets;
import dev.larder.lifecycle.Mutations;
import dev.larder.lifecycle.StateMirror;
import dev.larder.model.Ids;
import dev.larder.state.Begin.Result;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * The mutations of people: begun and ended, each by one statement that may be repeated. A job's mutation is begun and
 * ended with its lease ({@code lifecycle.Mutations}); here it is only taken away.
 *
 * <p>Every statement locks workspaces, mutations and states in this order. What another statement changed meanwhile
 * is seen by looking again, at most {@value #LOOKS} times.
 */
@ApplicationScoped
public class MutationStore {

    private static final int LOOKS = 4;
    private static final int EXPIRED_AT_ONCE = 100;

    private final Pool pool;
    private final Ids ids;
    private final MutationReads reads;

    public MutationStore(Pool pool, Ids ids, MutationReads reads) {
        this.pool = pool;
        this.ids = ids;
        this.reads = reads;
    }

    /**
     * The CTE {@code place}: the workspace of the state, locked first, so that a claim sees what is done to its
     * state.
     */
    private static String place(String state) {
        return """
                place AS MATERIALIZED (
                    SELECT w.id, w.preset_id, w.prebuild FROM workspaces w
                     WHERE w.id = (SELECT s.workspace_id FROM states s WHERE s.id = %s)
                       FOR NO KEY UPDATE)""".formatted(state);
    }

    // The lock on the row reads its newest form, and in_flight says that another mutation is open even where the
    // statement began before that one.
    private static final String HEAD = place(":state::uuid") + """
            ,
            open AS MATERIALIZED (
                SELECT m.* FROM state_mutations m
                 WHERE m.state_id = :state AND m.ended_at IS NULL AND (SELECT count(*) FROM place) >= 0
                   FOR NO KEY UPDATE),
            head AS MATERIALIZED (
                SELECT s.* FROM states s WHERE s.id = :state AND (SELECT count(*) FROM open) >= 0
                   FOR NO KEY UPDATE),
            """;

    private static final String BEGUN =
            """
            known AS MATERIALIZED (
                SELECT m.* FROM state_mutations m
                 WHERE m.state_id = :state AND m.user_id = :user AND m.idempotency_key = :key::text),
            begun AS (
                INSERT INTO state_mutations (id, state_id, fence, kind, user_id, idempotency_key, lock_id, lock_info, implicit,
                                             base_version, previous_status, previous_reason, previous_since,
                                             opened_at, lease_expires_at)
                SELECT :mutation::uuid, h.id, h.fence + 1, :kind::text, :user::uuid, :key, :lock::text,
                       :lock_info::text::jsonb, :lock::text IS NOT NULL, h.current_version, h.status, h.status_reason,
                       h.status_since, :at::timestamptz, :at::timestamptz + make_interval(secs => :lease::integer)
                  FROM head h
                 WHERE h.status IN ('new', 'reliable', 'unreliable', 'corrupt') AND NOT EXISTS (SELECT FROM known)
                   AND h.current_version = coalesce(:expected::bigint, h.current_version)
                   AND (h.status <> 'unreliable' OR :distrusting::boolean)
                   AND (h.status <> 'corrupt' OR :blind::boolean)
                    ON CONFLICT (state_id, user_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
                RETURNING *),
            raised AS (
                UPDATE states s SET fence = b.fence, status = 'in_flight', status_reason = NULL, status_since = b.opened_at
                  FROM begun b WHERE s.id = b.state_id
                RETURNING s.*),
            taken AS (
                %s),
            dirty AS (%s)
            """.formatted(StateMirror.of("raised"), DirtyPresets.mark("taken WHERE prebuild"));

    private static final Sql BEGIN = Sql.of(
            "WITH " + HEAD + BEGUN + """
            SELECT h.status, h.status_reason, h.current_version, m.answer, %s
              FROM head h
              LEFT JOIN (SELECT 'begun' AS answer, b.* FROM begun b
                         UNION ALL SELECT 'begun', k.* FROM known k
                         UNION ALL SELECT 'held', o.* FROM open o WHERE NOT EXISTS (SELECT FROM known)) m ON true
              LEFT JOIN users u ON u.id = m.user_id""".formatted(MutationReads.SHOWN),
            "state",
            "mutation",
            "user",
            "key",
            "kind",
            "lock",
            "lock_info",
            "expected",
            "distrusting",
            "blind",
            "lease",
            "at");

    /**
     * Begins a mutation. An open one whose lease has expired is ended first. Fails with
     * {@link StateProblemException} where the state does not exist.
     */
    Uni<Result> begin(Begin wanted, Instant at) {
        return begin(wanted, at, LOOKS);
    }

    private Uni<Result> begin(Begin wanted, Instant at, int looks) {
        return BEGIN.on(
                        pool,
                        wanted.state(),
                        ids.next(),
                        wanted.user(),
                        wanted.key().orElse(null),
                        wanted.kind().word(),
                        wanted.lock().map(LockInfo::id).orElse(null),
                        wanted.lock().map(LockInfo::json).orElse(null),
                        wanted.expectedVersion().isPresent()
                                ? wanted.expectedVersion().getAsLong()
                                : null,
                        wanted.acceptUnreliable() || !wanted.kind().needsTrust(),
                        wanted.kind().worksBlind(),
                        Rows.wholeSeconds(wanted.lease()),
                        Rows.utc(at))
                .map(rows -> Rows.first(rows, row -> result(row, wanted)))
                .map(result -> result.orElseThrow(
                        () -> new StateProblemException("state_not_found", "There is no such state.")))
                .chain(result -> unlessOverdue(result, wanted, at, looks));
    }

    /** Empty: another mutation is open, which this statement began too early to see. */
    private static Optional<Result> result(Row row, Begin wanted) {
        String answer = row.getString("answer");
        String status = row.getString("status");
        if (answer != null) {
            Mutation mutation = MutationReads.mutation(row);
            return Optional.of(answer.equals("begun") ? new Result.Begun(mutation) : new Result.Held(mutation));
        }
        boolean expected =
                wanted.expectedVersion().orElse(row.getLong("current_version")) == row.getLong("current_version");
        return switch (status) {
            case "tombstoned" -> Optional.of(new Result.Gone());
            case "unreliable", "corrupt" ->
                expected
                        ? Optional.of(new Result.NotTrusted(status, row.getString("status_reason")))
                        : Optional.of(new Result.OtherVersion(row.getLong("current_version")));
            case "in_flight" -> Optional.empty();
            default ->
                expected ? Optional.empty() : Optional.of(new Result.OtherVersion(row.getLong("current_version")));
        };
    }

    private Uni<Result> unlessOverdue(Optional<Result> result, Begin wanted, Instant at, int looks) {
        boolean overdue = result.filter(Result.Held.class::isInstance)
                .map(held -> ((Result.Held) held).by().span().isOverdue(at))
                .orElse(false);
        if (result.isPresent() && !overdue) {
            return Uni.createFrom().item(result.get());
        }
        if (looks == 0) {
            return Uni.createFrom()
                    .failure(new StateProblemException("state_busy", "The state is in use by many callers at once."));
        }
        Uni<?> first = overdue
                ? end(((Result.Held) result.get()).by().id(), End.EXPIRED, wanted.user(), at)
                : Uni.createFrom().voidItem();
        return first.chain(() -> begin(wanted, at, looks - 1));
    }

    private static final String CLOSING =
            place("(SELECT k.state_id FROM state_mutations k WHERE k.id = :mutation)") + """
            ,
            open AS MATERIALIZED (
                SELECT m.* FROM state_mutations m
                 WHERE m.id = :mutation AND m.ended_at IS NULL AND (SELECT count(*) FROM place) >= 0
                   AND (NOT :overdue::boolean OR (m.user_id IS NOT NULL AND m.lease_expires_at <= :at::timestamptz))
                   FOR NO KEY UPDATE),
            head AS MATERIALIZED (
                SELECT s.* FROM states s WHERE s.id = (SELECT o.state_id FROM open o)
                   FOR NO KEY UPDATE),
            """;

    /**
     * A value: what a state is after the mutation {@code o}: previous, reliable, or the reason why it is unreliable.
     */
    private static final String VERDICT = """
            CASE WHEN o.kind = 'plan' OR (:quiet::boolean AND o.writes + o.failed_writes = 0) THEN 'previous'
                 WHEN :outcome IN ('canceled', 'forced') THEN :outcome
                 WHEN :outcome = 'expired' THEN 'lease_expired'
                 WHEN o.failed_writes > 0 THEN 'write_failed'
                 WHEN o.previous_status = 'corrupt' AND o.writes = 0 THEN 'previous'
                 WHEN o.kind = 'destroy' AND :outcome = 'succeeded' AND {may_list_resources} THEN 'destroy_incomplete'
                 WHEN :outcome = 'succeeded' OR (:outcome = 'failed' AND :quiet) THEN 'reliable'
                 ELSE 'job_failed' END""".replace("{may_list_resources}", Mutations.mayListResources("h"));

    private static final String CLOSED = """
            judged AS MATERIALIZED (
                SELECT o.id, o.previous_reason, o.previous_since, h.id AS state_id, h.organization_id, h.current_version,
                       CASE WHEN o.previous_status = 'new' AND h.current_version > 0 THEN 'reliable'
                            ELSE o.previous_status END AS previous_status,
                       {verdict} AS verdict
                  FROM open o CROSS JOIN head h),
            known AS MATERIALIZED (
                SELECT j.*,
                       CASE j.verdict WHEN 'previous' THEN j.previous_status WHEN 'reliable' THEN 'reliable'
                                      ELSE 'unreliable' END AS status,
                       CASE j.verdict WHEN 'previous' THEN j.previous_reason WHEN 'reliable' THEN NULL
                                      ELSE j.verdict END AS reason,
                       CASE j.verdict WHEN 'previous' THEN j.previous_since ELSE :at::timestamptz END AS since
                  FROM judged j),
            closed AS (
                UPDATE state_mutations m SET ended_at = :at, outcome = :outcome, end_version = k.current_version
                  FROM known k WHERE m.id = k.id
                RETURNING m.*),
            """.replace("{verdict}", VERDICT);

    private static final String TOLD = """
            settled AS (
                UPDATE states s
                   SET status = k.status, status_reason = k.reason, status_since = k.since,
                       reliable_version = CASE k.status WHEN 'reliable' THEN k.current_version ELSE s.reliable_version END
                  FROM known k WHERE s.id = k.state_id
                RETURNING s.*),
            given_back AS (
                {mirror}),
            dirty AS ({dirty}),
            audited AS (
                {audit})
            """.replace("{mirror}", StateMirror.of("settled"))
            .replace("{dirty}", DirtyPresets.mark("given_back WHERE prebuild"))
            .replace(
                    "{audit}",
                    AuditEntry.of(
                            "state.take_away",
                            "jsonb_build_object('mutation', mutation, 'outcome', :outcome::text)",
                            "(SELECT k.state_id AS id, k.organization_id, k.id AS mutation FROM known k"
                                    + " WHERE :outcome IN ('canceled', 'forced', 'expired')) taken_away"));

    private static final Sql END = Sql.of(
            "WITH " + CLOSING + CLOSED + TOLD + """
            SELECT %s
              FROM (SELECT c.* FROM closed c
                    UNION ALL SELECT e.* FROM state_mutations e WHERE e.id = :mutation AND NOT EXISTS (SELECT FROM closed)) m
              LEFT JOIN users u ON u.id = m.user_id""".formatted(MutationReads.SHOWN),
            "mutation",
            "outcome",
            "quiet",
            "overdue",
            "at",
            "entry",
            "actor");

    /**
     * Ends a mutation, and settles how far its state can be trusted. One that has ended already is left as it
     * is.
     *
     * @param actor whose call ends it
     * @return the mutation as it is now; empty where there is none
     */
    Uni<Optional<Mutation>> end(UUID mutation, End end, UUID actor, Instant at) {
        return END.on(pool, mutation, end.outcome(), end.quiet(), end.overdue(), Rows.utc(at), ids.next(), actor)
                .map(rows -> Rows.first(rows, MutationReads::mutation))
                .chain(ended -> asItIsNow(ended, end));
    }

    /** Another call that ended it at the same time is not seen by this one's statement. */
    private Uni<Optional<Mutation>> asItIsNow(Optional<Mutation> ended, End end) {
        return ended.filter(Mutation::isOpen).isPresent() && !end.overdue()
                ? reads.find(ended.get().id())
                : Uni.createFrom().item(ended);
    }

    private static final Sql OVERDUE = Sql.of("""
            SELECT m.id, m.user_id
              FROM state_mutations m
             WHERE m.ended_at IS NULL AND m.user_id IS NOT NULL AND m.lease_expires_at <= :at
               AND (NOT m.implicit OR EXISTS (
                        SELECT FROM states s JOIN workspaces w ON w.id = s.workspace_id
                         WHERE s.id = m.state_id AND w.build_status = 'pending' AND w.deleted_at IS NULL))
             ORDER BY m.lease_expires_at LIMIT :limit""", "at", "limit");

    /**
     * Ends mutations of people whose lease has expired, at most 100. One that a tool began with its lock ends only
     * where a job of its workspace waits: such a tool cannot renew, and may be at work for hours.
     *
     * @return how many
     */
    public Uni<Integer> expireOverdue(Instant at) {
        return OVERDUE.on(pool, Rows.utc(at), EXPIRED_AT_ONCE)
                .map(rows -> Rows.list(rows, row -> row))
                .chain(overdue -> expireEach(overdue, at));
    }

    private Uni<Integer> expireEach(List<Row> overdue, Instant at) {
        return Multi.createFrom()
                .iterable(overdue)
                .onItem()
                .transformToUniAndConcatenate(row -> end(row.getUUID("id"), End.EXPIRED, row.getUUID("user_id"), at))
                .collect()
                .asList()
                .map(List::size);
    }
}
