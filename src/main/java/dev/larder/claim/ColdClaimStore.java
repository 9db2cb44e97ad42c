package dev.larder.claim;

import dev.larder.claim.ClaimQuotaStore.UnderQuota;
import dev.larder.claim.GivenParameters.Chosen;
import dev.larder.claim.NewClaim.Terms;
import dev.larder.database.Encryption;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.LabelStore;
import dev.larder.lifecycle.Rules;
import dev.larder.lifecycle.StartBuild;
import dev.larder.model.Ids;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.SqlClient;
import io.vertx.pgclient.PgException;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Begins builds for claims that stock does not serve (design, section 3.4). */
@ApplicationScoped
public class ColdClaimStore {

    private final Pool client;
    private final Ids ids;
    private final Encryption encryption;
    private final ClaimQuotaStore quotas;

    public ColdClaimStore(Pool client, Ids ids, Encryption encryption, ClaimQuotaStore quotas) {
        this.client = client;
        this.ids = ids;
        this.encryption = encryption;
        this.quotas = quotas;
    }

    // Where no server has room for the organization nothing is begun.
    private static final String BEGIN_COLD = ClaimQuotaStore.room("asked", "true") + """
            item AS (
                SELECT a.*, :workspace::uuid AS workspace, :build::uuid AS build, :job::uuid AS job, 1 AS number,
                       'start' AS transition, 'cold_claim' AS reason, NULL::integer AS attempt, false AS prebuild,
                       :at::timestamptz AS queue_at, :name::text AS name, :parameters::jsonb AS parameters,
                       (SELECT r.place_id FROM room r ORDER BY r.left_over DESC LIMIT 1) AS place_id,
                       NULL::timestamptz AS stock_until
                  FROM asked a
                 WHERE NOT EXISTS (SELECT FROM room) OR EXISTS (SELECT FROM room r WHERE r.left_over > 0)),
            """ + StartBuild.BUILDS + ",\n"
            + StartBuild.NEW_WORKSPACES + ",\njob AS (\n" + StartBuild.JOBS + ")\n";

    private static final Sql TAKE_COLD = Sql.of(
            """
            WITH asked AS (
                SELECT p.id AS preset_id, p.organization_id, p.template_id, p.version_id, v.claim_step,
                       v.start_timeout_seconds AS timeout, :user::uuid AS initiator, :late::text::jsonb AS late_parameters,
                       {version}
                  FROM presets p
                  JOIN templates t ON t.id = p.template_id
                  JOIN template_versions v ON v.id = p.version_id
                  JOIN organizations o ON o.id = p.organization_id
                 WHERE p.id = :preset::uuid AND {served}
                   AND {visible}
                   AND (:within_quota::boolean OR NOT {limited})
                   AND NOT EXISTS (SELECT FROM claims c WHERE c.user_id = :user::uuid AND c.idempotency_key = :key::text)
                   FOR SHARE OF t),
            """.replace("{version}", StartBuild.VERSION)
                            .replace("{served}", Rules.served("p", "t"))
                            .replace("{visible}", Rules.visibleTo("p.organization_id"))
                            .replace("{limited}", ClaimQuotaStore.LIMITED)
                    + BEGIN_COLD
                    + ",\n" + LabelStore.write("(SELECT :claim::uuid AS claim_id, :labels::text AS labels FROM item)")
                    + """

            INSERT INTO claims (id, organization_id, user_id, workspace_id, preset_id, path, idempotency_key, request_hash, created_at,
                                granted_at, generation, ttl_seconds, expires_at, late_parameters)
            SELECT :claim::uuid, i.organization_id, i.initiator, i.workspace, i.preset_id, 'cold', :key::text, :hash::bytea,
                   :at::timestamptz, :at::timestamptz, 1, :ttl::integer, :at::timestamptz + make_interval(secs => :ttl::integer),
                   i.late_parameters
              FROM item i
            RETURNING id""",
            "at",
            "workspace",
            "build",
            "job",
            "name",
            "parameters",
            "preset",
            "user",
            "organization",
            "within_quota",
            "claim",
            "key",
            "hash",
            "ttl",
            "labels",
            "late");

    /**
     * Begins a build for a claim.
     *
     * @return empty where the preset is not served, the key was used before, the organization has a quota,
     *     or no server has connections left for it. Fails where the id or the name that
     *     the client chose is taken ({@link #isIdTaken}, {@link #isNameTaken}), and leaves nothing behind
     */
    public Uni<Optional<UUID>> takeCold(UUID preset, NewClaim claim, Instant at) {
        return takeCold(client, preset, claim, false, at)
                .onFailure(ClaimQuotaStore::keyTaken)
                .recoverWithItem(Optional.empty());
    }

    /** As {@link #takeCold}, under the lock of the organization's quota. */
    public Uni<UnderQuota<Optional<UUID>>> takeColdWithinQuota(UUID preset, NewClaim claim, Instant at) {
        return quotas.within(
                preset,
                claim.caller().userId(),
                1,
                Optional.empty(),
                (connection, left) -> takeCold(connection, preset, claim, true, at));
    }

    private Uni<Optional<UUID>> takeCold(
            SqlClient client, UUID preset, NewClaim claim, boolean withinQuota, Instant at) {
        Terms terms = claim.terms();
        Optional<Chosen> chosen = terms.parameters().chosen();
        UUID workspace = chosen.map(Chosen::id).orElseGet(ids::next);
        return TAKE_COLD
                .on(
                        client,
                        Rows.utc(at),
                        workspace,
                        ids.next(),
                        ids.next(),
                        chosen.map(Chosen::name).orElseGet(this::name),
                        cold(workspace, terms.parameters()),
                        preset,
                        terms.caller().userId(),
                        terms.caller().organization().orElse(null),
                        withinQuota,
                        claim.id(),
                        ClaimValues.key(terms),
                        ClaimValues.hash(terms),
                        ClaimValues.ttl(terms),
                        ClaimValues.labels(terms),
                        terms.parameters().late())
                .map(rows -> Rows.first(rows, row -> row.getUUID("id")));
    }

    // The rows of one statement are inserted in no certain order: which of them breaks its constraint first is open.
    private static final List<String> ID_TAKEN =
            List.of("workspaces_pkey", "claims_live", "builds_workspace_id_number_key");

    /** A workspace of the id that the client named exists, or existed. */
    static boolean isIdTaken(Throwable failure) {
        return ID_TAKEN.stream().anyMatch(constraint -> breaks(failure, constraint));
    }

    /** The client has another workspace of the name. A deleted one leaves its name free. */
    static boolean isNameTaken(Throwable failure) {
        return breaks(failure, "workspaces_by_name");
    }

    private static boolean breaks(Throwable failure, String constraint) {
        return failure instanceof PgException refused && constraint.equals(refused.getConstraint());
    }

    private String name() {
        return "cold-" + ids.suffix();
    }

    private @Nullable JsonObject cold(UUID workspace, GivenParameters given) {
        return given.cold().isEmpty()
                ? null
                : SealedValues.json(encryption, workspace, given.cold(), given.sensitive());
    }

    // While the version that the claim waits for is tried, the newest one before is built.
    private static final Sql COLD_FOR_WAITING = Sql.of(
            """
            WITH waited AS (
                SELECT c.id, c.user_id, c.preset_id, c.ttl_seconds, c.late_parameters, c.fitting FROM claims c
                 WHERE c.id = :claim::uuid AND c.workspace_id IS NULL AND c.ended_at IS NULL
                   FOR UPDATE),
            asked AS (
                SELECT p.id AS preset_id, p.organization_id, p.template_id, p.version_id, v.claim_step,
                       v.start_timeout_seconds AS timeout, c.user_id AS initiator, c.id AS claim_id, c.ttl_seconds AS lease,
                       c.late_parameters, {version}
                  FROM waited c
                  JOIN presets n ON n.id = c.preset_id
                  JOIN presets p ON p.id = n.id OR (p.rollout_id = n.rollout_id AND p.rollout_role = 'before' AND {alike} AND {fits})
                  JOIN templates t ON t.id = p.template_id
                  JOIN template_versions v ON v.id = p.version_id
                 WHERE {served}
                 ORDER BY p.id <> n.id, v.number DESC LIMIT 1
                   FOR SHARE OF t),
            """.replace("{version}", StartBuild.VERSION)
                            .replace("{served}", Rules.served("p", "t"))
                            .replace("{alike}", Rules.takesAlike("n.version_id", "p.version_id", "c.late_parameters"))
                            .replace("{fits}", Rules.fits("p", "c.fitting"))
                    + BEGIN_COLD + """
            , refused AS (
                UPDATE claims c SET ended_at = :at::timestamptz, ended_reason = 'timed_out'
                  FROM asked a WHERE c.id = a.claim_id AND NOT EXISTS (SELECT FROM item))
            UPDATE claims c
               SET preset_id = i.preset_id, workspace_id = i.workspace, path = 'cold', granted_at = :at::timestamptz, generation = 1,
                   expires_at = :at::timestamptz + make_interval(secs => i.lease)
              FROM item i
             WHERE c.id = i.claim_id""",
            "at",
            "workspace",
            "build",
            "job",
            "name",
            "parameters",
            "claim");

    /**
     * Begins a build for a claim whose deadline has passed.
     *
     * @return false where it waits no longer or no preset of its line is served; and where no server has connections
     *     left: then the claim has timed out
     */
    public Uni<Boolean> coldForWaiting(UUID claim, Instant at) {
        return COLD_FOR_WAITING
                .on(client, Rows.utc(at), ids.next(), ids.next(), ids.next(), name(), null, claim)
                .map(rows -> rows.rowCount() == 1);
    }
}
