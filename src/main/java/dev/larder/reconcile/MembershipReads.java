package dev.larder.reconcile;

import dev.larder.database.Rows;
import dev.larder.model.PresetSnapshot.Membership;
import dev.larder.model.Rollout;
import dev.larder.model.RolloutCause;
import dev.larder.model.RolloutRole;
import dev.larder.model.RolloutState;
import io.vertx.mutiny.sqlclient.Row;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What a preset's row says of its rollout, for the statement of {@link SnapshotStore}. Presets in none pay for
 * a join.
 */
final class MembershipReads {

    // The newest builds of stock only: a preset may have a long history.
    private static final String NEWEST_BUILDS = """
            (SELECT b.id, b.workspace_id, b.created_at FROM builds b
                              WHERE b.preset_id = p.id AND b.attempt IS NOT NULL
                              ORDER BY b.attempt DESC LIMIT 1000) n""";

    // A prebuild's own ready_at is forgotten with its next build, as of a check or a claim.
    // Builds that the cycle begins which takes old stock may have the very time of it.
    /** The columns. The statement calls the preset {@code p} and its rollout {@code r}. */
    static final String COLUMNS = """
            p.rollout_role, r.from_preset_id = p.id AS origin, r.id AS rollout, r.cause, r.state AS rollout_state, r.phase_at, r.deadline_at,
                   coalesce(r.reminded_at, r.phase_at) AS told_at, r.paused_at,
                   CASE WHEN p.rollout_role = 'target'
                        THEN (SELECT max(j.completed_at) FROM {newest} JOIN jobs j ON j.build_id = n.id
                               WHERE j.status = 'succeeded' AND j.completed_at >= r.created_at)
                   END AS newest_ready_at,
                   p.rollout_role = 'target'
                       AND EXISTS (SELECT FROM {newest} JOIN jobs j ON j.build_id = n.id JOIN workspaces w ON w.id = n.workspace_id
                                    WHERE j.status = 'succeeded' AND n.created_at >= greatest(r.phase_at, r.replaced_at)
                                      AND NOT w.prebuild)
                     AS delivered""".replace("{newest}", NEWEST_BUILDS);

    private MembershipReads() {}

    /** Without what is known of its canaries. */
    static Optional<Membership> membership(Row row) {
        @Nullable UUID rollout = row.getUUID("rollout");
        return rollout == null
                ? Optional.empty()
                : Optional.of(new Membership(
                        RolloutRole.of(row.getString("rollout_role")),
                        rollout(rollout, row),
                        Rows.instantOrNull(row, "newest_ready_at"),
                        List.of(),
                        Boolean.TRUE.equals(row.getBoolean("origin"))));
    }

    private static Rollout rollout(UUID id, Row row) {
        return new Rollout(
                id,
                RolloutCause.of(row.getString("cause")),
                RolloutState.of(row.getString("rollout_state")),
                Rows.instant(row, "phase_at"),
                Rows.instant(row, "deadline_at"),
                Rows.instant(row, "told_at"),
                row.getValue("paused_at") != null,
                Boolean.TRUE.equals(row.getBoolean("delivered")));
    }
}
