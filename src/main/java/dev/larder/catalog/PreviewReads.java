package dev.larder.catalog;

import dev.larder.catalog.Preview.Flat;
import dev.larder.catalog.Preview.Value;
import dev.larder.database.Encryption;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.model.Durations;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlClient;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Reads versions in the form in which a preview compares them. Sensitive values are compared, and never shown. */
final class PreviewReads {

    private final Encryption encryption;

    PreviewReads(Encryption encryption) {
        this.encryption = encryption;
    }

    private static final Sql VERSION = Sql.of("""
            SELECT v.id, v.backend, v.start_timeout_seconds, v.tags,
                   (SELECT jsonb_object_agg(f.key, 'sha256:' || encode(sha256(convert_to(f.value, 'UTF8')), 'hex'))
                      FROM jsonb_each_text(v.files) f) AS files
              FROM template_versions v WHERE v.template_id = :template AND v.number = :number""", "template", "number");

    /** @param number null where no version is active */
    Uni<Flat> flat(SqlClient client, UUID template, @Nullable Integer number) {
        if (number == null) {
            return Uni.createFrom().item(Flat.NOTHING);
        }
        return VERSION.on(client, template, number)
                .map(rows -> rows.iterator().next())
                .chain(version -> flat(client, version));
    }

    private Uni<Flat> flat(SqlClient client, Row version) {
        UUID id = version.getUUID("id");
        Map<String, Value> fields = new HashMap<>();
        fields.put("backend", Value.of(version.getString("backend")));
        fields.put("startTimeout", seconds(version.getInteger("start_timeout_seconds")));
        texts(version.getJsonObject("tags")).forEach((name, text) -> fields.put("tags." + name, Value.of(text)));
        texts(version.getJsonObject("files")).forEach((path, digest) -> fields.put("files." + path, Value.of(digest)));
        return PARAMETERS
                .on(client, id)
                .invoke(rows -> rows.forEach(row -> parameter(id, row, fields)))
                .chain(() -> CatalogReads.presetsOf(client, id))
                .chain(presets -> SECRETS.on(client, id)
                        .map(rows -> new Flat(fields, presets(presets, Rows.list(rows, this::secret)))));
    }

    private static Map<String, String> texts(@Nullable JsonObject json) {
        Map<String, String> texts = new HashMap<>();
        if (json != null) {
            json.forEach(one -> texts.put(one.getKey(), String.valueOf(one.getValue())));
        }
        return texts;
    }

    private static final Sql PARAMETERS = Sql.of("""
            SELECT name, type, required, mutable, sensitive, default_value, default_sealed
              FROM version_parameters WHERE version_id = :version""", "version");

    private void parameter(UUID version, Row row, Map<String, Value> fields) {
        String name = "parameters." + row.getString("name");
        fields.put(name + ".type", Value.of(row.getString("type")));
        for (String flag : List.of("required", "mutable", "sensitive")) {
            fields.put(name + "." + flag, Value.of(String.valueOf(row.getBoolean(flag))));
        }
        put(fields, name + ".default", row.getString("default_value"));
        if (row.getBuffer("default_sealed") != null) {
            String clear =
                    encryption.decrypt(version, row.getBuffer("default_sealed").getBytes());
            fields.put(name + ".default", new Value(clear, true));
        }
    }

    private static final Sql SECRETS = Sql.of("""
            SELECT p.id, p.name AS preset, g.name, g.sealed
              FROM presets p JOIN preset_parameters g ON g.preset_id = p.id
             WHERE p.version_id = :version AND g.sealed IS NOT NULL""", "version");

    private record Secret(String preset, String name, String clear) {}

    private Secret secret(Row row) {
        String clear =
                encryption.decrypt(row.getUUID("id"), row.getBuffer("sealed").getBytes());
        return new Secret(row.getString("preset"), row.getString("name"), clear);
    }

    private static Map<String, Map<String, Value>> presets(List<PresetView> presets, List<Secret> secrets) {
        Map<String, Map<String, Value>> flat = new HashMap<>();
        presets.forEach(preset -> flat.put(preset.identity().name(), fields(preset)));
        for (Secret secret : secrets) {
            Map<String, Value> fields = flat.get(secret.preset());
            if (fields != null) {
                fields.put("parameters." + secret.name(), new Value(secret.clear(), true));
            }
        }
        return flat;
    }

    private static Map<String, Value> fields(PresetView preset) {
        Map<String, Value> fields = new HashMap<>();
        preset.parameters().forEach(value -> put(fields, "parameters." + value.name(), value.value()));
        PresetView.Pool pool = preset.pool();
        put(fields, "instances", pool.instances());
        if (pool.ttlSeconds() != null) {
            fields.put("ttl", seconds(pool.ttlSeconds()));
        }
        put(fields, "timezone", pool.timezone());
        put(fields, "claimOrder", pool.claimOrder());
        put(fields, "maxUses", pool.maxUses());
        put(fields, "maxJobs", pool.renewal().maxJobs());
        put(fields, "maxDeletes", pool.renewal().maxDeletes());
        PresetView.RolloutView rollout = pool.renewal().rollout();
        if (rollout != null) {
            rollout(fields, rollout);
        }
        put(fields, "onDrift", pool.drift().onDrift());
        Integer driftInterval = pool.drift().driftIntervalSeconds();
        if (driftInterval != null) {
            fields.put("driftInterval", seconds(driftInterval));
        }
        for (int index = 0; index < pool.schedules().size(); index++) {
            PresetView.ScheduleView schedule = pool.schedules().get(index);
            fields.put("schedules[" + index + "]", Value.of(schedule.cron() + ": " + schedule.instances()));
        }
        return fields;
    }

    private static void rollout(Map<String, Value> fields, PresetView.RolloutView rollout) {
        put(fields, "rollout.strategy", rollout.strategy());
        put(fields, "rollout.maxSurge", rollout.maxSurge());
        put(fields, "rollout.maxUnavailable", rollout.maxUnavailable());
        put(fields, "rollout.onFailure", rollout.onFailure());
        put(fields, "rollout.serveOld", rollout.serveOld());
        put(fields, "rollout.expiryJitter", rollout.expiryJitter());
        fields.put("rollout.deadline", seconds(rollout.deadlineSeconds()));
        PresetView.CanaryView canary = rollout.canary();
        if (canary != null) {
            put(fields, "rollout.canary.instances", canary.instances());
            put(fields, "rollout.canary.verify", canary.verify());
            put(fields, "rollout.canary.trialClaim", canary.trialClaim());
            fields.put("rollout.canary.deadline", seconds(canary.deadlineSeconds()));
        }
    }

    private static void put(Map<String, Value> fields, String name, @Nullable Object value) {
        if (value != null) {
            fields.put(name, Value.of(String.valueOf(value)));
        }
    }

    private static Value seconds(long seconds) {
        return Value.of(Durations.written(Duration.ofSeconds(seconds)));
    }
}
