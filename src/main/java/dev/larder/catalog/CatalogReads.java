package dev.larder.catalog;

import dev.larder.catalog.CatalogStore.TemplateName;
import dev.larder.database.Rows;
import dev.larder.model.Caller;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlClient;
import io.vertx.mutiny.sqlclient.Tuple;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** What the catalog shows; alone or within a transaction that has just changed it. Never a sensitive value. */
final class CatalogReads {

    private static final String ORGANIZATION = "SELECT id FROM organizations WHERE id = " + CatalogStore.ORGANIZATION_ID
            + " AND ($2::uuid IS NULL OR id = $2) AND deleted_at IS NULL";

    Uni<Optional<UUID>> organization(SqlClient client, Caller caller, String name) {
        return client.preparedQuery(ORGANIZATION)
                .execute(Tuple.of(name, CatalogStore.scope(caller)))
                .map(rows -> Rows.first(rows, row -> row.getUUID("id")));
    }

    private static final String TEMPLATES = """
            SELECT t.id, t.organization_id, o.name AS organization, t.name, t.active_version_id,
                   v.number AS active_number, t.latest_number, t.deprecated_reason, t.pause_scope, t.pause_until,
                   t.created_at
              FROM templates t
              JOIN organizations o ON o.id = t.organization_id
              LEFT JOIN template_versions v ON v.id = t.active_version_id
             WHERE t.deleted_at IS NULL
            """;

    private static final String TEMPLATE_BY_ID = TEMPLATES + " AND t.id = $1";

    Uni<Optional<TemplateView>> templateById(SqlClient client, UUID id) {
        return client.preparedQuery(TEMPLATE_BY_ID)
                .execute(Tuple.of(id))
                .map(rows -> Rows.first(rows, CatalogReads::template));
    }

    private static final String NAMED = " AND t.organization_id = "
            + CatalogStore.ORGANIZATION_ID
            + " AND t.name = $2 AND ($3::uuid IS NULL OR t.organization_id = $3)";

    private static final String TEMPLATE = TEMPLATES + NAMED;

    Uni<Optional<TemplateView>> template(SqlClient client, TemplateName name) {
        return client.preparedQuery(TEMPLATE)
                .execute(named(name))
                .map(rows -> Rows.first(rows, CatalogReads::template));
    }

    private static Tuple named(TemplateName name) {
        return Tuple.of(name.organization(), name.template(), CatalogStore.scope(name.caller()));
    }

    private static final String TEMPLATES_OF_ORGANIZATION =
            TEMPLATES + " AND t.organization_id = $1 AND ($2::uuid IS NULL OR t.id > $2) ORDER BY t.id LIMIT $3";

    Uni<List<TemplateView>> templates(SqlClient client, UUID organization, Optional<UUID> after, int limit) {
        return client.preparedQuery(TEMPLATES_OF_ORGANIZATION)
                .execute(Tuple.of(organization, after.orElse(null), limit))
                .map(rows -> Rows.list(rows, CatalogReads::template));
    }

    private static TemplateView template(Row row) {
        return new TemplateView(
                row.getUUID("id"),
                row.getUUID("organization_id"),
                row.getString("organization"),
                row.getString("name"),
                row.getUUID("active_version_id"),
                row.getInteger("active_number"),
                row.getInteger("latest_number"),
                row.getString("deprecated_reason"),
                PauseStore.pause(row),
                Rows.instant(row, "created_at"));
    }

    private static final String VERSIONS = """
            SELECT v.id, v.number, v.id IS NOT DISTINCT FROM t.active_version_id AS active, v.backend,
                   (SELECT jsonb_object_agg(key, octet_length(value)) FROM jsonb_each_text(v.files)) AS files,
                   v.tags, v.start_timeout_seconds, u.name AS created_by, v.created_at,
                   (SELECT jsonb_agg(jsonb_build_object('name', p.name, 'type', p.type, 'required', p.required,
                               'mutable', p.mutable, 'sensitive', p.sensitive, 'default', p.default_value,
                               'sealed', p.default_sealed IS NOT NULL) ORDER BY p.ordinal)
                      FROM version_parameters p WHERE p.version_id = v.id) AS parameters
              FROM templates t
              JOIN organizations o ON o.id = t.organization_id
              JOIN template_versions v ON v.template_id = t.id
              JOIN users u ON u.id = v.created_by
             WHERE t.deleted_at IS NULL
            """;

    private static final String VERSIONS_OF_TEMPLATE = VERSIONS + NAMED + """
               AND ($4::uuid IS NULL OR v.number < (SELECT number FROM template_versions WHERE id = $4))
             ORDER BY v.number DESC LIMIT $5""";

    Uni<List<VersionView>> versions(SqlClient client, TemplateName name, Optional<UUID> before, int limit) {
        return client.preparedQuery(VERSIONS_OF_TEMPLATE)
                .execute(named(name).addValue(before.orElse(null)).addInteger(limit))
                .map(rows -> Rows.list(rows, CatalogReads::version));
    }

    private static final String VERSION = VERSIONS + NAMED + " AND v.number = $4";

    Uni<Optional<VersionView>> version(SqlClient client, TemplateName name, int number) {
        return client.preparedQuery(VERSION)
                .execute(named(name).addInteger(number))
                .map(rows -> Rows.first(rows, CatalogReads::version));
    }

    private static VersionView version(Row row) {
        return new VersionView(
                row.getUUID("id"),
                row.getInteger("number"),
                row.getBoolean("active"),
                row.getString("backend"),
                byName(row.getJsonObject("files"), size -> ((Number) size).longValue()),
                byName(row.getJsonObject("tags"), String::valueOf),
                row.getInteger("start_timeout_seconds"),
                each(row.getJsonArray("parameters"), CatalogReads::parameter),
                row.getString("created_by"),
                Rows.instant(row, "created_at"));
    }

    private static VersionView.ParameterView parameter(JsonObject json) {
        String defaultValue = json.getString("default");
        return new VersionView.ParameterView(
                json.getString("name"),
                json.getString("type"),
                json.getBoolean("required"),
                json.getBoolean("mutable"),
                json.getBoolean("sensitive"),
                defaultValue != null || json.getBoolean("sealed"),
                defaultValue);
    }

    private static final String PRESETS = """
            SELECT p.id, p.name, p.organization_id, o.name AS organization, t.id AS template_id, t.name AS template,
                   v.id AS version_id, v.number,
                   v.id IS NOT DISTINCT FROM t.active_version_id AND t.deprecated_reason IS NULL AS active,
                   (SELECT jsonb_agg(jsonb_build_object('name', d.name, 'value', d.value,
                               'sensitive', d.sealed IS NOT NULL) ORDER BY d.name)
                      FROM preset_parameters d WHERE d.preset_id = p.id) AS parameters,
                   p.instances, p.ttl_seconds, p.timezone, p.claim_order, p.max_uses, l.jobs AS max_jobs,
                   l.deletes AS max_deletes,
                   (SELECT jsonb_agg(jsonb_build_object('cron', s.cron, 'instances', s.instances) ORDER BY s.ordinal)
                      FROM preset_schedules s WHERE s.preset_id = p.id) AS schedules,
                   p.status, p.status_reason, p.last_invalidated_at, p.pause_scope, p.pause_until
              FROM presets p
              JOIN template_versions v ON v.id = p.version_id
              JOIN templates t ON t.id = p.template_id
              JOIN organizations o ON o.id = p.organization_id
              LEFT JOIN job_limits l ON l.scope = p.id
             WHERE t.deleted_at IS NULL
            """;

    private static final String PRESETS_OF = PRESETS + " AND p.version_id = $1 ORDER BY p.ordinal";

    Uni<List<PresetView>> presetsOf(SqlClient client, UUID version) {
        return client.preparedQuery(PRESETS_OF)
                .execute(Tuple.of(version))
                .map(rows -> Rows.list(rows, CatalogReads::preset));
    }

    private static final String PRESET_BY_ID = PRESETS + " AND p.id = $1 AND ($2::uuid IS NULL OR o.id = $2)";

    Uni<Optional<PresetView>> preset(SqlClient client, Caller caller, UUID preset) {
        return client.preparedQuery(PRESET_BY_ID)
                .execute(Tuple.of(preset, CatalogStore.scope(caller)))
                .map(rows -> Rows.first(rows, CatalogReads::preset));
    }

    private static final String PRESET_BY_NAME =
            PRESETS + NAMED + " AND p.version_id = t.active_version_id AND p.name = $4";

    Uni<Optional<PresetView>> preset(SqlClient client, TemplateName name, String preset) {
        return client.preparedQuery(PRESET_BY_NAME)
                .execute(named(name).addString(preset))
                .map(rows -> Rows.first(rows, CatalogReads::preset));
    }

    private static PresetView preset(Row row) {
        return new PresetView(
                row.getUUID("id"),
                row.getString("name"),
                row.getUUID("organization_id"),
                row.getString("organization"),
                row.getUUID("template_id"),
                row.getString("template"),
                row.getUUID("version_id"),
                row.getInteger("number"),
                row.getBoolean("active"),
                each(
                        row.getJsonArray("parameters"),
                        json -> new PresetView.Value(
                                json.getString("name"), json.getString("value"), json.getBoolean("sensitive"))),
                row.getInteger("instances"),
                row.getLong("ttl_seconds"),
                row.getString("timezone"),
                row.getInteger("instances") == null ? null : row.getString("claim_order"),
                row.getInteger("instances") == null ? null : row.getInteger("max_uses"),
                row.getInteger("max_jobs"),
                row.getInteger("max_deletes"),
                each(
                        row.getJsonArray("schedules"),
                        json -> new PresetView.ScheduleView(json.getString("cron"), json.getInteger("instances"))),
                row.getString("status"),
                row.getString("status_reason"),
                Rows.instantOrNull(row, "last_invalidated_at"),
                PauseStore.pause(row));
    }

    /** SQL's aggregate of no rows is null. */
    private static <T> List<T> each(@Nullable JsonArray array, Function<JsonObject, T> map) {
        List<T> list = new ArrayList<>();
        if (array != null) {
            for (int index = 0; index < array.size(); index++) {
                list.add(map.apply(array.getJsonObject(index)));
            }
        }
        return list;
    }

    private static <T> Map<String, T> byName(@Nullable JsonObject object, Function<Object, T> map) {
        Map<String, T> byName = new LinkedHashMap<>();
        if (object != null) {
            object.fieldNames().stream().sorted().forEach(name -> byName.put(name, map.apply(object.getValue(name))));
        }
        return byName;
    }
}
