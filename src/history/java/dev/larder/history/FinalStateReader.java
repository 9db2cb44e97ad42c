package dev.larder.history;

import dev.larder.testing.Eventually;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
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
                list(REMOVALS, this::removal));
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

    private static final String PRESETS =
            "SELECT id, name, coalesce(instances, 0) AS instances, ttl_seconds FROM presets";

    private static FinalState.Preset preset(Row row) {
        Long ttl = row.getLong("ttl_seconds");
        return new FinalState.Preset(
                row.getUUID("id"),
                row.getString("name"),
                row.getInteger("instances"),
                ttl == null ? FinalState.NEVER : ttl * 1_000_000_000L);
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

    private static final String WORKSPACES =
            "SELECT id, preset_id, owner_id, prebuild, created_at FROM workspaces ORDER BY id";

    private FinalState.Workspace workspace(Row row) {
        return new FinalState.Workspace(
                row.getUUID("id"),
                row.getUUID("preset_id"),
                row.getUUID("owner_id"),
                Boolean.TRUE.equals(row.getBoolean("prebuild")),
                instant(row, "created_at"));
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
}
