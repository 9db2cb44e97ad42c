package dev.larder.catalog;

import dev.larder.database.Encryption;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.RolloutColumns;
import dev.larder.model.Declaration;
import dev.larder.model.Declaration.PresetDeclaration;
import dev.larder.model.Ids;
import dev.larder.model.Parameter;
import dev.larder.model.Schedule;
import dev.larder.model.module.TerraformModule;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.SqlConnection;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Writes a version with its parameters, presets, limits and schedules: one statement for each table. */
final class VersionStore {

    /**
     * The fingerprints of a declaration.
     *
     * @param content of its texts
     * @param byDigests the same, in which every file counts by its digest
     */
    record Hashes(byte[] content, byte[] byDigests) {}

    /** @param sizes in bytes of the uploaded files, by digest; each is locked */
    record NewVersion(
            UUID id,
            UUID template,
            UUID organization,
            Hashes hashes,
            UUID createdBy,
            Instant createdAt,
            Map<String, Long> sizes) {}

    private record NewPreset(UUID id, int ordinal, PresetDeclaration declared) {}

    private final Ids ids;
    private final Encryption encryption;

    VersionStore(Ids ids, Encryption encryption) {
        this.ids = ids;
        this.encryption = encryption;
    }

    /** @return the version's number */
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
                .call(() -> FileReferenceStore.insert(
                        connection, version.id(), version.organization(), declaration.uploads()))
                .call(() -> insertParameters(connection, version, declaration.parameters()))
                .call(() -> insertPresets(connection, version, presets))
                .call(() -> insertLimits(connection, presets))
                .call(() -> insertValues(connection, presets, sensitive))
                .call(() -> insertSchedules(connection, presets));
    }

    // A job carries the id of its version's tag set, which must exist before the first job.
    private static final Sql INSERT_VERSION = Sql.of(
            """
            WITH numbered AS (
                UPDATE templates SET latest_number = latest_number + 1 WHERE id = :template RETURNING latest_number),
            interned AS (
                INSERT INTO tagsets (tags) VALUES (:tags::jsonb) ON CONFLICT (tags) DO NOTHING)
            INSERT INTO template_versions (id, template_id, organization_id, number, backend, files, tags,
                                           start_timeout_seconds, claim_step, content_hash, digest_hash, created_by,
                                           created_at)
            SELECT :id, :template, :organization, latest_number, :backend, :files, :tags::jsonb, :start_timeout,
                   :claim_step::boolean, :hash, :digests, :created_by, :created_at
              FROM numbered
            RETURNING number""",
            "id",
            "template",
            "organization",
            "backend",
            "files",
            "tags",
            "start_timeout",
            "claim_step",
            "hash",
            "digests",
            "created_by",
            "created_at");

    private static Uni<Integer> insertVersion(SqlConnection connection, NewVersion version, Declaration declaration) {
        return INSERT_VERSION
                .on(
                        connection,
                        version.id(),
                        version.template(),
                        version.organization(),
                        declaration.backend(),
                        FileReferences.json(declaration, version.sizes()),
                        json(FileReferences.tags(declaration)),
                        Math.toIntExact(declaration.startTimeout().toSeconds()),
                        hasClaimStep(declaration),
                        Buffer.buffer(version.hashes().content()),
                        Buffer.buffer(version.hashes().byDigests()),
                        version.createdBy(),
                        Rows.utc(version.createdAt()))
                .map(rows -> rows.iterator().next().getInteger("number"));
    }

    /** Whether a claim begins a build that prepares the workspace for its user; null where the database can tell. */
    private static @Nullable Boolean hasClaimStep(Declaration declaration) {
        return declaration.backend().equals("terraform")
                ? TerraformModule.of(declaration.files()).declares(TerraformModule.CLAIMED)
                : null;
    }

    private static JsonObject json(Map<String, String> texts) {
        return new JsonObject(new LinkedHashMap<>(texts));
    }

    private static final Sql INSERT_PARAMETERS = Sql.of(
            """
            INSERT INTO version_parameters (version_id, ordinal, name, type, required, mutable, sensitive, late,
                                            description, limits, default_value, default_sealed)
            SELECT :version, ordinal, name, type, required, mutable, sensitive, late, description, limits::jsonb,
                   clear, sealed
              FROM unnest(:ordinals::int[], :names::text[], :types::text[], :required::bool[], :mutable::bool[],
                          :sensitive::bool[], :late::bool[], :descriptions::text[], :limits::text[], :clear::text[],
                          :sealed::bytea[])
                   AS declared (ordinal, name, type, required, mutable, sensitive, late, description, limits, clear,
                                sealed)""",
            "version",
            "ordinals",
            "names",
            "types",
            "required",
            "mutable",
            "sensitive",
            "late",
            "descriptions",
            "limits",
            "clear",
            "sealed");

    private Uni<Void> insertParameters(SqlConnection connection, NewVersion version, List<Parameter> parameters) {
        return INSERT_PARAMETERS
                .on(
                        connection,
                        version.id(),
                        IntStream.range(0, parameters.size()).boxed().toArray(Integer[]::new),
                        each(parameters, Parameter::name, String[]::new),
                        each(parameters, Parameter::type, String[]::new),
                        each(parameters, Parameter::required, Boolean[]::new),
                        each(parameters, Parameter::mutable, Boolean[]::new),
                        each(parameters, Parameter::sensitive, Boolean[]::new),
                        each(parameters, Parameter::late, Boolean[]::new),
                        each(parameters, Parameter::description, String[]::new),
                        each(parameters, one -> one.limits().json(), String[]::new),
                        each(parameters, one -> one.sensitive() ? null : one.defaultValue(), String[]::new),
                        each(
                                parameters,
                                one -> one.sensitive() ? encrypt(version.id(), one.defaultValue()) : null,
                                Buffer[]::new))
                .replaceWithVoid();
    }

    private static <T> @Nullable T[] each(
            List<Parameter> parameters, Function<Parameter, @Nullable T> field, IntFunction<@Nullable T[]> array) {
        return parameters.stream().map(field).toArray(array);
    }

    private @Nullable Buffer encrypt(UUID of, @Nullable String clear) {
        return clear == null ? null : Buffer.buffer(encryption.encrypt(of, clear));
    }

    private static final Sql INSERT_PRESETS = Sql.of(
            """
            INSERT INTO presets (id, version_id, template_id, organization_id, ordinal, name, instances, ttl_seconds,
                                 timezone, claim_order, max_uses, on_drift, drift_interval_seconds, {rollout})
            SELECT d.id, :version, :template, :organization, d.ordinal, d.name, d.instances, d.ttl_seconds, d.timezone,
                   d.claim_order, d.max_uses, d.on_drift, d.drift_interval, {r.rollout}
              FROM unnest(:ids::uuid[], :ordinals::int[], :names::text[], :instances::int[], :ttls::bigint[],
                          :timezones::text[], :claim_orders::text[], :max_uses::int[],
                          :on_drift::text[], :drift_intervals::int[], :rollouts::text[])
                   AS d (id, ordinal, name, instances, ttl_seconds, timezone, claim_order, max_uses, on_drift,
                         drift_interval, rollout),
                   jsonb_populate_record(NULL::presets, d.rollout::jsonb) AS r""".replace("{rollout}", String.join(", ", RolloutColumns.NAMES))
                    .replace("{r.rollout}", RolloutColumns.of("r")),
            "version",
            "template",
            "organization",
            "ids",
            "ordinals",
            "names",
            "instances",
            "ttls",
            "timezones",
            "claim_orders",
            "max_uses",
            "on_drift",
            "drift_intervals",
            "rollouts");

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
        String[] onDrift = new String[count];
        @Nullable Integer[] driftIntervals = new @Nullable Integer[count];
        String[] rollouts = new String[count];
        for (int index = 0; index < count; index++) {
            PresetDeclaration declared = presets.get(index).declared();
            presetIds[index] = presets.get(index).id();
            ordinals[index] = presets.get(index).ordinal();
            names[index] = declared.name();
            instances[index] = declared.instances().orElse(null);
            ttls[index] = declared.ttl().map(Duration::toSeconds).orElse(null);
            timezones[index] = declared.timezone();
            orders[index] = declared.handOut().order();
            uses[index] = declared.handOut().maxUses();
            onDrift[index] = declared.handOut().drift().action();
            driftIntervals[index] = declared.handOut()
                    .drift()
                    .interval()
                    .map(Rows::wholeSeconds)
                    .orElse(null);
            rollouts[index] = RolloutColumns.json(declared.renewal().rollout()).encode();
        }
        return INSERT_PRESETS
                .on(
                        connection,
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
                        uses,
                        onDrift,
                        driftIntervals,
                        rollouts)
                .replaceWithVoid();
    }

    private static final Sql INSERT_LIMITS = Sql.of(
            "INSERT INTO job_limits (scope, jobs, deletes) SELECT * FROM unnest(:presets::uuid[], :jobs::int[], :deletes::int[])",
            "presets",
            "jobs",
            "deletes");

    private static Uni<Void> insertLimits(SqlConnection connection, List<NewPreset> presets) {
        List<NewPreset> limited = presets.stream()
                .filter(preset -> preset.declared().renewal().limits().jobs().isPresent()
                        || preset.declared().renewal().limits().deletes().isPresent())
                .toList();
        if (limited.isEmpty()) {
            return Uni.createFrom().voidItem();
        }
        UUID[] scopes = limited.stream().map(NewPreset::id).toArray(UUID[]::new);
        @Nullable
        Integer[] jobs = limited.stream()
                .map(preset -> preset.declared().renewal().limits().jobs().orElse(null))
                .toArray(Integer[]::new);
        @Nullable
        Integer[] deletes = limited.stream()
                .map(preset -> preset.declared().renewal().limits().deletes().orElse(null))
                .toArray(Integer[]::new);
        return INSERT_LIMITS.on(connection, scopes, jobs, deletes).replaceWithVoid();
    }

    private static final Sql INSERT_VALUES = Sql.of("""
            INSERT INTO preset_parameters (preset_id, name, value, sealed)
            SELECT preset_id, name, clear, sealed
              FROM unnest(:presets::uuid[], :names::text[], :clear::text[], :sealed::bytea[])
                   AS declared (preset_id, name, clear, sealed)""", "presets", "names", "clear", "sealed");

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
                sealed.add(secret ? encrypt(preset.id(), value) : null);
            });
        }
        return INSERT_VALUES
                .on(
                        connection,
                        of.toArray(new UUID[0]),
                        names.toArray(new String[0]),
                        clear.toArray(new @Nullable String[0]),
                        sealed.toArray(new @Nullable Buffer[0]))
                .replaceWithVoid();
    }

    private static final Sql INSERT_SCHEDULES = Sql.of("""
            INSERT INTO preset_schedules (preset_id, ordinal, cron, instances)
            SELECT preset_id, ordinal, cron, instances
              FROM unnest(:presets::uuid[], :ordinals::int[], :crons::text[], :instances::int[])
                   AS declared (preset_id, ordinal, cron, instances)""", "presets", "ordinals", "crons", "instances");

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
        return INSERT_SCHEDULES
                .on(
                        connection,
                        of.toArray(new UUID[0]),
                        ordinals.toArray(new Integer[0]),
                        crons.toArray(new String[0]),
                        instances.toArray(new Integer[0]))
                .replaceWithVoid();
    }
}
