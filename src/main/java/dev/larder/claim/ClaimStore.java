package dev.larder.claim;

import dev.larder.claim.Claimable.Order;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.BuildProgress;
import dev.larder.lifecycle.DirtyPresets;
import dev.larder.lifecycle.LabelStore;
import dev.larder.lifecycle.Ownership;
import dev.larder.lifecycle.Rules;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.SqlClient;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Hands prebuilds over (design, section 3.1). One statement locks the prebuilds it picks and gives them
 * first to the claims that wait and then to those that arrive. Concurrent claims never get the same
 * prebuild, and a claim and a deletion exclude each other. The statement waits for no lock but those of
 * another one that serves the same waiting claims.
 */
@ApplicationScoped
public class ClaimStore {

    /**
     * How long a claim that does not wait may be verified: it tries one workspace after the other until one
     * succeeds. The SQL contains the same value.
     */
    public static final Duration VERIFY_BUDGET = Duration.ofSeconds(30);

    /** Waiting claims that one statement serves at most. */
    private static final int WAITING_AT_ONCE = 100;

    private final Pool client;

    public ClaimStore(Pool client) {
        this.client = client;
    }

    /**
     * What a statement gave.
     *
     * @param claims one for each that got a workspace, of those that waited as well
     * @param limited whether the organization has a quota: outside of its lock no arriving claim was served
     * @param edition of the preset's line, as {@link Line} has it; null where the preset is not served
     */
    public record Taken(
            List<Claim> claims, boolean limited, @Nullable String edition) {

        static final Taken NOTHING = new Taken(List.of(), false, null);

        Taken and(Taken later) {
            return new Taken(
                    Stream.concat(claims.stream(), later.claims.stream()).toList(),
                    limited || later.limited,
                    later.edition == null ? edition : later.edition);
        }

        /** The same under the lock of the organization's quota. */
        Taken unlimited() {
            return new Taken(claims, false, edition);
        }

        /** Those of the claims that got nothing. */
        List<NewClaim> unserved(List<NewClaim> asked) {
            Set<UUID> served = claims.stream().map(Claim::id).collect(Collectors.toSet());
            return asked.stream().filter(claim -> !served.contains(claim.id())).toList();
        }
    }

    // The preset, if it can be claimed. No row: nothing is given. Claims that wait for a version before wait at the
    // preset that replaces it.
    private static final String PRESET = """
            WITH preset AS (
                SELECT p.id, p.organization_id, p.name AS preset, t.name AS template, o.name AS organization, v.claim_step,
                       v.verify_step, v.backend, v.backend = 'postgres' AS late_step, {limited} AS limited, {freshFrom} AS fresh_from,
                       p.stale_from, greatest({freshFrom}, p.stale_from) AS sound_from,
                       p.version_id, coalesce(r.to_preset_id, p.id) AS waits_at, {edition} AS edition
                  FROM presets p
                  JOIN templates t ON t.id = p.template_id
                  JOIN template_versions v ON v.id = p.version_id
                  JOIN organizations o ON o.id = p.organization_id
                  LEFT JOIN rollouts r ON r.id = p.rollout_id
                 WHERE p.id = :preset::uuid AND {open} AND {trusted}),
            """.replace("{limited}", ClaimQuotaStore.LIMITED)
            .replace("{freshFrom}", Rules.freshFrom("p"))
            .replace("{edition}", PresetReads.EDITION)
            .replace("{trusted}", Rules.TRUSTED);

    // Waiting claims are not skipped where they are locked: a claim that arrives must not be served before them. All
    // statements lock them in the same order.
    private static final String WAITING_AT = """
            SELECT c.id AS claim_id, c.user_id, c.idempotency_key, c.request_hash, c.ordinal, c.ttl_seconds, c.priority,
                       c.created_at AS asked_at, 0 AS place, true AS waited, c.path, c.waits_until,
                       c.priority AS later_priority, c.then_cold, c.impatient,
                       NULL::text AS labels, NULL::text AS fitting, c.late_parameters::text AS late
                  FROM claims c
                 WHERE c.preset_id = {preset} AND c.workspace_id IS NULL AND c.ended_at IS NULL
                   AND c.waits_until > :at::timestamptz
                   AND {alike}
                   AND (c.fitting IS NULL OR EXISTS (SELECT FROM preset p WHERE {fits}))
                 ORDER BY c.priority DESC, c.created_at, c.id
                 LIMIT :waiting_max::integer
                   FOR UPDATE OF c""".replace("{fits}", Rules.fits("p", "c.fitting"));

    // A version before passes over claims whose late values it does not take as the version does that they wait for.
    // Claims stay with it whose late values that version does not take. A claim that was chosen by parameters gets a
    // workspace that has these values, whatever its version.
    private static final String WAITING = """
            at_target AS (
                {at_target}),
            at_before AS (
                {at_before}),
            waiting AS (
                SELECT * FROM at_target UNION ALL SELECT * FROM at_before),
            """.replace(
                    "{at_target}",
                    WAITING_AT
                            .replace("{preset}", "(SELECT waits_at FROM preset)")
                            .replace("{alike}", """
                    (c.late_parameters IS NULL OR EXISTS (
                          SELECT FROM preset p JOIN presets n ON n.id = p.waits_at
                           WHERE n.id = p.id OR %s))""".formatted(
                                            Rules.takesAlike("n.version_id", "p.version_id", "c.late_parameters"))))
            .replace(
                    "{at_before}",
                    WAITING_AT
                            .replace("{preset}", "(SELECT id FROM preset WHERE waits_at <> id)")
                            .replace("{alike}", "true"));

    // A claim under a key that was used before gets nothing, nor does one of an organization with a quota outside of
    // the quota's lock.
    private static final String ARRIVING = """
            arriving AS (
                SELECT a.claim_id, a.user_id, a.key, a.hash, a.ordinal, a.ttl_seconds, 0 AS priority, :at::timestamptz AS asked_at,
                       a.place::integer, false AS waited, 'warm' AS path,
                       CASE WHEN p.verify_step AND :waiting_max::integer > 0
                            THEN coalesce(a.waits_until, :at::timestamptz + interval '30 seconds') END AS waits_until,
                       coalesce(a.priority, 0) AS later_priority, coalesce(a.then_cold, false) AS then_cold,
                       a.waits_until IS NULL AS impatient, a.labels, a.fitting, a.late
                  FROM preset p,
                       unnest(:claims::uuid[], :users::uuid[], :organizations::uuid[], :keys::text[], :hashes::bytea[],
                              :ordinals::integer[], :ttls::integer[], :priorities::integer[], :deadlines::timestamptz[],
                              :then_cold::boolean[], :labels::text[], :fitting::text[], :late::text[])
                            WITH ORDINALITY a (claim_id, user_id, organization_id, key, hash, ordinal, ttl_seconds,
                                               priority, waits_until, then_cold, labels, fitting, late, place)
                 WHERE {mayClaim}
                   AND (NOT p.limited OR :within_quota::boolean)
                   AND NOT EXISTS (SELECT FROM claims c WHERE c.user_id = a.user_id AND c.idempotency_key = a.key)),
            """.replace("{mayClaim}", Rules.serves("a", "p.organization_id"));

    private static final String LINE_UP = """
            line AS (
                SELECT *, row_number() OVER (ORDER BY waited DESC, priority DESC, asked_at, place, claim_id) AS n
                  FROM (SELECT * FROM waiting UNION ALL SELECT * FROM arriving) everybody),
            """ + ClaimQuotaStore.room("preset", "(SELECT count(*) FROM waiting) >= 0");

    private static final String OF_PRESET = "w.preset_id = :preset::uuid AND " + Rules.claimable("w") + " AND ";

    private static final String CLAIMABLE = OF_PRESET + Rules.fresh("w", "(SELECT fresh_from FROM preset)");

    private static final String SOUND = OF_PRESET + Rules.fresh("w", "(SELECT sound_from FROM preset)");

    private static final String HAS_ROOM =
            "(w.place_id IS NULL OR w.place_id <> ALL (ARRAY(SELECT r.place_id FROM room r WHERE r.left_over = 0)))";

    // The row lock is on the base table, so SKIP LOCKED works.
    private static final String PICK_FROM = """
            SELECT w.id
                  FROM workspaces w
                 WHERE {claimable} AND EXISTS (SELECT FROM preset)
                   AND {scanned}
                   AND {hasRoom}
                 ORDER BY {order}
                 LIMIT {most}
                   FOR UPDATE OF w SKIP LOCKED""";

    private static final String WANTED =
            "(SELECT least(count(*), (SELECT min(r.left_over) FROM room r WHERE r.left_over > 0)) FROM line)";

    // Stock that is about to be replaced is given where the rest does not do. The scan for it begins at the oldest.
    private static final String PICK = """
            sound AS (
                {pick_sound}),
            stale AS (
                {pick_stale}),
            picked AS (
                SELECT id FROM sound UNION ALL SELECT id FROM stale),
            """.replace(
                    "{pick_sound}", PICK_FROM.replace("{claimable}", SOUND).replace("{most}", WANTED))
            .replace(
                    "{pick_stale}",
                    PICK_FROM
                            .replace("{scanned}", "w.created_at < (SELECT stale_from FROM preset)")
                            .replace(
                                    "{most}",
                                    "(SELECT n - (SELECT count(*) FROM sound) FROM " + WANTED + " wanted (n))"));

    // A statement may begin later than :at and find claims that began to wait in between: their time counts from then.
    private static final String HAND_OVER = """
            matched AS (
                SELECT s.id, l.claim_id, l.user_id, l.idempotency_key, l.request_hash, l.ordinal, l.ttl_seconds, l.asked_at, l.waited,
                       l.path, l.waits_until, l.later_priority, l.then_cold, l.impatient, l.labels, l.fitting, l.late
                  FROM (SELECT id, row_number() OVER () AS n FROM picked) s
                  JOIN line l ON l.n = s.n
                 WHERE l.waited
                    OR ((SELECT count(*) FROM picked) - (SELECT count(*) FROM waiting) >= :at_least::integer
                        AND (:waiting_max::integer = 0 OR (SELECT count(*) FROM waiting) < :waiting_max::integer))),
            moved AS (
                {hand_over}
                RETURNING w.*, m.claim_id, m.user_id, m.idempotency_key, m.request_hash, m.ordinal, m.ttl_seconds, m.asked_at,
                          m.waited, m.path, m.waits_until, m.later_priority, m.then_cold, m.impatient, m.labels, m.fitting,
                          greatest(:at::timestamptz, m.asked_at) AS granted_at,
                          greatest(:at::timestamptz, m.asked_at) + make_interval(secs => m.ttl_seconds) AS expires_at),
            """.replace("{hand_over}", Ownership.HAND_OVER);

    private static final String RECORD = """
            served AS (
                UPDATE claims c
                   SET preset_id = m.preset_id, workspace_id = m.id, granted_at = m.granted_at, generation = m.version, expires_at = m.expires_at
                  FROM moved m
                 WHERE m.waited AND c.id = m.claim_id),
            recorded AS (
                INSERT INTO claims (id, organization_id, user_id, workspace_id, preset_id, path, idempotency_key, request_hash,
                                    ordinal, created_at, granted_at, generation, ttl_seconds, expires_at, waits_until,
                                    priority, then_cold, impatient, late_parameters, fitting)
                SELECT m.claim_id, m.organization_id, m.user_id, m.id, m.preset_id, m.path, m.idempotency_key, m.request_hash,
                       m.ordinal, :at::timestamptz, m.granted_at, m.version, m.ttl_seconds, m.expires_at, m.waits_until,
                       m.later_priority, m.then_cold, m.impatient, m.late_parameters, m.fitting::jsonb
                  FROM moved m
                 WHERE NOT m.waited),
            {labelled},
            told AS (
                {told}),
            dirty AS (
                {mark})
            """.replace("{labelled}", LabelStore.write("moved"))
            .replace("{told}", Ownership.HAND_OVER_TOLD)
            .replace("{mark}", DirtyPresets.mark("id", "preset WHERE EXISTS (SELECT FROM moved)"));

    // One row where nothing was given, so that the answer says whether a quota is the reason. No row: not served.
    private static final String ANSWER = """
            SELECT m.claim_id, m.user_id, m.path, m.ordinal, m.version AS generation,
                   m.asked_at AS claim_created_at, m.granted_at, m.expires_at, m.waits_until,
                   NULL::timestamptz AS ended_at, NULL::text AS ended_reason, 0 AS unfit, NULL::text AS failure_code,
                   NULL::text AS failure,
                   m.id, m.organization_id, p.organization, p.template, p.preset, p.id AS preset_id, m.name, m.version, m.build_number,
                   m.transition, m.build_status, {word} AS word, m.created_at, m.ready_at, m.deleted_at, m.outputs_sealed, m.claim_step_wanted_at,
                   m.state_status, m.state_reason, m.state_since, m.labels::jsonb AS labels,
                   m.late_parameters AS parameters,
                   m.verifying, NULL::text AS step_status, NULL::text AS step_error_code, NULL::text AS step_error, p.limited,
                   p.edition,
                   CASE WHEN m.id IS NOT NULL THEN
                        (SELECT greatest(count(*) - (SELECT count(*) FROM picked), 0)
                           FROM (SELECT FROM workspaces w
                                  WHERE {claimable} AND {scanned}
                                  ORDER BY w.created_at, w.id
                                  LIMIT 100 + (SELECT count(*) FROM picked)) stock) END AS ready_left
              FROM preset p LEFT JOIN moved m ON true""".replace("{word}", BuildProgress.word("m"));

    /**
     * The statement in its parts.
     *
     * @param claimer who claims
     * @param pick the CTE {@code picked}
     * @param scanned a condition: where stock is looked for
     * @param more the names of further parameters
     */
    static Sql statement(Claimer claimer, String pick, String scanned, String order, String... more) {
        String text = claimer.in(PRESET + WAITING + ARRIVING + LINE_UP + pick + HAND_OVER + RECORD + ANSWER);
        return Sql.of(
                text.replace("{claimable}", CLAIMABLE)
                        .replace("{scanned}", scanned)
                        .replace("{hasRoom}", HAS_ROOM)
                        .replace("{order}", order),
                Stream.concat(ClaimValues.NAMES.stream(), Arrays.stream(more)).toArray(String[]::new));
    }

    static final Sql TAKE_OLDEST = statement(
            Claimer.CLIENT,
            PICK,
            "(w.created_at, w.id) > (:start_at::timestamptz, :start_id::uuid)",
            "w.created_at, w.id",
            "start_at",
            "start_id");
    private static final Sql TAKE_NEWEST = statement(Claimer.CLIENT, PICK, "true", "w.created_at DESC, w.id DESC");
    private static final Sql TAKE_RANDOM = statement(Claimer.CLIENT, PICK, "true", "random()");

    /**
     * Gives ready prebuilds of the preset to the claims that wait and then to these, in this order, until
     * stock runs out.
     *
     * @param atLeast how many of these claims must be served, or none of them is
     * @param start has an effect on {@link Order#OLDEST} only
     * @return a claim that got nothing found no stock, or its key was used before, or a quota applies to it
     */
    public Uni<Taken> take(UUID preset, Order order, List<NewClaim> claims, int atLeast, ScanStart start, Instant at) {
        return take(client, preset, order, claims, atLeast, false, start, at)
                .onFailure(ClaimQuotaStore::undone)
                .recoverWithUni(clash -> oneByOne(preset, order, claims, atLeast, start, at, clash));
    }

    /**
     * Another process committed one of the keys first, and everything was undone: claims with other keys
     * must not suffer from that. Once one was served, a failure must not take its answer away; the
     * remaining claims then got nothing.
     */
    private Uni<Taken> oneByOne(
            UUID preset,
            Order order,
            List<NewClaim> claims,
            int atLeast,
            ScanStart start,
            Instant at,
            Throwable clash) {
        if (claims.size() == 1 || atLeast > 0) {
            return ClaimQuotaStore.keyTaken(clash)
                    ? Uni.createFrom().item(Taken.NOTHING)
                    : Uni.createFrom().failure(clash);
        }
        Uni<Taken> all = Uni.createFrom().item(Taken.NOTHING);
        for (NewClaim claim : claims) {
            all = all.chain(before -> take(preset, order, List.of(claim), 0, start, at)
                    .map(before::and)
                    .onFailure(failure -> !before.claims().isEmpty())
                    .recoverWithItem(before));
        }
        return all;
    }

    static Uni<Taken> take(
            SqlClient client,
            UUID preset,
            Order order,
            List<NewClaim> claims,
            int atLeast,
            boolean withinQuota,
            ScanStart start,
            Instant at) {
        List<@Nullable Object> values = ClaimValues.values(preset, claims, atLeast, withinQuota, WAITING_AT_ONCE, at);
        Sql statement = switch (order) {
            case OLDEST -> TAKE_OLDEST;
            case NEWEST -> TAKE_NEWEST;
            case RANDOM -> TAKE_RANDOM;
        };
        if (order == Order.OLDEST) {
            values.addAll(List.of(Rows.utc(start.createdAt()), start.workspace()));
        }
        return statement.on(client, values.toArray()).map(ClaimStore::taken);
    }

    static Taken taken(RowSet<Row> rows) {
        List<Claim> claims = new ArrayList<>();
        boolean limited = false;
        String edition = null;
        for (Row row : rows) {
            limited = row.getBoolean("limited");
            edition = row.getString("edition");
            if (row.getUUID("claim_id") != null) {
                claims.add(ClaimReads.claim(row));
            }
        }
        return new Taken(claims, limited, edition);
    }
}
