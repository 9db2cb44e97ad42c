package dev.larder.reconcile;

import dev.larder.database.Rows;
import dev.larder.model.PresetStatus;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Reads presets as they are declared; what their pools hold is in {@link SnapshotStore}. */
@ApplicationScoped
public class PresetStore {

    private final Pool pool;

    public PresetStore(Pool pool) {
        this.pool = pool;
    }

    /** @param instances empty for a preset without prebuilds */
    public record DeclaredPreset(
            UUID id,
            UUID organizationId,
            String organization,
            String template,
            int templateVersion,
            String name,
            boolean active,
            Optional<Integer> instances,
            PresetStatus status,
            Optional<String> statusReason) {}

    private static final String SELECT = """
            SELECT p.id, p.organization_id, o.name AS organization, t.name AS template, v.number, p.name, p.instances,
                   p.status, p.status_reason,
                   t.active_version_id = p.version_id AND t.deleted_at IS NULL AND t.deprecated_reason IS NULL AS active
              FROM presets p
              JOIN templates t ON t.id = p.template_id
              JOIN template_versions v ON v.id = p.version_id
              JOIN organizations o ON o.id = p.organization_id
            """;

    private static final String LIST = SELECT + """
             WHERE ($1::uuid IS NULL OR p.organization_id = $1) AND ($2::uuid IS NULL OR p.id > $2)
               AND t.active_version_id = p.version_id AND t.deleted_at IS NULL
             ORDER BY p.id
             LIMIT $3""";

    /**
     * Presets of active versions, by id; those of deprecated templates among them.
     *
     * @param organization empty for all
     */
    public Uni<List<DeclaredPreset>> list(Optional<UUID> organization, Optional<UUID> after, int limit) {
        return pool.preparedQuery(LIST)
                .execute(Tuple.of(organization.orElse(null), after.orElse(null), limit))
                .map(rows -> Rows.list(rows, PresetStore::preset));
    }

    private static final String FIND = SELECT + """
             WHERE p.id = $1 AND ($2::uuid IS NULL OR p.organization_id = $2)""";

    /** Any preset, active or not, of one organization or of all. */
    public Uni<Optional<DeclaredPreset>> find(UUID id, Optional<UUID> organization) {
        return pool.preparedQuery(FIND)
                .execute(Tuple.of(id, organization.orElse(null)))
                .map(rows -> Rows.first(rows, PresetStore::preset));
    }

    private static DeclaredPreset preset(Row row) {
        @Nullable Integer instances = row.getInteger("instances");
        return new DeclaredPreset(
                row.getUUID("id"),
                row.getUUID("organization_id"),
                row.getString("organization"),
                row.getString("template"),
                row.getInteger("number"),
                row.getString("name"),
                Boolean.TRUE.equals(row.getBoolean("active")),
                Optional.ofNullable(instances),
                PresetStatus.of(row.getString("status")),
                Optional.ofNullable(row.getString("status_reason")));
    }
}
