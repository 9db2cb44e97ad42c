package dev.larder.lifecycle;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlClient;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Which canaries the system user is to claim, and the ends of these claims (decision 0046). A rollout has at most one
 * trial claim in a canary phase, and another one only where that was not ended by the version.
 */
@ApplicationScoped
public class TrialStore {

    private final Pool pool;

    public TrialStore(Pool pool) {
        this.pool = pool;
    }

    /**
     * A trial claim that is to be made.
     *
     * @param last the rollout's trial claim before; null where it has had none
     * @param workspace the oldest of the canaries
     * @param version that the workspace has
     * @param ttl until the deadline of the canary
     */
    public record Due(UUID rollout, @Nullable UUID last, UUID preset, UUID workspace, int version, Duration ttl) {}

    /** The canaries of the preset {@code p} that are ready, and verified where it asks for that. */
    private static final String READY =
            """
            (SELECT count(*) AS n, (array_agg(w.id ORDER BY w.id))[1] AS first
               FROM workspaces w
              WHERE w.preset_id = p.id AND {claimable} AND {fresh}
                AND (w.build_number > 1 OR NOT (p.canary_verify AND v.verify_step)))
            """.replace("{claimable}", Rules.claimable("w")).replace("{fresh}", Rules.fresh("w", Rules.freshFrom("p")));

    private static final Sql DUE = Sql.of(
            """
            SELECT r.id AS rollout, r.trial_claim_id, p.id AS preset, w.id AS workspace, w.version, r.deadline_at
              FROM rollouts r
              JOIN presets p ON p.id = r.to_preset_id AND p.rollout_id = r.id
              JOIN templates t ON t.id = p.template_id
              JOIN template_versions v ON v.id = p.version_id
             CROSS JOIN LATERAL {ready} ready
              JOIN workspaces w ON w.id = ready.first
              LEFT JOIN claims c ON c.id = r.trial_claim_id AND c.created_at >= r.phase_at
              LEFT JOIN LATERAL {last} last ON true
             WHERE r.ended_at IS NULL AND r.state = 'canary' AND r.paused_at IS NULL AND r.deadline_at > :at::timestamptz
               AND p.canary_trial_claim AND {tried} AND {trusted} AND ready.n >= p.canary_instances
               AND (c.id IS NULL
                    OR (c.ended_at IS NOT NULL AND NOT {passed}
                        AND (last.status IS DISTINCT FROM 'failed' OR last.blame <> 'template')))
             ORDER BY r.deadline_at LIMIT 100""".replace("{ready}", READY)
                    .replace("{last}", Trials.lastStart("c.workspace_id"))
                    .replace("{passed}", Trials.passed("c", "v", "last"))
                    .replace("{tried}", Rules.tried("p", "t"))
                    .replace("{trusted}", Rules.TRUSTED),
            "at");

    /** The trial claims that are to be made, of open rollouts whose canaries are all ready. At most 100 at a time. */
    public Uni<List<Due>> due(Instant at) {
        return DUE.on(pool, Rows.utc(at)).map(rows -> Rows.list(rows, row -> due(row, at)));
    }

    private static Due due(Row row, Instant at) {
        return new Due(
                row.getUUID("rollout"),
                row.getUUID("trial_claim_id"),
                row.getUUID("preset"),
                row.getUUID("workspace"),
                row.getInteger("version"),
                Duration.between(at, Rows.instant(row, "deadline_at")));
    }

    private static final Sql LOCK = Sql.of("""
            SELECT id FROM rollouts
             WHERE id = :rollout AND state = 'canary' AND paused_at IS NULL
               AND trial_claim_id IS NOT DISTINCT FROM :last::uuid
               FOR NO KEY UPDATE""", "rollout", "last");

    /**
     * Locks the rollout for the caller's transaction, which makes the claim. The rollout does not change before that.
     *
     * @return false where it is no longer tried, or another server was first
     */
    public Uni<Boolean> lock(SqlClient connection, Due due) {
        return LOCK.on(connection, due.rollout(), due.last()).map(rows -> rows.size() == 1);
    }

    private static final Sql NAME =
            Sql.of("UPDATE rollouts SET trial_claim_id = :claim WHERE id = :rollout", "rollout", "claim");

    /** Names the trial claim of a rollout that the caller's transaction has locked. */
    public Uni<Void> name(SqlClient connection, Due due, UUID claim) {
        return NAME.on(connection, due.rollout(), claim).replaceWithVoid();
    }

    // The last step has ended, or the version is no longer tried. The preset is marked, so that the next cycle gives
    // the verdict.
    private static final String SETTLED =
            """
            WITH workspace AS (
                SELECT c.id AS claim_id, w.id, r.to_preset_id AS preset_id, w.build_status IN ('failed', 'canceled') AS failed,
                       coalesce(j.error_code, 'build_canceled') AS code, coalesce(j.error, 'The build was canceled.') AS detail
                  FROM rollouts r
                  JOIN claims c ON c.id = r.trial_claim_id AND c.ended_at IS NULL
                  JOIN workspaces w ON w.id = c.workspace_id
                  JOIN jobs j ON j.build_id = w.build_id
                 WHERE r.trial_claim_id IS NOT NULL AND NOT w.verifying AND w.transition = 'start' AND {trusted}
                   AND (r.state <> 'canary' OR w.build_status IN ('failed', 'canceled')
                        OR (w.build_status = 'succeeded' AND w.claim_step_wanted_at IS NULL))
                 ORDER BY w.id LIMIT 100
                   FOR NO KEY UPDATE OF w SKIP LOCKED),
            claim AS (
                UPDATE claims c
                   SET ended_at = :at::timestamptz, ended_reason = CASE WHEN w.failed THEN 'failed' ELSE 'released' END,
                       failure_code = CASE WHEN w.failed THEN w.code END, failure = CASE WHEN w.failed THEN w.detail END
                  FROM workspace w WHERE c.id = w.claim_id AND c.ended_at IS NULL AND c.workspace_id = w.id
                RETURNING c.workspace_id, w.preset_id),
            marked AS (
                {mark})
            """.replace("{trusted}", Rules.TRUSTED).replace("{mark}", DirtyPresets.mark("claim"));

    private static final Sql END = Sql.of(SETTLED + EndClaimStore.GIVE_BACK, "at");

    /**
     * Ends the trial claims whose last step has ended, and those of rollouts that are held or have ended: released,
     * or failed with the step's code. Their workspaces are to be deleted. At most 100 at a time.
     *
     * @return how many
     */
    public Uni<Integer> end(Instant at) {
        return END.on(pool, Rows.utc(at)).map(rows -> rows.rowCount());
    }
}
