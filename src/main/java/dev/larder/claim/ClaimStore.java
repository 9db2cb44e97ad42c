package dev.larder.claim;

import dev.larder.claim.ClaimReads.Claim;
import dev.larder.database.Bulkhead;
import dev.larder.database.Encryption;
import dev.larder.database.Rows;
import dev.larder.model.Ids;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlClient;
import io.vertx.mutiny.sqlclient.Tuple;
import io.vertx.pgclient.PgException;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Hands workspaces out (design, section 3). The database decides: one statement locks the rows it picks and gives them to
 * all who ask at the moment, those first who wait already; so concurrent claims never get the same one, and a claim and a
 * deletion exclude each other. It waits for no lock but that of another statement which serves the same line.
 */
@ApplicationScoped
public class ClaimStore {

    private static final String UNIQUE_VIOLATION = "23505";
    private static final String DEADLOCK_DETECTED = "40P01";

    /** For so long a claim that would not wait tries one workspace after the other until one is fit; so the statements say. */
    public static final Duration VERIFY_BUDGET = Duration.ofSeconds(30);

    /** How many that wait one statement serves; more are served by the next, and those who arrive after that. */
    private static final int WAITING_AT_ONCE = 100;

    /** So many claims of one preset lock their organization's quota at once; they take turns at it anyway. */
    private static final int QUOTAS_AT_ONCE = 2;

    private static final int QUOTAS_WAITING_MAX = 200;
    private static final Duration QUOTA_WITHIN = Duration.ofSeconds(10);

    private final Pool pool;
    private final Ids ids;
    private final Encryption seal;
    private final Bulkhead<UUID> quotas = new Bulkhead<>(QUOTAS_AT_ONCE, QUOTAS_WAITING_MAX, QUOTA_WITHIN);

    public ClaimStore(Pool pool, Ids ids, Encryption seal) {
        this.pool = pool;
        this.ids = ids;
        this.seal = seal;
    }

    /**
     * Under which a claim is told from its retry.
     *
     * @param hash of the request; 32 bytes
     */
    public record IdempotencyKey(String key, byte[] hash, byte[] earlierHash) {

        public IdempotencyKey(String key, byte[] hash) {
            this(key, hash, hash);
        }
    }

    /**
     * One workspace that is asked for.
     *
     * @param claim the id that the claim will have
     * @param organization the caller's; empty for deployment-wide users
     * @param ordinal which of the workspaces of one request, from 0
     * @param ttl how long it may be kept, a part of a second counting as one; empty for as long as it is wanted
     * @param patience how it waits where what it is given proves unfit; empty for 30 seconds
     * @param own what its cold build is made with beyond the preset's own values; stock is taken without a look at it
     */
    public record Ask(
            UUID claim,
            UUID user,
            Optional<UUID> organization,
            Optional<IdempotencyKey> key,
            int ordinal,
            Optional<Duration> ttl,
            Optional<Patience> patience,
            Own own) {

        /** The same, ready to wait. */
        public Ask waiting(Patience how) {
            return new Ask(claim, user, organization, key, ordinal, ttl, Optional.of(how), own);
        }

        /** The same, to be built with these. */
        public Ask with(Own parameters) {
            return new Ask(claim, user, organization, key, ordinal, ttl, patience, parameters);
        }

        @Nullable
        Integer priorityOrNull() {
            return patience.map(Patience::priority).orElse(null);
        }

        @Nullable
        OffsetDateTime untilOrNull() {
            return patience.map(Patience::until).map(Rows::utc).orElse(null);
        }

        @Nullable
        Boolean thenColdOrNull() {
            return patience.map(Patience::thenCold).orElse(null);
        }

        @Nullable
        UUID organizationOrNull() {
            return organization.orElse(null);
        }

        @Nullable
        String keyOrNull() {
            return key.map(IdempotencyKey::key).orElse(null);
        }

        @Nullable
        Buffer hashOrNull() {
            return key.map(IdempotencyKey::hash).map(Buffer::buffer).orElse(null);
        }

        @Nullable
        Integer ttlOrNull() {
            return ttl.map(Rows::wholeSeconds).orElse(null);
        }
    }

    /**
     * What a cold build is made with beyond the preset's own values.
     *
     * @param values by name; of parameters that the preset's version declares
     * @param sensitive the names of those that are kept sealed
     */
    public record Own(Map<String, String> values, Set<String> sensitive) {

        public static final Own NONE = new Own(Map.of(), Set.of());

        /** Values may be secret, so none is printed. */
        @Override
        public String toString() {
            return "Own" + values.keySet();
        }
    }

    /** For a request that may hold secrets: its hash is kept so that they cannot be guessed from it. */
    public IdempotencyKey secretKey(String key, byte[] hash) {
        return new IdempotencyKey(key, seal.fingerprint(hash), hash);
    }

    /** An ask for one workspace, with a new id. */
    public Ask ask(UUID user, Optional<UUID> organization, Optional<IdempotencyKey> key, Optional<Duration> ttl) {
        return new Ask(ids.next(), user, organization, key, 0, ttl, Optional.empty(), Own.NONE);
    }

    /** The same for several under one key. */
    public List<Ask> asks(Ask first, int count) {
        List<Ask> asks = new ArrayList<>(count);
        asks.add(first);
        for (int ordinal = 1; ordinal < count; ordinal++) {
            asks.add(new Ask(
                    ids.next(),
                    first.user(),
                    first.organization(),
                    first.key(),
                    ordinal,
                    first.ttl(),
                    first.patience(),
                    first.own()));
        }
        return asks;
    }

    /** Which of several claimable prebuilds are given first. */
    public enum Order {
        OLDEST,
        NEWEST,
        RANDOM
    }

    /**
     * After which prebuild, in the order of their creation, a scan for the oldest may begin. It is a hint: what became
     * ready late or was given back by a rollback lies before it, so a scan that finds too few is made again from the start.
     */
    public record Mark(Instant createdAt, UUID workspace) {

        public static final Mark START = new Mark(Instant.EPOCH, new UUID(0, 0));
    }

    // How many more workspaces the organization may claim at each PostgreSQL server it uses; nothing for
    // other backends. It makes statements wait for each other, so it comes after the other locks they wait
    // for.
    private static final String ROOM = """
            room AS MATERIALIZED (
                SELECT l.id AS place_id, connection_room(l.id, l.organization_id) AS left_over
                  FROM (SELECT l.id, p.organization_id
                          FROM inventory_locations l JOIN %1$s p ON l.organization_id IS NULL OR l.organization_id = p.organization_id
                         WHERE l.backend = 'postgres' AND l.connections IS NOT NULL
                           AND (SELECT q.backend FROM %1$s q) = 'postgres' AND %2$s
                         ORDER BY l.id) l),
            """;

    // Those that wait come before those that arrive; an ask under a key that was used before gets nothing.
    // Waiting claims are not skipped where they are locked: whoever arrives must not be served before them.
    // Two statements lock them in the same order.
    private static final String LINE_UP = """
            WITH preset AS (
                SELECT p.id, p.organization_id, p.name AS preset, t.name AS template, o.name AS organization, v.claim_step, v.verify_step,
                       v.backend,
                       o.claims_max IS NOT NULL OR o.claims_max_per_user IS NOT NULL AS limited,
                       greatest(p.last_invalidated_at, $2::timestamptz - make_interval(secs => p.ttl_seconds)) AS fresh_from
                  FROM presets p
                  JOIN templates t ON t.id = p.template_id AND t.active_version_id = p.version_id
                  JOIN template_versions v ON v.id = p.version_id
                  JOIN organizations o ON o.id = p.organization_id
                 WHERE p.id = $1::uuid AND t.deleted_at IS NULL AND t.deprecated_reason IS NULL
                   AND NOT EXISTS (SELECT FROM settings WHERE suspect_since IS NOT NULL)),
            waiting AS (
                SELECT c.id AS claim_id, c.user_id, c.idempotency_key, c.request_hash, c.ordinal, c.ttl_seconds, c.priority,
                       c.created_at AS asked_at, 0 AS place, true AS waited, c.path, c.waits_until,
                       c.priority AS later_priority, c.then_cold, c.impatient
                  FROM claims c
                 WHERE c.preset_id = $1::uuid AND c.workspace_id IS NULL AND c.ended_at IS NULL AND c.waits_until > $2::timestamptz
                 ORDER BY c.priority DESC, c.created_at, c.id
                 LIMIT $15::integer
                   FOR UPDATE OF c),
            arriving AS (
                SELECT a.claim_id, a.user_id, a.key, a.hash, a.ordinal, a.ttl_seconds, 0 AS priority, $2::timestamptz AS asked_at,
                       a.place::integer, false AS waited, 'warm' AS path,
                       CASE WHEN p.verify_step AND $15::integer > 0
                            THEN coalesce(a.waits_until, $2::timestamptz + interval '30 seconds') END AS waits_until,
                       coalesce(a.priority, 0) AS later_priority, coalesce(a.then_cold, false) AS then_cold,
                       a.waits_until IS NULL AS impatient
                  FROM preset p,
                       unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::bytea[], $8::integer[], $9::integer[],
                              $10::integer[], $11::timestamptz[], $12::boolean[])
                            WITH ORDINALITY a (claim_id, user_id, organization_id, key, hash, ordinal, ttl_seconds,
                                               priority, waits_until, then_cold, place)
                 WHERE (a.organization_id IS NULL OR a.organization_id = p.organization_id)
                   AND (NOT p.limited OR $14::boolean)
                   AND NOT EXISTS (SELECT FROM claims c WHERE c.user_id = a.user_id AND c.idempotency_key = a.key)),
            line AS (
                SELECT *, row_number() OVER (ORDER BY waited DESC, priority DESC, asked_at, place, claim_id) AS n
                  FROM (SELECT * FROM waiting UNION ALL SELECT * FROM arriving) everybody),
            """ + ROOM.formatted("preset", "(SELECT count(*) FROM waiting) >= 0");

    private static final String WITH_ROOM = """
            (w.place_id IS NULL OR w.place_id <> ALL (ARRAY(SELECT r.place_id FROM room r WHERE r.left_over = 0)))""";

    private static final String CLAIMABLE = """
            w.preset_id = $1::uuid AND w.prebuild AND w.ready_at IS NOT NULL
                   AND w.transition = 'start' AND w.build_status = 'succeeded' AND w.deletion_wanted_at IS NULL
                   AND w.created_at >= coalesce((SELECT fresh_from FROM preset), '-infinity')""";

    // The row lock is on the base table, so SKIP LOCKED works.
    private static final String PICK = """
            picked AS (
                SELECT w.id
                  FROM workspaces w
                 WHERE %s AND EXISTS (SELECT FROM preset)
                   AND %s
                   AND %s
                 ORDER BY %s
                 LIMIT (SELECT least(count(*), (SELECT min(r.left_over) FROM room r WHERE r.left_over > 0)) FROM line)
                   FOR UPDATE OF w SKIP LOCKED),
            """;

    // A statement may begin later than the instant it was given, and find who asked in between: their time
    // counts from then.
    private static final String HAND_OVER = """
            matched AS (
                SELECT s.id, l.claim_id, l.user_id, l.idempotency_key, l.request_hash, l.ordinal, l.ttl_seconds, l.asked_at, l.waited,
                       l.path, l.waits_until, l.later_priority, l.then_cold, l.impatient
                  FROM (SELECT id, row_number() OVER () AS n FROM picked) s
                  JOIN line l ON l.n = s.n
                 WHERE l.waited
                    OR ((SELECT count(*) FROM picked) - (SELECT count(*) FROM waiting) >= $13::integer
                        AND ($15::integer = 0 OR (SELECT count(*) FROM waiting) < $15::integer))),
            moved AS (
                UPDATE workspaces w
                   SET owner_id = m.user_id, prebuild = false, version = w.version + 1, claimed_at = $2::timestamptz,
                       verifying = p.verify_step,
                       claim_step_wanted_at = CASE WHEN p.claim_step OR p.verify_step THEN $2::timestamptz END
                  FROM matched m, preset p
                 WHERE w.id = m.id
                RETURNING w.*, m.claim_id, m.user_id, m.idempotency_key, m.request_hash, m.ordinal, m.ttl_seconds, m.asked_at,
                          m.waited, m.path, m.waits_until, m.later_priority, m.then_cold, m.impatient,
                          greatest($2::timestamptz, m.asked_at) AS granted_at,
                          greatest($2::timestamptz, m.asked_at) + make_interval(secs => m.ttl_seconds) AS expires_at),
            served AS (
                UPDATE claims c
                   SET workspace_id = m.id, granted_at = m.granted_at, generation = m.version, expires_at = m.expires_at
                  FROM moved m
                 WHERE m.waited AND c.id = m.claim_id),
            recorded AS (
                INSERT INTO claims (id, organization_id, user_id, workspace_id, preset_id, path, idempotency_key, request_hash,
                                    ordinal, created_at, granted_at, generation, ttl_seconds, expires_at, waits_until,
                                    priority, then_cold, impatient)
                SELECT m.claim_id, m.organization_id, m.user_id, m.id, m.preset_id, m.path, m.idempotency_key, m.request_hash,
                       m.ordinal, $2::timestamptz, m.granted_at, m.version, m.ttl_seconds, m.expires_at, m.waits_until,
                       m.later_priority, m.then_cold, m.impatient
                  FROM moved m
                 WHERE NOT m.waited),
            dirty AS (
                INSERT INTO dirty_presets (preset_id) SELECT id FROM preset WHERE EXISTS (SELECT FROM moved))
            SELECT m.claim_id, m.user_id, m.path, m.ordinal, m.version AS generation,
                   m.asked_at AS claim_created_at, m.granted_at, m.expires_at, m.waits_until,
                   NULL::timestamptz AS ended_at, NULL::text AS ended_reason, 0 AS unfit, NULL::text AS failure_code,
                   NULL::text AS failure,
                   m.id, m.organization_id, p.organization, p.template, p.preset, p.id AS preset_id, m.name, m.version, m.build_number,
                   m.transition, m.build_status, m.created_at, m.ready_at, m.deleted_at, m.outputs_sealed, m.claim_step_wanted_at,
                   m.verifying, NULL::text AS step_status, NULL::text AS step_error_code, NULL::text AS step_error,
                   (SELECT greatest(count(*) - (SELECT count(*) FROM picked), 0)
                      FROM (SELECT FROM workspaces w
                             WHERE %s AND %s
                             ORDER BY w.created_at, w.id
                             LIMIT 100 + (SELECT count(*) FROM picked)) stock) AS ready_left
              FROM moved m, preset p""";

    private static final String AFTER_MARK = "(w.created_at, w.id) > ($16::timestamptz, $17::uuid)";

    static final String TAKE_OLDEST = LINE_UP
            + PICK.formatted(CLAIMABLE, AFTER_MARK, WITH_ROOM, "w.created_at, w.id")
            + HAND_OVER.formatted(CLAIMABLE, AFTER_MARK);
    private static final String TAKE_NEWEST = LINE_UP
            + PICK.formatted(CLAIMABLE, "true", WITH_ROOM, "w.created_at DESC, w.id DESC")
            + HAND_OVER.formatted(CLAIMABLE, "true");
    private static final String TAKE_RANDOM =
            LINE_UP + PICK.formatted(CLAIMABLE, "true", WITH_ROOM, "random()") + HAND_OVER.formatted(CLAIMABLE, "true");

    /**
     * Gives ready prebuilds of the preset to those who wait for one and then to those who ask, in this order and as far as
     * they reach.
     *
     * @param atLeast how many of the asks must be met, or none of them is
     * @param from used for the oldest first only
     * @return one claim for each that got one, of those who waited as well; an ask without one found nothing, or its key
     *     has been used, or it is subject to a quota: {@link ClaimReads} tells
     */
    public Uni<List<Claim>> take(UUID preset, Order order, List<Ask> asks, int atLeast, Mark from, Instant at) {
        return take(pool, preset, order, asks, atLeast, false, from, at)
                .onFailure(ClaimStore::undone)
                .recoverWithUni(clash -> oneByOne(preset, order, asks, atLeast, from, at, clash));
    }

    /**
     * Somebody else committed one of the keys first, and everything was undone: those with other keys must not suffer from
     * it. Once somebody has got something, a failure must not take that answer away; who is left then got nothing.
     */
    private Uni<List<Claim>> oneByOne(
            UUID preset, Order order, List<Ask> asks, int atLeast, Mark from, Instant at, Throwable clash) {
        if (asks.size() == 1 || atLeast > 0) {
            return keyTaken(clash)
                    ? Uni.createFrom().item(List.of())
                    : Uni.createFrom().failure(clash);
        }
        Uni<List<Claim>> all = Uni.createFrom().item(new ArrayList<>());
        for (Ask ask : asks) {
            all = all.call(claims -> take(preset, order, List.of(ask), 0, from, at)
                    .invoke(claims::addAll)
                    .onFailure(failure -> !claims.isEmpty())
                    .recoverWithItem(List.of()));
        }
        return all;
    }

    private static Uni<List<Claim>> take(
            SqlClient client,
            UUID preset,
            Order order,
            List<Ask> asks,
            int atLeast,
            boolean withinQuota,
            Mark from,
            Instant at) {
        Tuple values =
                asked(preset, asks, at).addValue(atLeast).addValue(withinQuota).addValue(WAITING_AT_ONCE);
        String statement = switch (order) {
            case OLDEST -> TAKE_OLDEST;
            case NEWEST -> TAKE_NEWEST;
            case RANDOM -> TAKE_RANDOM;
        };
        if (order == Order.OLDEST) {
            values = values.addValue(Rows.utc(from.createdAt())).addValue(from.workspace());
        }
        return client.preparedQuery(statement).execute(values).map(rows -> Rows.list(rows, ClaimReads::claim));
    }

    private static Tuple asked(UUID preset, List<Ask> asks, Instant at) {
        return Tuple.tuple()
                .addValue(preset)
                .addValue(Rows.utc(at))
                .addValue(each(asks, Ask::claim, UUID[]::new))
                .addValue(each(asks, Ask::user, UUID[]::new))
                .addValue(each(asks, Ask::organizationOrNull, UUID[]::new))
                .addValue(each(asks, Ask::keyOrNull, String[]::new))
                .addValue(each(asks, Ask::hashOrNull, Buffer[]::new))
                .addValue(each(asks, Ask::ordinal, Integer[]::new))
                .addValue(each(asks, Ask::ttlOrNull, Integer[]::new))
                .addValue(each(asks, Ask::priorityOrNull, Integer[]::new))
                .addValue(each(asks, Ask::untilOrNull, OffsetDateTime[]::new))
                .addValue(each(asks, Ask::thenColdOrNull, Boolean[]::new));
    }

    private static <T> @Nullable T[] each(
            List<Ask> asks, Function<Ask, @Nullable T> field, IntFunction<@Nullable T[]> array) {
        return asks.stream().map(field).toArray(array);
    }

    private static final String TAKE_EXACTLY =
            LINE_UP + """
            picked AS (
                SELECT w.id
                  FROM workspaces w
                 WHERE w.id = $16::uuid AND w.version = $17::integer AND %s
                   AND EXISTS (SELECT FROM preset) AND EXISTS (SELECT FROM arriving)
                   AND %s
                   FOR UPDATE OF w),
            """.formatted(CLAIMABLE, WITH_ROOM) + HAND_OVER.formatted(CLAIMABLE, "true");

    private static final String PRESET_OF = """
            SELECT preset_id FROM workspaces
             WHERE id = $1 AND preset_id IS NOT NULL AND ($2::uuid IS NULL OR organization_id = $2)""";

    /** Gives this prebuild to the one who asks if it still has this version and is claimable; otherwise as above. */
    public Uni<Optional<Claim>> takeExactly(UUID workspace, int version, Ask ask, Instant at) {
        return presetOf(pool, workspace, ask)
                .chain(preset -> preset.isEmpty()
                        ? Uni.createFrom().item(Optional.<Claim>empty())
                        : takeExactly(pool, preset.get(), workspace, version, ask, false, at))
                .onFailure(ClaimStore::keyTaken)
                .recoverWithItem(Optional.empty());
    }

    private static Uni<Optional<UUID>> presetOf(SqlClient client, UUID workspace, Ask ask) {
        return client.preparedQuery(PRESET_OF)
                .execute(Tuple.of(workspace, ask.organizationOrNull()))
                .map(rows -> Rows.first(rows, row -> row.getUUID("preset_id")));
    }

    private static Uni<Optional<Claim>> takeExactly(
            SqlClient client, UUID preset, UUID workspace, int version, Ask ask, boolean withinQuota, Instant at) {
        // Nobody who waits is given what somebody else asked for by name.
        Tuple values = asked(preset, List.of(ask), at)
                .addValue(1)
                .addValue(withinQuota)
                .addValue(0)
                .addValue(workspace)
                .addValue(version);
        return client.preparedQuery(TAKE_EXACTLY).execute(values).map(rows -> Rows.first(rows, ClaimReads::claim));
    }

    // Where no server has room for the organization nothing is begun.
    private static final String BEGIN_COLD = ROOM.formatted("asked", "true") + """
            preset AS (
                SELECT a.*, (SELECT r.place_id FROM room r ORDER BY r.left_over DESC LIMIT 1) AS place_id
                  FROM asked a
                 WHERE NOT EXISTS (SELECT FROM room) OR EXISTS (SELECT FROM room r WHERE r.left_over > 0)),
            workspace AS (
                INSERT INTO workspaces (id, organization_id, owner_id, prebuild, template_id, version_id, preset_id, name, created_at,
                                        claimed_at, claim_step_wanted_at, build_id, build_number, transition, build_status,
                                        parameters, place_id)
                SELECT $2::uuid, p.organization_id, p.user_id, false, p.template_id, p.version_id, p.id, $5::text, $1::timestamptz,
                       $1::timestamptz, CASE WHEN p.claim_step THEN $1::timestamptz END, $3::uuid, 1, 'start', 'pending',
                       $6::jsonb, p.place_id
                  FROM preset p),
            build AS (
                INSERT INTO builds (id, workspace_id, number, transition, initiator_id, reason, version_id, preset_id, created_at)
                SELECT $3::uuid, $2::uuid, 1, 'start', p.user_id, 'cold_claim', p.version_id, p.id, $1::timestamptz FROM preset p),
            job AS (
                INSERT INTO jobs (id, build_id, workspace_id, organization_id, backend, tagset_id, queue_at, created_at,
                                  timeout_seconds)
                SELECT $4::uuid, $3::uuid, $2::uuid, p.organization_id, p.backend, p.tagset_id, $1::timestamptz, $1::timestamptz, p.timeout
                  FROM preset p)
            """;

    private static final String TAKE_COLD = """
            WITH asked AS (
                SELECT p.*, v.backend, v.claim_step, v.start_timeout_seconds AS timeout, $8::uuid AS user_id,
                       (SELECT s.id FROM tagsets s WHERE s.tags = v.tags) AS tagset_id
                  FROM presets p
                  JOIN templates t ON t.id = p.template_id AND t.active_version_id = p.version_id
                  JOIN template_versions v ON v.id = p.version_id
                  JOIN organizations o ON o.id = p.organization_id
                 WHERE p.id = $7::uuid AND t.deleted_at IS NULL AND t.deprecated_reason IS NULL
                   AND ($9::uuid IS NULL OR p.organization_id = $9::uuid)
                   AND ($10::boolean OR (o.claims_max IS NULL AND o.claims_max_per_user IS NULL))
                   AND NOT EXISTS (SELECT FROM claims c WHERE c.user_id = $8::uuid AND c.idempotency_key = $12::text)
                   FOR SHARE OF t),
            """ + BEGIN_COLD + """
            INSERT INTO claims (id, organization_id, user_id, workspace_id, preset_id, path, idempotency_key, request_hash, created_at,
                                granted_at, generation, ttl_seconds, expires_at)
            SELECT $11::uuid, p.organization_id, $8::uuid, $2::uuid, p.id, 'cold', $12::text, $13::bytea, $1::timestamptz,
                   $1::timestamptz, 1, $14::integer, $1::timestamptz + make_interval(secs => $14::integer)
              FROM preset p
            RETURNING id""";

    /** Starts a build for the one who asks where nothing was in stock; otherwise as above. */
    public Uni<Optional<UUID>> takeCold(UUID preset, Ask ask, Instant at) {
        return takeCold(pool, preset, ask, false, at)
                .onFailure(ClaimStore::keyTaken)
                .recoverWithItem(Optional.empty());
    }

    private Uni<Optional<UUID>> takeCold(SqlClient client, UUID preset, Ask ask, boolean withinQuota, Instant at) {
        Tuple values = newBuild(ask.own(), at)
                .addValue(preset)
                .addValue(ask.user())
                .addValue(ask.organizationOrNull())
                .addValue(withinQuota)
                .addValue(ask.claim())
                .addValue(ask.keyOrNull())
                .addValue(ask.hashOrNull())
                .addValue(ask.ttlOrNull());
        return client.preparedQuery(TAKE_COLD).execute(values).map(rows -> Rows.first(rows, row -> row.getUUID("id")));
    }

    private Tuple newBuild(Own own, Instant at) {
        UUID workspace = ids.next();
        return Tuple.tuple()
                .addValue(Rows.utc(at))
                .addValue(workspace)
                .addValue(ids.next())
                .addValue(ids.next())
                .addValue("cold-" + ids.suffix())
                .addValue(json(workspace, own));
    }

    private @Nullable JsonObject json(UUID workspace, Own own) {
        if (own.values().isEmpty()) {
            return null;
        }
        JsonObject all = new JsonObject();
        own.values()
                .forEach((name, value) -> all.put(
                        name,
                        own.sensitive().contains(name)
                                ? new JsonObject().put("sealed", HexFormat.of().formatHex(seal.seal(workspace, value)))
                                : new JsonObject().put("value", value)));
        return all;
    }

    private static final String COLD_FOR_WAITING = """
            WITH waited AS (
                SELECT c.id, c.user_id, c.preset_id, c.ttl_seconds FROM claims c
                 WHERE c.id = $7::uuid AND c.workspace_id IS NULL AND c.ended_at IS NULL
                   FOR UPDATE),
            asked AS (
                SELECT p.*, v.backend, v.claim_step, v.start_timeout_seconds AS timeout, c.user_id, c.id AS claim_id, c.ttl_seconds AS lease,
                       (SELECT s.id FROM tagsets s WHERE s.tags = v.tags) AS tagset_id
                  FROM waited c
                  JOIN presets p ON p.id = c.preset_id
                  JOIN templates t ON t.id = p.template_id AND t.active_version_id = p.version_id
                  JOIN template_versions v ON v.id = p.version_id
                 WHERE t.deleted_at IS NULL AND t.deprecated_reason IS NULL
                   FOR SHARE OF t),
            """ + BEGIN_COLD + """
            , refused AS (
                UPDATE claims c SET ended_at = $1::timestamptz, ended_reason = 'timed_out'
                  FROM asked a WHERE c.id = a.claim_id AND NOT EXISTS (SELECT FROM preset))
            UPDATE claims c
               SET workspace_id = $2::uuid, path = 'cold', granted_at = $1::timestamptz, generation = 1,
                   expires_at = $1::timestamptz + make_interval(secs => p.lease)
              FROM preset p
             WHERE c.id = p.claim_id""";

    /**
     * Starts a build for a claim that has waited long enough; false where it waits no longer or its preset is inactive, and
     * where no server has connections left for it: then the claim ends as one whose time is over.
     */
    public Uni<Boolean> coldForWaiting(UUID claim, Instant at) {
        return pool.preparedQuery(COLD_FOR_WAITING)
                .execute(newBuild(Own.NONE, at).addValue(claim))
                .map(rows -> rows.rowCount() == 1);
    }

    // The places are counted last: that makes statements wait for each other.
    private static final String WAIT = """
            WITH preset AS MATERIALIZED (
                SELECT p.id, p.organization_id
                  FROM presets p
                  JOIN templates t ON t.id = p.template_id AND t.active_version_id = p.version_id
                  JOIN organizations o ON o.id = p.organization_id
                 WHERE p.id = $1::uuid AND t.deleted_at IS NULL AND t.deprecated_reason IS NULL
                   AND ($11::uuid IS NULL OR p.organization_id = $11::uuid)
                   AND ($12::boolean OR (o.claims_max IS NULL AND o.claims_max_per_user IS NULL))
                   AND NOT EXISTS (SELECT FROM claims c WHERE c.user_id = $2::uuid AND c.idempotency_key = $5::text))
            INSERT INTO claims (id, organization_id, user_id, preset_id, path, idempotency_key, request_hash, created_at, ttl_seconds,
                                priority, waits_until, then_cold)
            SELECT $4::uuid, p.organization_id, $2::uuid, p.id, 'waited', $5::text, $6::bytea, $3::timestamptz, $7::integer, $8::integer,
                   $9::timestamptz, $10::boolean
              FROM preset p
             CROSS JOIN LATERAL waiting_claims(p.organization_id, $2::uuid, $13::integer) w
             WHERE w.in_all < $13::integer AND w.of_user < $14::integer
            RETURNING id""";

    /**
     * How somebody waits.
     *
     * @param until the deadline
     * @param thenCold whether a build is begun then
     * @param inOrganizationMax how many claims of one organization may wait
     * @param ofUserMax how many claims of one user may wait in it
     */
    public record Patience(int priority, Instant until, boolean thenCold, int inOrganizationMax, int ofUserMax) {}

    /**
     * Records that a claim waits. Empty as above, and where as many of its user or its organization wait as may ({@link
     * ClaimReads#waiting} tells); that is exact, however many ask at once.
     */
    public Uni<Optional<UUID>> waitFor(UUID preset, Ask ask, Patience patience, Instant at) {
        return waitFor(pool, preset, ask, patience, false, at)
                .onFailure(ClaimStore::keyTaken)
                .recoverWithItem(Optional.empty());
    }

    private static Uni<Optional<UUID>> waitFor(
            SqlClient client, UUID preset, Ask ask, Patience patience, boolean withinQuota, Instant at) {
        Tuple values = Tuple.tuple()
                .addValue(preset)
                .addValue(ask.user())
                .addValue(Rows.utc(at))
                .addValue(ask.claim())
                .addValue(ask.keyOrNull())
                .addValue(ask.hashOrNull())
                .addValue(ask.ttlOrNull())
                .addValue(patience.priority())
                .addValue(Rows.utc(patience.until()))
                .addValue(patience.thenCold())
                .addValue(ask.organizationOrNull())
                .addValue(withinQuota)
                .addValue(patience.inOrganizationMax())
                .addValue(patience.ofUserMax());
        return client.preparedQuery(WAIT).execute(values).map(rows -> Rows.first(rows, row -> row.getUUID("id")));
    }

    // The lock makes those of an organization with a quota take turns; what is counted after it includes
    // the one before. A process that stops in the middle must not keep the others waiting: the server ends
    // its transaction.
    private static final String LOCK_QUOTA = """
            SELECT o.id, o.claims_max, o.claims_max_per_user, set_config('idle_in_transaction_session_timeout', '10000', true)
              FROM organizations o
             WHERE o.id = (SELECT organization_id FROM presets WHERE id = $1)
               FOR NO KEY UPDATE""";

    private static final String COUNT_HELD = """
            SELECT count(*)::integer AS held, (count(*) FILTER (WHERE user_id = $2))::integer AS held_by_user
              FROM claims WHERE organization_id = $1 AND ended_at IS NULL""";

    /** What there is of a quota: what is held or waited for, and how much that may be; null where there is no limit. */
    public record Quota(
            int held,
            @Nullable Integer max,
            int heldByUser,
            @Nullable Integer maxPerUser) {

        /** How many more there may be. */
        public int left() {
            int ofAll = max == null ? Integer.MAX_VALUE : max - held;
            int ofUser = maxPerUser == null ? Integer.MAX_VALUE : maxPerUser - heldByUser;
            return Math.max(0, Math.min(ofAll, ofUser));
        }
    }

    /** What came of an attempt under a quota. */
    public sealed interface UnderQuota<T> {

        record Exceeded<T>(Quota quota) implements UnderQuota<T> {}

        record Within<T>(T result) implements UnderQuota<T> {}
    }

    /** As {@link #take}, where the organization has a quota: it is looked at first (design, section 3.7). */
    public Uni<UnderQuota<List<Claim>>> takeWithinQuota(
            UUID preset, Order order, List<Ask> asks, int atLeast, Instant at) {
        return underQuota(
                preset,
                asks.getFirst().user(),
                atLeast,
                List.of(),
                (client, left) -> take(
                        client,
                        preset,
                        order,
                        asks.subList(0, Math.min(left, asks.size())),
                        atLeast,
                        true,
                        Mark.START,
                        at));
    }

    /** As {@link #takeExactly}, likewise. */
    public Uni<UnderQuota<Optional<Claim>>> takeExactlyWithinQuota(UUID workspace, int version, Ask ask, Instant at) {
        return presetOf(pool, workspace, ask)
                .chain(preset -> preset.isEmpty()
                        ? Uni.createFrom().item(new UnderQuota.Within<>(Optional.empty()))
                        : underQuota(
                                preset.get(),
                                ask.user(),
                                1,
                                Optional.empty(),
                                (client, left) ->
                                        takeExactly(client, preset.get(), workspace, version, ask, true, at)));
    }

    /** As {@link #takeCold}, likewise. */
    public Uni<UnderQuota<Optional<UUID>>> takeColdWithinQuota(UUID preset, Ask ask, Instant at) {
        return underQuota(
                preset, ask.user(), 1, Optional.empty(), (client, left) -> takeCold(client, preset, ask, true, at));
    }

    /** As {@link #waitFor}, likewise: who waits holds a place already. */
    public Uni<UnderQuota<Optional<UUID>>> waitWithinQuota(UUID preset, Ask ask, Patience patience, Instant at) {
        return underQuota(
                preset,
                ask.user(),
                1,
                Optional.empty(),
                (client, left) -> waitFor(client, preset, ask, patience, true, at));
    }

    /** What is tried while the quota is locked. */
    private interface Attempt<T> {

        /** @param left how many more the quota allows */
        Uni<T> make(SqlClient client, int left);
    }

    private <T> Uni<UnderQuota<T>> underQuota(UUID preset, UUID user, int wanted, T none, Attempt<T> attempt) {
        return quotas.in(preset, () -> lockingQuota(preset, user, wanted, none, attempt));
    }

    private <T> Uni<UnderQuota<T>> lockingQuota(UUID preset, UUID user, int wanted, T none, Attempt<T> attempt) {
        return pool.withTransaction(connection -> connection
                        .preparedQuery(LOCK_QUOTA)
                        .execute(Tuple.of(preset))
                        .map(rows -> Rows.first(rows, Function.identity()))
                        .chain(limits -> limits.isEmpty()
                                ? Uni.createFrom().<UnderQuota<T>>item(new UnderQuota.Within<>(none))
                                : held(connection, limits.get(), user)
                                        .chain(quota -> within(connection, quota, wanted, attempt))))
                .onFailure(ClaimStore::keyTaken)
                .recoverWithItem(new UnderQuota.Within<>(none));
    }

    private static Uni<Quota> held(SqlClient client, Row limits, UUID user) {
        return client.preparedQuery(COUNT_HELD)
                .execute(Tuple.of(limits.getUUID("id"), user))
                .map(rows -> rows.iterator().next())
                .map(row -> new Quota(
                        row.getInteger("held"),
                        limits.getInteger("claims_max"),
                        row.getInteger("held_by_user"),
                        limits.getInteger("claims_max_per_user")));
    }

    private static <T> Uni<UnderQuota<T>> within(SqlClient client, Quota quota, int wanted, Attempt<T> attempt) {
        return quota.left() < wanted
                ? Uni.createFrom().item(new UnderQuota.Exceeded<>(quota))
                : attempt.make(client, quota.left()).map(UnderQuota.Within::new);
    }

    /** A request with the same key committed first: everything this statement did is undone. */
    private static boolean keyTaken(Throwable failure) {
        return failure instanceof PgException refused
                && UNIQUE_VIOLATION.equals(refused.getSqlState())
                && "claims_by_key".equals(refused.getConstraint());
    }

    /** The same, or two processes combined the same keys in different orders. */
    private static boolean undone(Throwable failure) {
        return keyTaken(failure)
                || (failure instanceof PgException refused && DEADLOCK_DETECTED.equals(refused.getSqlState()));
    }
}
