package dev.larder.history;

import dev.larder.lifecycle.RolloutColumns;
import dev.larder.model.RolloutPolicy;
import dev.larder.testing.Eventually;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Function;

/** Reads what a run has left in the database, after all servers and clients have ended. */
final class FinalStateReader {

    private final Pool pool;
    private final Recorder recorder;

    FinalStateReader(Pool pool, Recorder recorder) {
        this.pool = pool;
        this.recorder = recorder;
    }

    FinalState read() {
        // What a killed server had sent may still be at work.
        Eventually.see(this::others, none -> none == 0);
        FinalState finalState = new FinalState(
                list(PRESETS, FinalStateReader::preset),
                list(CLAIMS, this::claim),
                list(WORKSPACES, this::workspace),
                list(REMOVALS, this::removal),
                rollouts());
        pool.closeAndAwait();
        return finalState;
    }

    private int others() {
        return pool.query("SELECT count(*)::integer AS n FROM pg_stat_activity"
                        + " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                        + " AND backend_type = 'client backend'")
                .executeAndAwait()
                .iterator()
                .next()
                .getInteger("n");
    }

    private <T> List<T> list(String sql, Function<Row, T> mapper) {
        List<T> list = new ArrayList<>();
        pool.query(sql).executeAndAwait().forEach(row -> list.add(mapper.apply(row)));
        return list;
    }

    private long instant(Row row, String column) {
        OffsetDateTime instant = row.getOffsetDateTime(column);
        return instant == null ? FinalState.NEVER : recorder.at(instant.toInstant());
    }

    private static final String PRESETS = """
            SELECT p.id, p.name, coalesce(p.instances, 0) AS instances, p.ttl_seconds, v.number,
                   t.active_version_id IS NOT DISTINCT FROM p.version_id AS active, coalesce(p.rollout_role, '') AS role, {rollout}
              FROM presets p JOIN template_versions v ON v.id = p.version_id JOIN templates t ON t.id = p.template_id
             ORDER BY p.id""".replace("{rollout}", RolloutColumns.of("p"));

    private static FinalState.Preset preset(Row row) {
        Long ttl = row.getLong("ttl_seconds");
        RolloutPolicy policy = RolloutColumns.in(row);
        int instances = row.getInteger("instances");
        int surge = policy.isRolling() ? policy.bounds().surgeOf(instances) : 0;
        return new FinalState.Preset(
                row.getUUID("id"),
                row.getString("name"),
                instances,
                surge + policy.canary().map(RolloutPolicy.Canary::instances).orElse(0),
                ttl == null ? FinalState.NEVER : ttl * 1_000_000_000L,
                row.getInteger("number"),
                Boolean.TRUE.equals(row.getBoolean("active")),
                row.getString("role"));
    }

    private static final String CLAIMS = """
            SELECT id, user_id, workspace_id, preset_id, path, idempotency_key, created_at, granted_at, generation,
                   waits_until, expires_at, ended_at,
                   CASE WHEN ended_reason = 'failed'
                             AND EXISTS (SELECT FROM builds b JOIN jobs j ON j.build_id = b.id
                                          WHERE b.workspace_id = c.workspace_id AND b.number = 1
                                            AND j.status IN ('failed', 'canceled') AND j.completed_at <= c.ended_at)
                        THEN 'build_failed' ELSE ended_reason END AS ended_reason
              FROM claims c ORDER BY id""";

    private FinalState.Claim claim(Row row) {
        return new FinalState.Claim(
                row.getUUID("id"),
                row.getUUID("user_id"),
                row.getUUID("workspace_id"),
                row.getUUID("preset_id"),
                row.getString("path"),
                row.getString("idempotency_key"),
                instant(row, "created_at"),
                instant(row, "granted_at"),
                Objects.requireNonNullElse(row.getInteger("generation"), 0),
                instant(row, "waits_until"),
                instant(row, "expires_at"),
                instant(row, "ended_at"),
                Objects.requireNonNullElse(row.getString("ended_reason"), ""));
    }

    private static final String WORKSPACES = """
            SELECT id, preset_id, owner_id, prebuild, created_at,
                   prebuild AND deleted_at IS NULL AND build_status IN ('pending', 'canceling', 'succeeded') AS stocked
              FROM workspaces ORDER BY id""";

    private FinalState.Workspace workspace(Row row) {
        return new FinalState.Workspace(
                row.getUUID("id"),
                row.getUUID("preset_id"),
                row.getUUID("owner_id"),
                Boolean.TRUE.equals(row.getBoolean("prebuild")),
                instant(row, "created_at"),
                Boolean.TRUE.equals(row.getBoolean("stocked")));
    }

    private static final String REMOVALS = """
            SELECT b.workspace_id, b.reason, b.created_at, u.role = 'system' AS by_system
              FROM builds b JOIN users u ON u.id = b.initiator_id
             WHERE b.transition <> 'start' ORDER BY b.id""";

    private FinalState.Removal removal(Row row) {
        return new FinalState.Removal(
                row.getUUID("workspace_id"),
                Boolean.TRUE.equals(row.getBoolean("by_system")),
                row.getString("reason"),
                instant(row, "created_at"));
    }

    private static final String STEPS = """
            SELECT data->>'rollout' AS rollout, substr(type, 9) AS state, at
              FROM events WHERE kind = 'preset' AND type LIKE 'rollout.%' ORDER BY subject, seq""";

    private static final String ROLLOUTS = """
            SELECT id, preset, cause, from_preset_id, to_preset_id, created_at, ended_at
              FROM rollouts ORDER BY created_at, id""";

    private List<FinalState.Rollout> rollouts() {
        Map<UUID, List<FinalState.Step>> steps = new HashMap<>();
        for (Row row : pool.query(STEPS).executeAndAwait()) {
            steps.computeIfAbsent(UUID.fromString(row.getString("rollout")), unseen -> new ArrayList<>())
                    .add(new FinalState.Step(row.getString("state"), instant(row, "at")));
        }
        return list(
                ROLLOUTS,
                row -> new FinalState.Rollout(
                        row.getUUID("id"),
                        row.getString("preset"),
                        row.getString("cause"),
                        row.getUUID("from_preset_id"),
                        row.getUUID("to_preset_id"),
                        instant(row, "created_at"),
                        instant(row, "ended_at"),
                        steps.getOrDefault(row.getUUID("id"), List.of())));
    }
}
