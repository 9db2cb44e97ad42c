package dev.larder.claim;

import dev.larder.claim.ClaimQuotaStore.UnderQuota;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.Rules;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlClient;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Hands out the prebuild that a client names (design, section 3.2). */
@ApplicationScoped
public class ExactClaimStore {

    private final Pool client;
    private final ClaimQuotaStore quotas;

    public ExactClaimStore(Pool client, ClaimQuotaStore quotas) {
        this.client = client;
        this.quotas = quotas;
    }

    private static final String PICK_EXACTLY = """
            picked AS (
                SELECT w.id
                  FROM workspaces w
                 WHERE w.id = :workspace::uuid AND w.version = :version::integer AND {claimable}
                   AND EXISTS (SELECT FROM preset) AND EXISTS (SELECT FROM arriving)
                   AND {hasRoom}
                   FOR UPDATE OF w),
            """;

    private static final Sql TAKE_EXACTLY =
            ClaimStore.statement(Claimer.CLIENT, PICK_EXACTLY, "true", "", "workspace", "version");

    private static final Sql PRESET_OF = Sql.of(
            """
            SELECT w.preset_id, {limited} AS limited
              FROM workspaces w JOIN organizations o ON o.id = w.organization_id
             WHERE w.id = :workspace AND w.preset_id IS NOT NULL
               AND {visible}""".replace("{visible}", Rules.visibleTo("w.organization_id"))
                    .replace("{limited}", ClaimQuotaStore.LIMITED),
            "workspace",
            "organization");

    private record PresetOf(UUID preset, boolean limited) {}

    /**
     * Gives exactly this prebuild to the claim, if the prebuild still has this version and is claimable.
     *
     * @return empty where it is not, and where the claim's key was used before
     */
    public Uni<UnderQuota<Optional<Claim>>> takeExactly(UUID workspace, int version, NewClaim claim, Instant at) {
        return PRESET_OF
                .on(client, workspace, claim.caller().organization().orElse(null))
                .map(rows -> Rows.first(rows, row -> new PresetOf(row.getUUID("preset_id"), row.getBoolean("limited"))))
                .chain(found -> found.isEmpty()
                        ? Uni.createFrom().item(new UnderQuota.Within<>(Optional.empty()))
                        : takeExactly(found.get(), workspace, version, claim, at));
    }

    private Uni<UnderQuota<Optional<Claim>>> takeExactly(
            PresetOf of, UUID workspace, int version, NewClaim claim, Instant at) {
        ClaimQuotaStore.Attempt<Optional<Claim>> attempt = (connection, left) -> exactly(
                connection,
                ClaimValues.values(of.preset(), List.of(claim), 1, of.limited(), 0, at),
                workspace,
                version);
        return of.limited()
                ? quotas.within(of.preset(), claim.caller().userId(), 1, Optional.empty(), attempt)
                : attempt.make(client, 1)
                        .onFailure(ClaimQuotaStore::keyTaken)
                        .recoverWithItem(Optional.empty())
                        .map(UnderQuota.Within::new);
    }

    private static final Sql STANDING = Sql.of(
            """
            SELECT w.version, w.preset_id,
                   CASE WHEN w.deletion_wanted_at IS NOT NULL OR w.deleted_at IS NOT NULL THEN 'WORKSPACE_DELETED'
                        WHEN NOT w.prebuild THEN 'ALREADY_CLAIMED'
                        WHEN w.state_status = 'unreliable' THEN 'STATE_UNRELIABLE'
                        WHEN w.state_status = 'corrupt' THEN 'STATE_CORRUPT'
                        WHEN w.state_status = 'in_flight' THEN 'MUTATION_IN_PROGRESS'
                        WHEN NOT ({claimable}) THEN 'WORKSPACE_NOT_READY'
                        WHEN NOT {fresh} THEN 'WORKSPACE_EXPIRED'
                        WHEN ({served}) IS NOT TRUE THEN 'PRESET_NOT_ACTIVE' END AS obstacle
              FROM workspaces w
              LEFT JOIN presets p ON p.id = w.preset_id
              LEFT JOIN templates t ON t.id = p.template_id
             WHERE w.id = :workspace AND {visible}""".replace("{claimable}", Rules.claimable("w"))
                    .replace("{fresh}", Rules.fresh("w", Rules.freshFrom("p")))
                    .replace("{served}", Rules.served("p", "t"))
                    .replace("{visible}", Rules.visibleTo("w.organization_id")),
            "workspace",
            "organization",
            "at");

    /**
     * How a workspace stands.
     *
     * @param obstacle what keeps it from being claimed; empty where nothing does
     */
    record Standing(int version, Optional<UUID> preset, Optional<Obstacle> obstacle) {}

    /** Empty where there is no such workspace, or it belongs to another organization. */
    Uni<Optional<Standing>> standing(UUID workspace, Optional<UUID> callersOrganization, Instant at) {
        return STANDING.on(client, workspace, callersOrganization.orElse(null), Rows.utc(at))
                .map(rows -> Rows.first(rows, ExactClaimStore::standing));
    }

    private static Standing standing(Row row) {
        return new Standing(
                row.getInteger("version"),
                Optional.ofNullable(row.getUUID("preset_id")),
                Optional.ofNullable(row.getString("obstacle")).map(Obstacle::valueOf));
    }

    // Waiting claims are not served by it: they may not have the workspace that another claim names.
    private static Uni<Optional<Claim>> exactly(
            SqlClient client, List<@Nullable Object> values, UUID workspace, int version) {
        values.addAll(List.of(workspace, version));
        return TAKE_EXACTLY
                .on(client, values.toArray())
                .map(rows -> ClaimStore.taken(rows).claims().stream().findFirst());
    }
}
