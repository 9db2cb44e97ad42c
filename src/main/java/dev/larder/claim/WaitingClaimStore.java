package dev.larder.claim;

import dev.larder.claim.ClaimQuotaStore.UnderQuota;
import dev.larder.claim.NewClaim.Terms;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.LabelStore;
import dev.larder.lifecycle.Rules;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.SqlClient;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/** Waiting claims: records and counts them, and decides which is served next (design, section 3.4). */
@ApplicationScoped
public class WaitingClaimStore {

    private final Pool client;
    private final ClaimQuotaStore quotas;

    public WaitingClaimStore(Pool client, ClaimQuotaStore quotas) {
        this.client = client;
        this.quotas = quotas;
    }

    // waiting_claims counts last: it makes statements wait for each other. While a rollout runs claims wait for the
    // version that it makes ready, if that version takes the late values alike and has the others.
    private static final Sql WAIT = Sql.of(
            """
            WITH preset AS MATERIALIZED (
                SELECT coalesce(n.id, p.id) AS id, p.organization_id
                  FROM presets p
                  JOIN templates t ON t.id = p.template_id
                  JOIN organizations o ON o.id = p.organization_id
                  LEFT JOIN rollouts r ON r.id = p.rollout_id
                  LEFT JOIN presets n ON n.id = r.to_preset_id AND {alike} AND {fits}
                 WHERE p.id = :preset::uuid AND {stocked}
                   AND {visible}
                   AND (:within_quota::boolean OR NOT {limited})
                   AND NOT EXISTS (SELECT FROM claims c WHERE c.user_id = :user::uuid AND c.idempotency_key = :key::text)),
            made AS (
            INSERT INTO claims (id, organization_id, user_id, preset_id, path, idempotency_key, request_hash, created_at, ttl_seconds,
                                priority, waits_until, then_cold, late_parameters, fitting)
            SELECT :claim::uuid, p.organization_id, :user::uuid, p.id, 'waited', :key::text, :hash::bytea, :at::timestamptz,
                   :ttl::integer, :priority::integer, :until::timestamptz, :then_cold::boolean, :late::text::jsonb, :fitting::text::jsonb
              FROM preset p
             CROSS JOIN LATERAL waiting_claims(p.organization_id, :user::uuid, :organization_max::integer) w
             WHERE w.in_all < :organization_max::integer AND w.of_user < :user_max::integer
            RETURNING id),
            {labelled}
            SELECT id FROM made""".replace("{stocked}", Rules.stocked("p", "t"))
                    .replace("{alike}", Rules.takesAlike("p.version_id", "n.version_id", ":late::text::jsonb"))
                    .replace("{fits}", Rules.fits("n", ":fitting::text::jsonb"))
                    .replace("{visible}", Rules.visibleTo("p.organization_id"))
                    .replace("{limited}", ClaimQuotaStore.LIMITED)
                    .replace(
                            "{labelled}",
                            LabelStore.write("(SELECT id AS claim_id, :labels::text AS labels FROM made)")),
            "preset",
            "user",
            "at",
            "claim",
            "key",
            "hash",
            "ttl",
            "labels",
            "priority",
            "until",
            "then_cold",
            "late",
            "fitting",
            "organization",
            "within_quota",
            "organization_max",
            "user_max");

    /**
     * Records that a claim waits. The policy's bounds are exact, however many claims arrive at once.
     *
     * @return empty where the preset is not served, the key was used before, the organization has a quota,
     *     or as many claims of the user or the organization wait as may
     */
    public Uni<Optional<UUID>> waitFor(UUID preset, NewClaim claim, WaitPolicy policy, Instant at) {
        return waitFor(client, preset, claim, policy, false, at)
                .onFailure(ClaimQuotaStore::keyTaken)
                .recoverWithItem(Optional.empty());
    }

    /** As {@link #waitFor}, under the lock of the organization's quota: a claim that waits counts in it. */
    public Uni<UnderQuota<Optional<UUID>>> waitWithinQuota(UUID preset, NewClaim claim, WaitPolicy policy, Instant at) {
        return quotas.within(
                preset,
                claim.caller().userId(),
                1,
                Optional.empty(),
                (connection, left) -> waitFor(connection, preset, claim, policy, true, at));
    }

    private static Uni<Optional<UUID>> waitFor(
            SqlClient client, UUID preset, NewClaim claim, WaitPolicy policy, boolean withinQuota, Instant at) {
        Terms terms = claim.terms();
        return WAIT.on(
                        client,
                        preset,
                        terms.caller().userId(),
                        Rows.utc(at),
                        claim.id(),
                        ClaimValues.key(terms),
                        ClaimValues.hash(terms),
                        ClaimValues.ttl(terms),
                        ClaimValues.labels(terms),
                        policy.priority(),
                        Rows.utc(policy.until()),
                        policy.thenCold(),
                        terms.parameters().late(),
                        ClaimValues.fitting(terms),
                        terms.caller().organization().orElse(null),
                        withinQuota,
                        policy.inOrganizationMax(),
                        policy.ofUserMax())
                .map(rows -> Rows.first(rows, row -> row.getUUID("id")));
    }

    private static final Sql WAITING = Sql.of("""
            SELECT count(*) FILTER (WHERE c.user_id = :user) AS of_user, count(*) AS in_all
              FROM presets p
              JOIN claims c ON c.organization_id = p.organization_id AND c.workspace_id IS NULL AND c.ended_at IS NULL
             WHERE p.id = :preset""", "preset", "user");

    /** How many claims wait in the preset's organization, and how many of them are this user's. */
    public Uni<Waiting> waiting(UUID preset, UUID user) {
        return WAITING.on(client, preset, user)
                .map(rows -> rows.iterator().next())
                .map(row -> new Waiting(row.getLong("of_user"), row.getLong("in_all")));
    }

    /** Claims that wait: a user's, and all of the organization. */
    public record Waiting(long ofUser, long inOrganization) {}

    private static final Sql POSITION = Sql.of("""
            SELECT count(*) AS position
              FROM claims mine
              JOIN claims c ON c.preset_id = mine.preset_id AND c.workspace_id IS NULL AND c.ended_at IS NULL
               AND (c.priority > mine.priority
                    OR (c.priority = mine.priority AND (c.created_at, c.id) <= (mine.created_at, mine.id)))
             WHERE mine.id = :claim AND mine.workspace_id IS NULL AND mine.ended_at IS NULL""", "claim");

    /** The position at which a waiting claim will be served, from 1; 0 where it waits no longer. */
    public Uni<Long> position(UUID claim) {
        return POSITION.on(client, claim).map(rows -> rows.iterator().next().getLong("position"));
    }

    private static final Sql UNSETTLED = Sql.of("""
            SELECT c.id FROM claims c
             WHERE c.id = ANY (:claims::uuid[]) AND c.ended_at IS NULL
               AND (c.workspace_id IS NULL
                    OR EXISTS (SELECT FROM workspaces w
                                WHERE w.id = c.workspace_id
                                  AND (w.verifying OR (w.build_number = 1 AND w.transition = 'start' AND w.ready_at IS NULL)
                                       OR (w.transition = 'start' AND w.build_status NOT IN ('failed', 'canceled')
                                           AND (w.claim_step_wanted_at IS NOT NULL
                                                OR (w.build_status <> 'succeeded'
                                                    AND EXISTS (SELECT FROM builds b
                                                                 WHERE b.id = w.build_id AND b.reason = 'claim')))))))""", "claims");

    /** Those of these claims that are not settled: see {@link Claim#isUnsettled}. */
    public Uni<Set<UUID>> unsettled(Collection<UUID> claims) {
        return UNSETTLED
                .on(client, (Object) claims.toArray(UUID[]::new))
                .map(rows -> Set.copyOf(Rows.list(rows, row -> row.getUUID("id"))));
    }

    private static final Sql PRESETS_TO_SERVE = Sql.of(
            """
            WITH waiting AS (
                SELECT DISTINCT c.preset_id FROM claims c WHERE c.workspace_id IS NULL AND c.ended_at IS NULL)
            SELECT p.id, p.claim_order,
                   (SELECT v.verify_step FROM template_versions v WHERE v.id = p.version_id) AS verify_step
              FROM presets p
             WHERE p.id IN (SELECT c.preset_id FROM waiting c
                             UNION ALL
                            SELECT b.id FROM waiting c JOIN presets n ON n.id = c.preset_id JOIN presets b ON b.rollout_id = n.rollout_id)
               AND p.rollout_role IS DISTINCT FROM 'canary'
               AND EXISTS (SELECT FROM workspaces w WHERE w.preset_id = p.id AND {claimable} AND {fresh})
             ORDER BY p.rollout_role IS NOT DISTINCT FROM 'before', random() LIMIT :limit""".replace("{claimable}", Rules.claimable("w")).replace("{fresh}", Rules.fresh("w", Rules.freshFrom("p"))),
            "limit",
            "at");

    /** Presets that have stock, and for whose lines claims wait; those that a rollout replaces come last. */
    public Uni<List<Claimable>> presetsToServe(int limit, Instant at) {
        return PRESETS_TO_SERVE.on(client, limit, Rows.utc(at)).map(rows -> Rows.list(rows, PresetReads::claimable));
    }
}
