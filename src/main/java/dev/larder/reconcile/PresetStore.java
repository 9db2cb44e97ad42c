package dev.larder.reconcile;

import dev.larder.database.RowList;
import dev.larder.database.Rows;
import dev.larder.database.Slice;
import dev.larder.database.Sql;
import dev.larder.database.Total;
import dev.larder.lifecycle.ListRules;
import dev.larder.lifecycle.PauseColumns;
import dev.larder.lifecycle.Rules;
import dev.larder.model.Pause;
import dev.larder.model.PresetFilter;
import dev.larder.model.PresetStatus;
import dev.larder.reconcile.HoldView.FailedJob;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
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
    record DeclaredPreset(UUID id, Named named, boolean active, Optional<Integer> instances, Standing standing) {}

    /** @param pauses of all four levels, ended ones included */
    record Standing(PresetStatus status, Optional<String> reason, List<Pause> pauses) {}

    /** Where a preset belongs; the organization and the template by their names. */
    record Named(String organization, String template, int templateVersion, String name) {}

    private static final String SELECT =
            """
            SELECT p.id, o.name AS organization, t.name AS template, v.number, p.name, p.instances,
                   p.status, p.status_reason,
                   %s AS active, {pauses}
              FROM presets p
              JOIN templates t ON t.id = p.template_id
              JOIN template_versions v ON v.id = p.version_id
              JOIN organizations o ON o.id = p.organization_id
             CROSS JOIN settings d
            """.formatted(Rules.active("p", "t")).replace("{pauses}", PauseColumns.OF_PRESET);

    static final RowList LIST = new RowList("""
            presets x
              JOIN templates t ON t.id = x.template_id AND t.active_version_id = x.version_id AND t.deleted_at IS NULL""", "x.id");

    /** What a list of presets shows. */
    record Filter(PresetFilter names, Optional<String> status) {

        /** All of active versions. */
        static final Filter ALL = new Filter(PresetFilter.ALL, Optional.empty());
    }

    static RowList.Query query(Optional<UUID> callersOrganization, Filter filter) {
        RowList.Query query = ListRules.seenBy(LIST.all(), callersOrganization);
        return ListRules.of(query, filter.names().organization())
                .where(
                        ListRules.isCalled("t", ":template_name"),
                        "template_name",
                        filter.names().template())
                .where(
                        ListRules.isCalled("x", ":preset_name"),
                        "preset_name",
                        filter.names().preset())
                .where("x.status = :status", "status", filter.status());
    }

    /**
     * Presets of active versions, newest first; those of deprecated templates among them.
     *
     * @param organization of the caller; empty for all
     */
    Uni<Slice<DeclaredPreset>> list(Optional<UUID> organization, Filter filter, Optional<UUID> after, int limit) {
        return query(organization, filter).page(pool, SELECT, "p.id", after, limit, PresetStore::preset);
    }

    /** How many presets the list has. */
    Uni<Total> total(Optional<UUID> organization, Filter filter) {
        return query(organization, filter).total(pool);
    }

    // On its own, so that the index of those that have not ended serves it, and not the one of all that a preset had.
    private static final Sql CLAIMS = Sql.of("""
            WITH live AS MATERIALIZED (
                SELECT c.preset_id, c.workspace_id FROM claims c
                 WHERE c.ended_at IS NULL AND %s
                   AND c.organization_id = ANY (SELECT p.organization_id FROM presets p WHERE p.id = ANY (:presets)))
            SELECT l.preset_id, count(l.workspace_id) AS claimed, count(*) - count(l.workspace_id) AS waiting
              FROM live l
             WHERE l.preset_id = ANY (:presets)
             GROUP BY l.preset_id""".formatted(Rules.ofClient("c")), "presets");

    /** Claims of a preset that have not ended: with a workspace, and waiting for one. */
    record LiveClaims(long claimed, long waiting) {

        static final LiveClaims NONE = new LiveClaims(0, 0);

        LiveClaims and(LiveClaims other) {
            return new LiveClaims(claimed + other.claimed, waiting + other.waiting);
        }
    }

    /** By preset; a preset without any is left out. Reads the claims of their organizations that have not ended. */
    Uni<Map<UUID, LiveClaims>> claims(Collection<UUID> presets) {
        return CLAIMS.on(pool, (Object) presets.toArray(UUID[]::new)).map(PresetStore::claims);
    }

    private static Map<UUID, LiveClaims> claims(RowSet<Row> rows) {
        Map<UUID, LiveClaims> claims = new HashMap<>();
        rows.forEach(row ->
                claims.put(row.getUUID("preset_id"), new LiveClaims(row.getLong("claimed"), row.getLong("waiting"))));
        return claims;
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
                new Standing(
                        PresetStatus.of(row.getString("status")),
                        Optional.ofNullable(row.getString("status_reason")),
                        PauseColumns.in(row)));
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
