package dev.larder.catalog;

import dev.larder.database.RowList;
import dev.larder.database.Rows;
import dev.larder.database.Slice;
import dev.larder.database.Sql;
import dev.larder.database.Total;
import dev.larder.lifecycle.ListRules;
import dev.larder.lifecycle.PauseColumns;
import dev.larder.lifecycle.RolloutColumns;
import dev.larder.lifecycle.Rules;
import dev.larder.lifecycle.TagMatch;
import dev.larder.model.Caller;
import dev.larder.model.LevelPause;
import dev.larder.model.ParameterLimits;
import dev.larder.model.PauseScope;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlClient;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Reads what is declared: templates, versions, presets. No sensitive value is ever among it. The static
 * methods read within a transaction that has changed something.
 */
@ApplicationScoped
public class CatalogReads {

    private final Pool pool;

    public CatalogReads(Pool pool) {
        this.pool = pool;
    }

    /**
     * A condition on {@code templates t}: it has this name and the caller may see it. Parameters
     * {@code :organization_name}, {@code :template}, {@code :organization}:
     * {@link TemplateName#organization()}, {@link TemplateName#template()} and
     * {@link TemplateName#callersOrganization()}.
     */
    static final String NAMED = "t.deleted_at IS NULL AND t.name = :template AND "
            + Rules.visibleTo("t.organization_id") + " AND t.organization_id = " + Rules.ORGANIZATION_ID;

    private static final Sql ORGANIZATION = Sql.of(
            "SELECT id FROM organizations WHERE deleted_at IS NULL AND " + Rules.visibleTo("id") + " AND id = "
                    + Rules.ORGANIZATION_ID,
            "organization_name",
            "organization");

    static Uni<Optional<UUID>> organization(SqlClient client, Caller caller, String name) {
        return ORGANIZATION
                .on(client, name, caller.organization().orElse(null))
                .map(rows -> Rows.first(rows, row -> row.getUUID("id")));
    }

    private static final String TEMPLATES = """
            SELECT t.id, t.organization_id, o.name AS organization, t.name, t.active_version_id,
                   v.number AS active_number, t.latest_number, t.deprecated_reason, t.pause_scope, t.pause_until,
                   t.created_at, {pauses}
              FROM templates t
              JOIN organizations o ON o.id = t.organization_id
              LEFT JOIN template_versions v ON v.id = t.active_version_id
             CROSS JOIN settings d
            """.replace("{pauses}", PauseColumns.OF_TEMPLATE);

    private static final Sql TEMPLATE_BY_ID = Sql.of(TEMPLATES + " WHERE t.deleted_at IS NULL AND t.id = :id", "id");

    static Uni<Optional<TemplateView>> templateById(SqlClient client, UUID id) {
        return TEMPLATE_BY_ID.on(client, id).map(rows -> Rows.first(rows, CatalogReads::template));
    }

    private static final Sql TEMPLATE =
            Sql.of(TEMPLATES + " WHERE " + NAMED, "organization_name", "template", "organization");

    public Uni<Optional<TemplateView>> template(TemplateName name) {
        return template(pool, name);
    }

    static Uni<Optional<TemplateView>> template(SqlClient client, TemplateName name) {
        return TEMPLATE.on(client, name.organization(), name.template(), name.callersOrganization())
                .map(rows -> Rows.first(rows, CatalogReads::template));
    }

    static final RowList TEMPLATES_LISTED = new RowList("templates x", "x.id");

    static RowList.Query templatesOf(UUID organization, Optional<String> name, Optional<Instant> since) {
        RowList.Query query = TEMPLATES_LISTED
                .all()
                .where("x.deleted_at IS NULL")
                .where("x.organization_id = :organization", "organization", Optional.of(organization))
                .where("x.name = :template", "template", name);
        return ListRules.since(query, since);
    }

    /** The id of an organization; empty where there is none of this name or id for the caller. */
    public Uni<Optional<UUID>> organization(Caller caller, String name) {
        return organization(pool, caller, name);
    }

    /** A page of these templates, newest first. */
    public Uni<Slice<TemplateView>> templates(RowList.Query query, Optional<UUID> after, int limit) {
        return query.page(pool, TEMPLATES, "t.id", after, limit, CatalogReads::template);
    }

    /** How many there are. */
    public Uni<Total> total(RowList.Query query) {
        return query.total(pool);
    }

    private static TemplateView template(Row row) {
        return new TemplateView(
                row.getUUID("id"),
                row.getUUID("organization_id"),
                row.getString("organization"),
                row.getString("name"),
                new TemplateView.Versions(
                        row.getUUID("active_version_id"),
                        row.getInteger("active_number"),
                        row.getInteger("latest_number")),
                new TemplateView.Standing(
                        row.getString("deprecated_reason"), pause(row), LevelPause.all(PauseColumns.in(row))),
                Rows.instant(row, "created_at"));
    }

    private static final String VERSIONS = """
            SELECT v.id, v.number, v.id IS NOT DISTINCT FROM t.active_version_id AS active, v.backend,
                   (SELECT jsonb_object_agg(key, CASE jsonb_typeof(value) WHEN 'object' THEN (value ->> 'bytes')::bigint
                               ELSE octet_length(value #>> '{}') END) FROM jsonb_each(v.files)) AS files,
                   v.tags, v.start_timeout_seconds, u.name AS created_by, v.created_at,
                   (SELECT jsonb_agg(jsonb_build_object('name', p.name, 'type', p.type, 'required', p.required,
                               'mutable', p.mutable, 'sensitive', p.sensitive, 'default', p.default_value,
                               'sealed', p.default_sealed IS NOT NULL, 'late', p.late,
                               'description', p.description, 'limits', p.limits::text) ORDER BY p.ordinal)
                      FROM version_parameters p WHERE p.version_id = v.id) AS parameters
              FROM templates t
              JOIN organizations o ON o.id = t.organization_id
              JOIN template_versions v ON v.template_id = t.id
              JOIN users u ON u.id = v.created_by
             WHERE t.deleted_at IS NULL
            """;

    private static final Sql VERSIONS_OF_TEMPLATE = Sql.of(
            VERSIONS + " AND " + NAMED + """
               AND (:before::uuid IS NULL OR v.number < (SELECT number FROM template_versions WHERE id = :before))
             ORDER BY v.number DESC LIMIT :limit""", "organization_name", "template", "organization", "before", "limit");

    /** The versions of a template, newest first; empty also where there is no such template. */
    public Uni<List<VersionView>> versions(TemplateName name, Optional<UUID> before, int limit) {
        return VERSIONS_OF_TEMPLATE
                .on(pool, name.organization(), name.template(), name.callersOrganization(), before.orElse(null), limit)
                .map(rows -> Rows.list(rows, CatalogReads::version));
    }

    private static final Sql VERSION = Sql.of(
            VERSIONS + " AND " + NAMED + " AND v.number = :number",
            "organization_name",
            "template",
            "organization",
            "number");

    public Uni<Optional<VersionView>> version(TemplateName name, int number) {
        return VERSION.on(pool, name.organization(), name.template(), name.callersOrganization(), number)
                .map(rows -> Rows.first(rows, CatalogReads::version));
    }

    private static VersionView version(Row row) {
        return new VersionView(
                row.getUUID("id"),
                row.getInteger("number"),
                row.getBoolean("active"),
                new VersionView.Construction(
                        row.getString("backend"),
                        byName(row.getJsonObject("files"), size -> ((Number) size).longValue()),
                        declared(row.getJsonObject("tags")),
                        row.getInteger("start_timeout_seconds")),
                each(row.getJsonArray("parameters"), CatalogReads::parameter),
                row.getString("created_by"),
                Rows.instant(row, "created_at"));
    }

    private static Map<String, String> declared(JsonObject tags) {
        Map<String, String> declared = byName(tags, String::valueOf);
        declared.keySet().removeIf(name -> !TagMatch.isDeclared(name));
        return declared;
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
                defaultValue,
                choice(json, ParameterLimits.of(json.getString("limits"))));
    }

    private static VersionView.Choice choice(JsonObject json, ParameterLimits limits) {
        return new VersionView.Choice(
                json.getBoolean("late"),
                json.getString("description"),
                limits.allowed(),
                limits.min(),
                limits.max(),
                limits.minLength(),
                limits.maxLength(),
                limits.pattern());
    }

    private static final String PRESETS = """
            SELECT p.id, p.name, p.organization_id, o.name AS organization, t.id AS template_id, t.name AS template,
                   v.id AS version_id, v.number,
                   v.id IS NOT DISTINCT FROM t.active_version_id AND t.deprecated_reason IS NULL AS active,
                   (SELECT jsonb_agg(jsonb_build_object('name', d.name, 'value', d.value,
                               'sensitive', d.sealed IS NOT NULL) ORDER BY d.name)
                      FROM preset_parameters d WHERE d.preset_id = p.id) AS parameters,
                   p.instances, p.ttl_seconds, p.timezone, p.claim_order, p.max_uses, l.jobs AS max_jobs,
                   l.deletes AS max_deletes, p.on_drift, p.drift_interval_seconds, v.backend,
                   {rollout},
                   (SELECT jsonb_agg(jsonb_build_object('cron', s.cron, 'instances', s.instances) ORDER BY s.ordinal)
                      FROM preset_schedules s WHERE s.preset_id = p.id) AS schedules,
                   p.status, p.status_reason, p.last_invalidated_at, p.stale_from, p.pause_scope, p.pause_until
              FROM presets p
              JOIN template_versions v ON v.id = p.version_id
              JOIN templates t ON t.id = p.template_id
              JOIN organizations o ON o.id = p.organization_id
              LEFT JOIN job_limits l ON l.scope = p.id
             WHERE t.deleted_at IS NULL
            """.replace("{rollout}", RolloutColumns.of("p"));

    private static final Sql PRESETS_OF =
            Sql.of(PRESETS + " AND p.version_id = :version ORDER BY p.ordinal", "version");

    /** The presets of a version, in declared order. */
    public Uni<List<PresetView>> presetsOf(UUID version) {
        return presetsOf(pool, version);
    }

    static Uni<List<PresetView>> presetsOf(SqlClient client, UUID version) {
        return PRESETS_OF.on(client, version).map(rows -> Rows.list(rows, CatalogReads::preset));
    }

    private static final Sql PRESET_BY_ID =
            Sql.of(PRESETS + " AND p.id = :preset AND " + Rules.visibleTo("o.id"), "preset", "organization");

    /** A preset of any version, active or not; none of a deleted template. */
    public Uni<Optional<PresetView>> preset(Caller caller, UUID preset) {
        return PRESET_BY_ID
                .on(pool, preset, caller.organization().orElse(null))
                .map(rows -> Rows.first(rows, CatalogReads::preset));
    }

    private static PresetView preset(Row row) {
        return new PresetView(
                new PresetView.Identity(
                        row.getUUID("id"),
                        row.getString("name"),
                        row.getUUID("organization_id"),
                        row.getString("organization"),
                        row.getUUID("template_id"),
                        row.getString("template"),
                        row.getUUID("version_id"),
                        row.getInteger("number")),
                row.getBoolean("active"),
                each(
                        row.getJsonArray("parameters"),
                        json -> new PresetView.Value(
                                json.getString("name"), json.getString("value"), json.getBoolean("sensitive"))),
                pool(row),
                row.getString("status"),
                row.getString("status_reason"),
                new PresetView.Invalidated(
                        Rows.instantOrNull(row, "last_invalidated_at"), Rows.instantOrNull(row, "stale_from")),
                pause(row));
    }

    private static PresetView.Pool pool(Row row) {
        Integer instances = row.getInteger("instances");
        return new PresetView.Pool(
                instances,
                row.getLong("ttl_seconds"),
                row.getString("timezone"),
                instances == null ? null : row.getString("claim_order"),
                instances == null ? null : row.getInteger("max_uses"),
                new PresetView.Renewal(
                        row.getInteger("max_jobs"),
                        row.getInteger("max_deletes"),
                        instances == null ? null : PresetView.RolloutView.of(RolloutColumns.in(row))),
                new PresetView.OnDrift(
                        instances == null || !row.getString("backend").equals("terraform")
                                ? null
                                : row.getString("on_drift"),
                        row.getInteger("drift_interval_seconds")),
                each(
                        row.getJsonArray("schedules"),
                        json -> new PresetView.ScheduleView(json.getString("cron"), json.getInteger("instances"))));
    }

    /** Null where nothing is paused. */
    static @Nullable PauseView pause(Row row) {
        String scope = row.getString("pause_scope");
        return scope == null
                ? null
                : new PauseView(PauseScope.of(scope).word(), Rows.instantOrNull(row, "pause_until"));
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
