package dev.larder.claim;

import dev.larder.claim.Claimable.Order;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.PresetNames;
import dev.larder.lifecycle.Rules;
import dev.larder.model.ParameterLimits;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Finds the presets that a request means (design, section 3.2). */
@ApplicationScoped
public class PresetReads {

    /** Presets that are looked at for one request by parameters. */
    private static final int MEMBERS_MAX = 1_000;

    private final Pool client;
    private final PresetNames names;

    public PresetReads(Pool client) {
        this.client = client;
        this.names = new PresetNames(client);
    }

    static Claimable claimable(Row row) {
        return new Claimable(
                row.getUUID("id"),
                Order.valueOf(row.getString("claim_order").toUpperCase(Locale.ROOT)),
                Boolean.TRUE.equals(row.getBoolean("verify_step")));
    }

    /** A value: the edition of a {@link Line}, from a member's rollout {@code r}, which may be missing. */
    static final String EDITION = "coalesce(r.id || ' ' || extract(epoch FROM r.phase_at), '')";

    private static final String MEMBER = """
            p.id, p.name, p.claim_order, v.verify_step, {edition} AS edition""".replace("{edition}", EDITION);

    // The preset n, and the others of its rollout.
    private static final String MEMBERS = """
              JOIN presets p ON (p.id = n.id OR p.rollout_id = n.rollout_id) AND p.rollout_role IS DISTINCT FROM 'canary'
              JOIN template_versions v ON v.id = p.version_id
              LEFT JOIN rollouts r ON r.id = p.rollout_id
            """;

    private static final String IN_ORDER = " ORDER BY p.rollout_role IS NOT DISTINCT FROM 'before', v.number DESC";

    private static final Sql FIND_PRESETS = Sql.of(
            "SELECT " + MEMBER + """

              FROM organizations o
              JOIN templates t ON t.organization_id = o.id AND t.deleted_at IS NULL
              JOIN presets n ON n.version_id = t.active_version_id
            """ + MEMBERS
                    + """
             WHERE (:organization_name::text IS NULL OR o.id = {named}) AND t.name = :template AND n.name = ANY (:presets::text[])
               AND {visible}""".replace("{visible}", Rules.visibleTo("o.id")).replace("{named}", Rules.ORGANIZATION_ID)
                    + IN_ORDER,
            "organization_name",
            "template",
            "presets",
            "organization");

    /**
     * Those of these presets that the template's active version has, by their names, with what a rollout replaces.
     *
     * @param organization its name or its id; empty for the caller's own, which must be given then
     */
    public Uni<Map<String, Line>> findPresets(
            Optional<String> organization, String template, List<String> presets, Optional<UUID> callersOrganization) {
        return FIND_PRESETS
                .on(
                        client,
                        organization.orElse(null),
                        template,
                        presets.toArray(String[]::new),
                        callersOrganization.orElse(null))
                .map(PresetReads::byName);
    }

    private static Map<String, Line> byName(RowSet<Row> rows) {
        Map<String, List<Row>> named = new HashMap<>();
        rows.forEach(row -> named.computeIfAbsent(row.getString("name"), unseen -> new ArrayList<>())
                .add(row));
        Map<String, Line> lines = new HashMap<>();
        named.forEach((name, members) -> lines.put(name, line(members)));
        return lines;
    }

    private static Line line(List<Row> members) {
        return new Line(
                members.stream().map(PresetReads::claimable).toList(),
                members.getFirst().getString("edition"));
    }

    // A value: the parameters of the preset's version, as the stock of the preset p has them.
    private static final String PARAMETERS = """
            (SELECT jsonb_agg(jsonb_build_object('name', q.name, 'type', q.type, 'sensitive', q.sensitive, 'late', q.late,
                                                 'limits', q.limits::text,
                                                 'standard', CASE WHEN s.name IS NULL THEN q.default_value ELSE s.value END)
                                     ORDER BY q.ordinal)
                      FROM version_parameters q LEFT JOIN preset_parameters s ON s.preset_id = p.id AND s.name = q.name
                     WHERE q.version_id = p.version_id) AS declared""";

    private static final Sql DECLARED =
            Sql.of("SELECT p.id, " + PARAMETERS + " FROM presets p WHERE p.id = ANY (:presets::uuid[])", "presets");

    /** The parameters of each preset's version. */
    Uni<Map<UUID, List<Declared>>> declared(List<UUID> presets) {
        return DECLARED.on(client, (Object) presets.toArray(UUID[]::new)).map(PresetReads::declared);
    }

    private static Map<UUID, List<Declared>> declared(Iterable<Row> rows) {
        Map<UUID, List<Declared>> byPreset = new HashMap<>();
        rows.forEach(row -> byPreset.put(row.getUUID("id"), declared(row)));
        return byPreset;
    }

    // How many parameters the first of a line has: a version before makes no line fit better.
    private static final String OF_THE_HEAD = """
            first_value(count(g.name)) OVER (PARTITION BY p.name ORDER BY p.rollout_role IS NOT DISTINCT FROM 'before', v.number DESC)""";

    // A sensitive value cannot be compared, so that a preset with one is never found by its parameters. A late value is
    // given to any preset's workspace, so that it chooses none.
    private static final Sql FIND_BY_PARAMETERS = Sql.of(
            "SELECT " + MEMBER + ", " + PARAMETERS + """

              FROM organizations o
              JOIN templates t ON t.organization_id = o.id AND t.deleted_at IS NULL
              JOIN presets n ON n.version_id = t.active_version_id
            """ + MEMBERS
                    + """
              LEFT JOIN preset_parameters g ON g.preset_id = p.id
                    AND NOT EXISTS (SELECT FROM version_parameters q WHERE q.version_id = p.version_id AND q.name = g.name AND q.late)
              LEFT JOIN unnest(:names::text[], :values::text[]) a (name, value) ON a.name = g.name AND a.value = g.value
             WHERE (:organization_name::text IS NULL OR o.id = {named}) AND t.name = :template
               AND {visible}
             GROUP BY p.id, v.id, r.id
            HAVING count(g.name) = count(a.name)""".replace("{visible}", Rules.visibleTo("o.id")).replace("{named}", Rules.ORGANIZATION_ID)
                    + IN_ORDER.replace("ORDER BY", "ORDER BY " + OF_THE_HEAD + " DESC, p.name,") + " LIMIT "
                    + MEMBERS_MAX,
            "organization_name",
            "template",
            "names",
            "values",
            "organization");

    /**
     * The preset all of whose parameters, except late ones, are among these; the one with most of them, then the
     * first by name (design, section 3.2). Those of its line come with it of which the same is true.
     */
    public Uni<Optional<Fitting>> findByParameters(
            Optional<String> organization,
            String template,
            Map<String, String> parameters,
            Optional<UUID> callersOrganization) {
        List<Map.Entry<String, String>> entries = List.copyOf(parameters.entrySet());
        return FIND_BY_PARAMETERS
                .on(
                        client,
                        organization.orElse(null),
                        template,
                        entries.stream().map(Map.Entry::getKey).toArray(String[]::new),
                        entries.stream().map(Map.Entry::getValue).toArray(String[]::new),
                        callersOrganization.orElse(null))
                .map(PresetReads::fitting);
    }

    /**
     * Presets of one line that were found by parameters.
     *
     * @param declared all parameters of each one's version
     */
    public record Fitting(Line line, Map<UUID, List<Declared>> declared) {}

    /**
     * A parameter as stock of the preset has it.
     *
     * @param type one of {@link dev.larder.model.ParameterValue#TYPES}
     * @param late whether a workspace in stock can be given another value
     * @param standard the preset's value, or else the default; null where there is none, and where it is
     *     sealed
     */
    public record Declared(
            String name,
            String type,
            boolean sensitive,
            boolean late,
            ParameterLimits limits,
            @Nullable String standard) {}

    private static Optional<Fitting> fitting(RowSet<Row> rows) {
        List<Row> all = Rows.list(rows, Function.identity());
        if (all.isEmpty()) {
            return Optional.empty();
        }
        String name = all.getFirst().getString("name");
        List<Row> members =
                all.stream().filter(row -> name.equals(row.getString("name"))).toList();
        return Optional.of(new Fitting(line(members), declared(members)));
    }

    private static List<Declared> declared(Row row) {
        List<Declared> declared = new ArrayList<>();
        if (row.getValue("declared") instanceof JsonArray all) {
            for (int i = 0; i < all.size(); i++) {
                declared.add(declared(all.getJsonObject(i)));
            }
        }
        return List.copyOf(declared);
    }

    private static Declared declared(JsonObject one) {
        return new Declared(
                one.getString("name"),
                one.getString("type"),
                Boolean.TRUE.equals(one.getBoolean("sensitive")),
                Boolean.TRUE.equals(one.getBoolean("late")),
                ParameterLimits.of(one.getString("limits")),
                one.getString("standard"));
    }

    /** Which name of a request that finds no preset is the first unknown one: organization, template or preset. */
    public Uni<String> unknown(Optional<String> organization, String template, Optional<UUID> callersOrganization) {
        return names.unknown(callersOrganization, organization, template);
    }

    private static final Sql FIND_PRESET = Sql.of(
            "SELECT " + MEMBER + " FROM presets n " + MEMBERS
                    + "WHERE n.id = :preset AND {visible}".replace("{visible}", Rules.visibleTo("n.organization_id"))
                    + IN_ORDER,
            "preset",
            "organization");

    /** The line of this preset; the preset alone where no rollout has it, whether it is active or not. */
    public Uni<Optional<Line>> findPreset(UUID preset, Optional<UUID> callersOrganization) {
        return FIND_PRESET
                .on(client, preset, callersOrganization.orElse(null))
                .map(rows -> Rows.list(rows, Function.identity()))
                .map(members -> members.isEmpty() ? Optional.empty() : Optional.of(line(members)));
    }
}
