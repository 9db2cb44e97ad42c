package dev.larder.jobs;

import dev.larder.database.Encryption;
import dev.larder.database.Rows;
import dev.larder.model.Assignment;
import dev.larder.model.Lease;
import dev.larder.model.StateAccess;
import dev.larder.model.Target;
import dev.larder.model.Transition;
import dev.larder.model.UploadedFile;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Row;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Reads the assignments of leased jobs. */
final class AssignmentReads {

    private final Encryption encryption;

    AssignmentReads(Encryption encryption) {
        this.encryption = encryption;
    }

    /**
     * The end of the statements of {@link Leasing}: a row for each leased job, in the order of {@code next}. If no
     * job is leased, one row with the summary, unless the summary is empty.
     */
    private static final String FETCH = """
            SELECT s.held_up, s.more, s.asked_to, s.shared,
                   t.mutation_id, {access}
                   t.id, t.lease_token, t.attempt, t.deadline_at, t.created_at, v.backend, b.transition, b.reason, b.number,
                   b.version_id, b.preset_id, w.outputs_sealed, w.id AS workspace_id, w.name AS workspace_name, w.owner_id, w.prebuild,
                   w.organization_id, o.name AS organization_name, u.name AS owner_name, p.name AS preset_name,
                   m.name AS template_name, v.files,
                   (SELECT coalesce(jsonb_agg(jsonb_build_object(
                               'name', q.name, 'type', q.type, 'sensitive', q.sensitive, 'given', g.name IS NOT NULL,
                               'value', CASE WHEN g.name IS NULL THEN q.default_value ELSE g.value END,
                               'own', w.parameters -> q.name, 'late', w.late_parameters -> q.name,
                               'sealed', encode(CASE WHEN g.name IS NULL THEN q.default_sealed ELSE g.sealed END, 'hex'))
                           ORDER BY q.ordinal), '[]')
                      FROM version_parameters q
                      LEFT JOIN preset_parameters g ON g.preset_id = b.preset_id AND g.name = q.name
                     WHERE q.version_id = b.version_id) AS parameters
              FROM summary s
              LEFT JOIN (taken t
                         JOIN next n ON n.id = t.id
                         JOIN builds b ON b.id = t.build_id
                         JOIN workspaces w ON w.id = t.workspace_id
                         JOIN organizations o ON o.id = w.organization_id
                         JOIN users u ON u.id = w.owner_id
                         JOIN template_versions v ON v.id = b.version_id
                         JOIN templates m ON m.id = v.template_id
                         {entered}
                         LEFT JOIN presets p ON p.id = b.preset_id) ON true
             WHERE t.id IS NOT NULL OR s.held_up OR s.shared OR s.asked_to IS NOT NULL
             ORDER BY n.place""";

    /** Of jobs that begin no mutation. */
    static final String FETCH_WITHOUT_STATES = FETCH.replace("{access}", "").replace("{entered}", "");

    /** Of any jobs, with the access to their states. */
    static final String FETCH_WITH_STATES = FETCH.replace(
                    "{access}", "e.state_id, e.fence, e.current_version, e.state_token,")
            .replace("{entered}", "LEFT JOIN entered e ON e.workspace_id = t.workspace_id");

    static Lease lease(Row row) {
        return new Lease(
                row.getUUID("id"),
                row.getUUID("lease_token"),
                row.getInteger("attempt"),
                row.getUUID("workspace_id"),
                Transition.of(row.getString("transition")),
                row.getString("reason"),
                row.getUUID("mutation_id") != null);
    }

    /** @throws Encryption.UnreadableException if a sensitive parameter or output cannot be decrypted */
    Assignment assignment(Row row) {
        return new Assignment(
                lease(row),
                Rows.instant(row, "deadline_at"),
                row.getInteger("number"),
                new Target(workspace(row), version(row), parameters(row), state(row)));
    }

    private static Target.Version version(Row row) {
        Map<String, String> files = new HashMap<>();
        Map<String, UploadedFile> uploads = new HashMap<>();
        ((JsonObject) row.getValue("files")).forEach(entry -> {
            if (entry.getValue() instanceof JsonObject file) {
                uploads.put(entry.getKey(), new UploadedFile(file.getString("digest"), file.getLong("bytes")));
            } else {
                files.put(entry.getKey(), String.valueOf(entry.getValue()));
            }
        });
        return new Target.Version(
                row.getUUID("version_id"),
                row.getString("backend"),
                row.getString("template_name"),
                row.getString("preset_name"),
                files,
                uploads);
    }

    private static Optional<StateAccess> state(Row row) {
        return Optional.ofNullable(row.getUUID("mutation_id"))
                .map(mutation -> new StateAccess(
                        row.getUUID("state_id"),
                        mutation,
                        row.getLong("fence"),
                        row.getLong("current_version"),
                        row.getString("state_token")));
    }

    private Target.Workspace workspace(Row row) {
        return new Target.Workspace(
                row.getString("workspace_name"),
                row.getUUID("organization_id"),
                row.getString("organization_name"),
                row.getUUID("owner_id"),
                row.getString("owner_name"),
                Boolean.TRUE.equals(row.getBoolean("prebuild")),
                outputs(row));
    }

    private Target.Parameters parameters(Row row) {
        Map<String, String> early = new LinkedHashMap<>();
        Map<String, String> late = new HashMap<>();
        Set<String> sensitive = new HashSet<>();
        Map<String, String> types = new HashMap<>();
        JsonArray parameters = (JsonArray) row.getValue("parameters");
        for (int i = 0; i < parameters.size(); i++) {
            JsonObject parameter = parameters.getJsonObject(i);
            String name = parameter.getString("name");
            Optional.ofNullable(early(row, parameter)).ifPresent(value -> early.put(name, value));
            Optional.ofNullable(parameter.getJsonObject("late")).ifPresent(given -> late.put(name, given(row, given)));
            if (!parameter.getString("type").equals("string")) {
                types.put(name, parameter.getString("type"));
            }
            if (Boolean.TRUE.equals(parameter.getBoolean("sensitive"))) {
                sensitive.add(name);
            }
        }
        if (late.isEmpty()) {
            return new Target.Parameters(early, sensitive, types);
        }
        Map<String, String> values = new LinkedHashMap<>(early);
        values.putAll(late);
        return new Target.Parameters(values, sensitive, types, early);
    }

    /** What a claim gave. A value that an older release sealed is sealed for the workspace. */
    private String given(Row row, JsonObject given) {
        String sealed = given.getString("sealed");
        if (sealed == null) {
            return given.getString("value");
        }
        String of = given.getString("of");
        UUID sealedFor = of == null ? row.getUUID("workspace_id") : UUID.fromString(of);
        return encryption.decrypt(sealedFor, HexFormat.of().parseHex(sealed));
    }

    /** The value of a cold claim wins over the preset's, and the preset's over the default. */
    private @Nullable String early(Row row, JsonObject parameter) {
        JsonObject own = parameter.getJsonObject("own");
        if (own != null) {
            return given(row, own);
        }
        String sealed = parameter.getString("sealed");
        if (sealed == null) {
            return parameter.getString("value");
        }
        boolean given = Boolean.TRUE.equals(parameter.getBoolean("given"));
        UUID sealedFor = row.getUUID(given ? "preset_id" : "version_id");
        return encryption.decrypt(sealedFor, HexFormat.of().parseHex(sealed));
    }

    /**
     * Only builds that work on a started workspace get outputs. A delete must run even if they cannot be decrypted.
     */
    private Map<String, String> outputs(Row row) {
        Buffer sealed = row.getBuffer("outputs_sealed");
        return sealed == null || !Assignment.LATER_STARTS.contains(row.getString("reason"))
                ? Map.of()
                : strings(new JsonObject(encryption.decrypt(row.getUUID("workspace_id"), sealed.getBytes())));
    }

    private static Map<String, String> strings(JsonObject object) {
        Map<String, String> strings = new HashMap<>();
        object.forEach(entry -> strings.put(entry.getKey(), String.valueOf(entry.getValue())));
        return strings;
    }
}
