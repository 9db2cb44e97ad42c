package dev.larder.lifecycle;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.model.NamedPreset;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Finds the preset that an organization's name, a template's and a preset's mean, or says which is unknown. */
@ApplicationScoped
public class PresetNames {

    private final Pool pool;

    public PresetNames(Pool pool) {
        this.pool = pool;
    }

    private static final Sql FIND = Sql.of(
            """
            WITH organization AS (
                SELECT o.id FROM organizations o
                 WHERE o.deleted_at IS NULL AND {visible}
                   AND (:organization_name::text IS NULL OR o.id = {named})),
            template AS (
                SELECT t.active_version_id FROM organization o JOIN templates t ON t.organization_id = o.id
                 WHERE t.name = :template AND t.deleted_at IS NULL)
            SELECT (SELECT p.id FROM template t JOIN presets p ON p.version_id = t.active_version_id
                     WHERE p.name = :preset) AS preset,
                   CASE WHEN NOT EXISTS (SELECT FROM organization) THEN 'organization'
                        WHEN NOT EXISTS (SELECT FROM template) THEN 'template'
                        ELSE 'preset' END AS unknown""".replace("{visible}", Rules.visibleTo("o.id")).replace("{named}", Rules.ORGANIZATION_ID),
            "organization_name",
            "template",
            "preset",
            "organization");

    /**
     * The preset of this name that the template's active version has.
     *
     * @param organization its name or its id
     * @param callersOrganization empty for a caller of the whole deployment
     */
    public Uni<NamedPreset> find(
            Optional<UUID> callersOrganization, String organization, String template, String preset) {
        return read(callersOrganization, organization, template, preset);
    }

    /**
     * Which name is the first unknown one: {@code organization}, {@code template}, or {@code preset} where both exist.
     *
     * @param organization its name or its id; empty for the caller's own, which must be given then
     */
    public Uni<String> unknown(Optional<UUID> callersOrganization, Optional<String> organization, String template) {
        return read(callersOrganization, organization.orElse(null), template, null)
                .map(named -> named instanceof NamedPreset.Unknown(var what) ? what : "preset");
    }

    private Uni<NamedPreset> read(
            Optional<UUID> callers, @Nullable String organization, String template, @Nullable String preset) {
        return FIND.on(pool, organization, template, preset, callers.orElse(null))
                .map(rows -> Rows.first(rows, PresetNames::named).orElseThrow());
    }

    private static NamedPreset named(Row row) {
        UUID preset = row.getUUID("preset");
        return preset == null ? new NamedPreset.Unknown(row.getString("unknown")) : new NamedPreset.Known(preset);
    }
}
