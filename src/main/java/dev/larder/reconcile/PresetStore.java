package dev.larder.reconcile;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.Rules;
import dev.larder.model.PresetStatus;
import dev.larder.reconcile.PoolView.FailedJob;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Reads presets as they are declared; {@link SnapshotStore} reads their stock. */
@ApplicationScoped
class PresetStore {

    private final Pool pool;

    PresetStore(Pool pool) {
        this.pool = pool;
    }

    /** @param instances empty for a preset without prebuilds */
    record DeclaredPreset(
            UUID id,
            Named named,
            boolean active,
            Optional<Integer> instances,
            PresetStatus status,
            Optional<String> statusReason) {}

    /** Where a preset belongs; the organization and the template by their names. */
    record Named(String organization, String template, int templateVersion, String name) {}

    private static final String SELECT = """
            SELECT p.id, o.name AS organization, t.name AS template, v.number, p.name, p.instances,
                   p.status, p.status_reason,
                   %s AS active
              FROM presets p
              JOIN templates t ON t.id = p.template_id
              JOIN template_versions v ON v.id = p.version_id
              JOIN organizations o ON o.id = p.organization_id
            """.formatted(Rules.active("p", "t"));

    private static final Sql LIST = Sql.of(
            SELECT + """
             WHERE %s AND %s
               AND t.active_version_id = p.version_id AND t.deleted_at IS NULL
             ORDER BY p.id
             LIMIT :most""".formatted(Rules.visibleTo("p.organization_id"), Rules.after("p.id")),
            "organization",
            "after",
            "most");

    /**
     * Presets of active versions, by id; those of deprecated templates among them.
     *
     * @param organization empty for all
     */
    Uni<List<DeclaredPreset>> list(Optional<UUID> organization, Optional<UUID> after, int limit) {
        return LIST.on(pool, organization.orElse(null), after.orElse(null), limit)
                .map(rows -> Rows.list(rows, PresetStore::preset));
    }

    private static final Sql FIND =
            Sql.of(SELECT + """
             WHERE p.id = :id AND %s""".formatted(Rules.visibleTo("p.organization_id")), "id", "organization");

    /** Any preset, active or not, of one organization or of all. */
    Uni<Optional<DeclaredPreset>> find(UUID id, Optional<UUID> organization) {
        return FIND.on(pool, id, organization.orElse(null)).map(rows -> Rows.first(rows, PresetStore::preset));
    }

    private static DeclaredPreset preset(Row row) {
        @Nullable Integer instances = row.getInteger("instances");
        return new DeclaredPreset(
                row.getUUID("id"),
                new Named(
                        row.getString("organization"),
                        row.getString("template"),
                        row.getInteger("number"),
                        row.getString("name")),
                Boolean.TRUE.equals(row.getBoolean("active")),
                Optional.ofNullable(instances),
                PresetStatus.of(row.getString("status")),
                Optional.ofNullable(row.getString("status_reason")));
    }

    private static final Sql LAST_FAILURE = Sql.of("""
            SELECT j.id, w.id AS workspace, j.error_code, w.build_finished_at
              FROM workspaces w JOIN jobs j ON j.build_id = w.build_id
             WHERE w.preset_id = :preset AND w.prebuild AND w.deleted_at IS NULL
               AND w.transition = 'start' AND w.build_status = 'failed'
             ORDER BY w.build_finished_at DESC LIMIT 1""", "preset");

    /** The start that failed last, of the preset's prebuilds that are kept. */
    Uni<Optional<FailedJob>> lastFailure(UUID preset) {
        return LAST_FAILURE
                .on(pool, preset)
                .map(rows -> Rows.first(
                        rows,
                        row -> new FailedJob(
                                row.getUUID("id"),
                                row.getUUID("workspace"),
                                row.getString("error_code"),
                                Rows.instant(row, "build_finished_at"))));
    }
}
