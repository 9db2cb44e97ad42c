package dev.larder.claim;

import dev.larder.claim.Claimable.Order;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.PresetNames;
import dev.larder.lifecycle.Rules;
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
import org.jspecify.annotations.Nullable;

/** Finds the presets that a request means (design, section 3.2). */
@ApplicationScoped
public class PresetReads {

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

    private static final Sql FIND_PRESETS = Sql.of(
            """
            SELECT p.id, p.name, p.claim_order,
                   (SELECT v.verify_step FROM template_versions v WHERE v.id = p.version_id) AS verify_step
              FROM organizations o
              JOIN templates t ON t.organization_id = o.id AND t.deleted_at IS NULL
              JOIN presets p ON p.version_id = t.active_version_id
             WHERE (:organization_name::text IS NULL OR o.id = {named}) AND t.name = :template AND p.name = ANY (:presets::text[])
               AND {visible}""".replace("{visible}", Rules.visibleTo("o.id")).replace("{named}", Rules.ORGANIZATION_ID),
            "organization_name",
            "template",
            "presets",
            "organization");

    /**
     * Those of these presets that the template's active version has, by their names.
     *
     * @param organization its name or its id; empty for the caller's own, which must be given then
     */
    public Uni<Map<String, Claimable>> findPresets(
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

    private static Map<String, Claimable> byName(RowSet<Row> rows) {
        Map<String, Claimable> named = new HashMap<>();
        rows.forEach(row -> named.put(row.getString("name"), claimable(row)));
        return named;
    }

    // A sensitive value cannot be compared, so that a preset with one is never found by its parameters.
    private static final Sql FIND_BY_PARAMETERS = Sql.of(
            """
            SELECT p.id, p.claim_order,
                   (SELECT v.verify_step FROM template_versions v WHERE v.id = p.version_id) AS verify_step,
                   (SELECT jsonb_agg(jsonb_build_object('name', q.name, 'type', q.type, 'sensitive', q.sensitive,
                                                        'standard', CASE WHEN s.name IS NULL THEN q.default_value ELSE s.value END)
                                     ORDER BY q.ordinal)
                      FROM version_parameters q LEFT JOIN preset_parameters s ON s.preset_id = p.id AND s.name = q.name
                     WHERE q.version_id = p.version_id) AS declared
              FROM organizations o
              JOIN templates t ON t.organization_id = o.id AND t.deleted_at IS NULL
              JOIN presets p ON p.version_id = t.active_version_id
              LEFT JOIN preset_parameters g ON g.preset_id = p.id
              LEFT JOIN unnest(:names::text[], :values::text[]) a (name, value) ON a.name = g.name AND a.value = g.value
             WHERE (:organization_name::text IS NULL OR o.id = {named}) AND t.name = :template
               AND {visible}
             GROUP BY p.id
            HAVING count(g.name) = count(a.name)
             ORDER BY count(g.name) DESC, p.name
             LIMIT 1""".replace("{visible}", Rules.visibleTo("o.id")).replace("{named}", Rules.ORGANIZATION_ID),
            "organization_name",
            "template",
            "names",
            "values",
            "organization");

    /**
     * The preset all of whose parameters are among these; the one with most of them, then the first by name
     * (design, section 3.2).
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
                .map(rows -> Rows.first(rows, PresetReads::fitting));
    }

    /**
     * A preset that was found by parameters.
     *
     * @param declared all parameters of its version
     */
    public record Fitting(Claimable preset, List<Declared> declared) {}

    /**
     * A parameter as stock of the preset has it.
     *
     * @param type {@code string}, {@code number} or {@code bool}
     * @param standard the preset's value, or else the default; null where there is none, and where it is
     *     sealed
     */
    public record Declared(
            String name,
            String type,
            boolean sensitive,
            @Nullable String standard) {}

    private static Fitting fitting(Row row) {
        List<Declared> declared = new ArrayList<>();
        if (row.getValue("declared") instanceof JsonArray all) {
            for (int i = 0; i < all.size(); i++) {
                JsonObject one = all.getJsonObject(i);
                declared.add(new Declared(
                        one.getString("name"),
                        one.getString("type"),
                        Boolean.TRUE.equals(one.getBoolean("sensitive")),
                        one.getString("standard")));
            }
        }
        return new Fitting(claimable(row), List.copyOf(declared));
    }

    /** Which name of a request that finds no preset is the first unknown one: organization, template or preset. */
    public Uni<String> unknown(Optional<String> organization, String template, Optional<UUID> callersOrganization) {
        return names.unknown(callersOrganization, organization, template);
    }

    private static final Sql FIND_PRESET =
            Sql.of("""
            SELECT p.id, p.claim_order, v.verify_step
              FROM presets p JOIN template_versions v ON v.id = p.version_id
             WHERE p.id = :preset AND {visible}""".replace("{visible}", Rules.visibleTo("p.organization_id")), "preset", "organization");

    /** This preset, whether it is active or not. */
    public Uni<Optional<Claimable>> findPreset(UUID preset, Optional<UUID> callersOrganization) {
        return FIND_PRESET
                .on(client, preset, callersOrganization.orElse(null))
                .map(rows -> Rows.first(rows, PresetReads::claimable));
    }
}
