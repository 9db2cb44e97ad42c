package dev.larder.catalog;

import dev.larder.database.Encryption;
import dev.larder.database.Rows;
import dev.larder.model.Declaration;
import dev.larder.model.Declaration.PresetDeclaration;
import dev.larder.model.Ids;
import dev.larder.model.Parameter;
import dev.larder.model.Schedule;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.SqlConnection;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Writes a version and all that belongs to it: one statement for each table, however many rows. */
final class VersionStore {

    record NewVersion(UUID id, UUID template, UUID organization, byte[] hash, UUID createdBy, Instant createdAt) {}

    private record NewPreset(UUID id, int ordinal, PresetDeclaration declared) {}

    private final Ids ids;
    private final Encryption seal;

    VersionStore(Ids ids, Encryption seal) {
        this.ids = ids;
        this.seal = seal;
    }

    /** @return the number it got */
    Uni<Integer> insert(SqlConnection connection, NewVersion version, Declaration declaration) {
        List<NewPreset> presets = new ArrayList<>();
        for (PresetDeclaration declared : declaration.presets()) {
            presets.add(new NewPreset(ids.next(), presets.size(), declared));
        }
        Set<String> sensitive = declaration.parameters().stream()
                .filter(Parameter::sensitive)
                .map(Parameter::name)
                .collect(Collectors.toSet());
        return insertVersion(connection, version, declaration)
                .call(() -> insertParameters(connection, version, declaration.parameters()))
                .call(() -> insertPresets(connection, version, presets))
                .call(() -> insertLimits(connection, presets))
                .call(() -> insertValues(connection, presets, sensitive))
                .call(() -> insertSchedules(connection, presets));
    }

    // Jobs carry the id of their version's tags: it has to be there before the first job is.
    private static final String INSERT_VERSION = """
            WITH numbered AS (
                UPDATE templates SET latest_number = latest_number + 1 WHERE id = $2 RETURNING latest_number),
            interned AS (
                INSERT INTO tagsets (tags) VALUES ($6::jsonb) ON CONFLICT (tags) DO NOTHING)
            INSERT INTO template_versions (id, template_id, organization_id, number, backend, files, tags,
                                           start_timeout_seconds, content_hash, created_by, created_at)
            SELECT $1, $2, $3, latest_number, $4, $5, $6::jsonb, $7, $8, $9, $10 FROM numbered
            RETURNING number""";

    private static Uni<Integer> insertVersion(SqlConnection connection, NewVersion version, Declaration declaration) {
        return connection
                .preparedQuery(INSERT_VERSION)
                .execute(Tuple.from(Arrays.asList(
                        version.id(),
                        version.template(),
                        version.organization(),
                        declaration.backend(),
                        json(declaration.files()),
                        json(declaration.tags()),
                        Math.toIntExact(declaration.startTimeout().toSeconds()),
                        Buffer.buffer(version.hash()),
                        version.createdBy(),
                        Rows.utc(version.createdAt()))))
                .map(rows -> rows.iterator().next().getInteger("number"));
    }

    private static JsonObject json(Map<String, String> texts) {
        return new JsonObject(new LinkedHashMap<>(texts));
    }

    private static final String INSERT_PARAMETERS = """
            INSERT INTO version_parameters (version_id, ordinal, name, type, required, mutable, sensitive,
                                            default_value, default_sealed)
            SELECT $1, ordinal, name, type, required, mutable, sensitive, clear, sealed
              FROM unnest($2::int[], $3::text[], $4::text[], $5::bool[], $6::bool[], $7::bool[], $8::text[], $9::bytea[])
                   AS declared (ordinal, name, type, required, mutable, sensitive, clear, sealed)""";

    private Uni<Void> insertParameters(SqlConnection connection, NewVersion version, List<Parameter> parameters) {
        int count = parameters.size();
        Integer[] ordinals = new Integer[count];
        String[] names = new String[count];
        String[] types = new String[count];
        Boolean[] required = new Boolean[count];
        Boolean[] mutable = new Boolean[count];
        Boolean[] sensitive = new Boolean[count];
        @Nullable String[] clear = new @Nullable String[count];
        @Nullable Buffer[] sealed = new @Nullable Buffer[count];
        for (int index = 0; index < count; index++) {
            Parameter parameter = parameters.get(index);
            ordinals[index] = index;
            names[index] = parameter.name();
            types[index] = parameter.type();
            required[index] = parameter.required();
            mutable[index] = parameter.mutable();
            sensitive[index] = parameter.sensitive();
            clear[index] = parameter.sensitive() ? null : parameter.defaultValue();
            sealed[index] = parameter.sensitive() ? seal(version.id(), parameter.defaultValue()) : null;
        }
        return connection
                .preparedQuery(INSERT_PARAMETERS)
                .execute(Tuple.from(Arrays.asList(
                        version.id(), ordinals, names, types, required, mutable, sensitive, clear, sealed)))
                .replaceWithVoid();
    }

    private @Nullable Buffer seal(UUID of, @Nullable String clear) {
        return clear == null ? null : Buffer.buffer(seal.seal(of, clear));
    }

    private static final String INSERT_PRESETS = """
            INSERT INTO presets (id, version_id, template_id, organization_id, ordinal, name, instances, ttl_seconds,
                                 timezone, claim_order, max_uses)
            SELECT id, $1, $2, $3, ordinal, name, instances, ttl_seconds, timezone, claim_order, max_uses
              FROM unnest($4::uuid[], $5::int[], $6::text[], $7::int[], $8::bigint[], $9::text[], $10::text[], $11::int[])
                   AS declared (id, ordinal, name, instances, ttl_seconds, timezone, claim_order, max_uses)""";

    private static Uni<Void> insertPresets(SqlConnection connection, NewVersion version, List<NewPreset> presets) {
        int count = presets.size();
        UUID[] presetIds = new UUID[count];
        Integer[] ordinals = new Integer[count];
        String[] names = new String[count];
        @Nullable Integer[] instances = new @Nullable Integer[count];
        @Nullable Long[] ttls = new @Nullable Long[count];
        @Nullable String[] timezones = new @Nullable String[count];
        String[] orders = new String[count];
        Integer[] uses = new Integer[count];
        for (int index = 0; index < count; index++) {
            PresetDeclaration declared = presets.get(index).declared();
            presetIds[index] = presets.get(index).id();
            ordinals[index] = presets.get(index).ordinal();
            names[index] = declared.name();
            instances[index] = declared.instances().orElse(null);
            ttls[index] = declared.ttl().map(Duration::toSeconds).orElse(null);
            timezones[index] = declared.timezone();
            orders[index] = declared.claimOrder();
            uses[index] = declared.maxUses();
        }
        return connection
                .preparedQuery(INSERT_PRESETS)
                .execute(Tuple.from(Arrays.asList(
                        version.id(),
                        version.template(),
                        version.organization(),
                        presetIds,
                        ordinals,
                        names,
                        instances,
                        ttls,
                        timezones,
                        orders,
                        uses)))
                .replaceWithVoid();
    }

    private static final String INSERT_LIMITS = """
            INSERT INTO job_limits (scope, jobs, deletes) SELECT * FROM unnest($1::uuid[], $2::int[], $3::int[])""";

    private static Uni<Void> insertLimits(SqlConnection connection, List<NewPreset> presets) {
        List<NewPreset> limited = presets.stream()
                .filter(preset -> preset.declared().maxJobs().isPresent()
                        || preset.declared().maxDeletes().isPresent())
                .toList();
        if (limited.isEmpty()) {
            return Uni.createFrom().voidItem();
        }
        UUID[] scopes = limited.stream().map(NewPreset::id).toArray(UUID[]::new);
        @Nullable
        Integer[] jobs = limited.stream()
                .map(preset -> preset.declared().maxJobs().orElse(null))
                .toArray(Integer[]::new);
        @Nullable
        Integer[] deletes = limited.stream()
                .map(preset -> preset.declared().maxDeletes().orElse(null))
                .toArray(Integer[]::new);
        return connection
                .preparedQuery(INSERT_LIMITS)
                .execute(Tuple.of(scopes, jobs, deletes))
                .replaceWithVoid();
    }

    private static final String INSERT_VALUES = """
            INSERT INTO preset_parameters (preset_id, name, value, sealed)
            SELECT preset_id, name, clear, sealed
              FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[])
                   AS declared (preset_id, name, clear, sealed)""";

    private Uni<Void> insertValues(SqlConnection connection, List<NewPreset> presets, Set<String> sensitive) {
        List<UUID> of = new ArrayList<>();
        List<String> names = new ArrayList<>();
        List<@Nullable String> clear = new ArrayList<>();
        List<@Nullable Buffer> sealed = new ArrayList<>();
        for (NewPreset preset : presets) {
            preset.declared().parameters().forEach((name, value) -> {
                boolean secret = sensitive.contains(name);
                of.add(preset.id());
                names.add(name);
                clear.add(secret ? null : value);
                sealed.add(secret ? seal(preset.id(), value) : null);
            });
        }
        return connection
                .preparedQuery(INSERT_VALUES)
                .execute(Tuple.of(
                        of.toArray(new UUID[0]),
                        names.toArray(new String[0]),
                        clear.toArray(new @Nullable String[0]),
                        sealed.toArray(new @Nullable Buffer[0])))
                .replaceWithVoid();
    }

    private static final String INSERT_SCHEDULES = """
            INSERT INTO preset_schedules (preset_id, ordinal, cron, instances)
            SELECT preset_id, ordinal, cron, instances
              FROM unnest($1::uuid[], $2::int[], $3::text[], $4::int[])
                   AS declared (preset_id, ordinal, cron, instances)""";

    private static Uni<Void> insertSchedules(SqlConnection connection, List<NewPreset> presets) {
        List<UUID> of = new ArrayList<>();
        List<Integer> ordinals = new ArrayList<>();
        List<String> crons = new ArrayList<>();
        List<Integer> instances = new ArrayList<>();
        for (NewPreset preset : presets) {
            int ordinal = 0;
            for (Schedule schedule : preset.declared().schedules()) {
                of.add(preset.id());
                ordinals.add(ordinal++);
                crons.add(schedule.cron());
                instances.add(schedule.instances());
            }
        }
        return connection
                .preparedQuery(INSERT_SCHEDULES)
                .execute(Tuple.of(
                        of.toArray(new UUID[0]),
                        ordinals.toArray(new Integer[0]),
                        crons.toArray(new String[0]),
                        instances.toArray(new Integer[0])))
                .replaceWithVoid();
    }
}
