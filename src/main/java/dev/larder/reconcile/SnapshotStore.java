package dev.larder.reconcile;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.AvailableWorkers;
import dev.larder.lifecycle.BuildProgress;
import dev.larder.lifecycle.CanaryReads;
import dev.larder.lifecycle.CheckStore;
import dev.larder.lifecycle.PauseColumns;
import dev.larder.lifecycle.PromotionOutlook;
import dev.larder.lifecycle.RolloutColumns;
import dev.larder.lifecycle.Rules;
import dev.larder.model.CanaryEvidence;
import dev.larder.model.Failures;
import dev.larder.model.JobStatus;
import dev.larder.model.Prebuild;
import dev.larder.model.PresetSnapshot;
import dev.larder.model.PresetStatus;
import dev.larder.model.RolloutRole;
import dev.larder.model.Schedule;
import dev.larder.model.StateStatus;
import dev.larder.model.Transition;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonArray;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.SqlConnection;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/**
 * Reads what the plans are decided on, in one short REPEATABLE READ READ ONLY transaction that has ended
 * before anything is written (design, section 2.1.3). Its cost follows live prebuilds and declared presets,
 * never history.
 */
@ApplicationScoped
public class SnapshotStore {

    private final Pool pool;

    public SnapshotStore(Pool pool) {
        this.pool = pool;
    }

    /** Every preset with prebuilds that is active, in a rollout, or still has live prebuilds. */
    public Uni<List<PresetSnapshot>> all(Instant at, Duration lookback, int attempts) {
        return pool.withTransaction(connection -> readOnly(connection)
                .chain(() -> LIVE_OR_ACTIVE.on(connection))
                .map(SnapshotStore::ids)
                .chain(ids -> read(connection, ids, at, lookback, attempts)));
    }

    /**
     * Those of the named presets that have prebuilds declared, active or not, and with one that is in a rollout all
     * of its line; else what its newest versions still have in stock.
     *
     * @param attempts how many of the newest attempts the failures tell of; at least 1
     */
    public Uni<List<PresetSnapshot>> of(Collection<UUID> presets, Instant at, Duration lookback, int attempts) {
        UUID[] named = presets.toArray(UUID[]::new);
        return pool.withTransaction(connection -> readOnly(connection)
                .chain(() -> WITH_LINES.on(connection, (Object) named))
                .map(SnapshotStore::ids)
                .chain(ids -> read(connection, ids, at, lookback, attempts)));
    }

    /** A condition: the preset still has live prebuilds. */
    private static String stocked(String preset) {
        return """
                EXISTS (SELECT FROM workspaces w
                                WHERE w.preset_id = %s.id AND w.prebuild AND w.deleted_at IS NULL
                                  AND w.build_status IN ('pending', 'canceling', 'succeeded'))""".formatted(preset);
    }

    private static final String OPEN_LINES = """
            SELECT m.id
              FROM presets p
              JOIN template_versions v ON v.template_id = p.template_id
              JOIN presets m ON m.version_id = v.id AND m.name = p.name
             WHERE p.id = ANY (:presets) AND p.rollout_id IS NOT NULL AND (m.rollout_id IS NOT NULL OR {stocked})""";

    // What a version still builds that was rolled back counts for the active one. A template may have many versions.
    private static final String ENDED_LINES = """
            SELECT m.id
              FROM presets p
              JOIN templates t ON t.id = p.template_id AND t.active_version_id = p.version_id
             CROSS JOIN LATERAL (
                   SELECT v.id FROM template_versions v WHERE v.template_id = p.template_id ORDER BY v.number DESC LIMIT 5) v
              JOIN presets m ON m.version_id = v.id AND m.name = p.name
             WHERE p.id = ANY (:presets) AND p.rollout_id IS NULL AND p.rollout_strategy = 'rolling' AND {stocked}""";

    private static final Sql WITH_LINES = Sql.of(
            """
            SELECT id FROM unnest(:presets::uuid[]) id
             UNION
            {of open rollouts}
             UNION
            {of ended ones}""".replace("{of open rollouts}", OPEN_LINES)
                    .replace("{of ended ones}", ENDED_LINES)
                    .replace("{stocked}", stocked("m")),
            "presets");

    private static final Sql OF_TEMPLATE =
            Sql.of("""
            SELECT p.id
              FROM presets p
             WHERE p.template_id = :template AND p.instances IS NOT NULL
               AND (p.version_id IN (:before::uuid, :after::uuid) OR p.rollout_id IS NOT NULL
                    OR {stocked})""".replace("{stocked}", stocked("p")), "template", "before", "after");

    /**
     * Those of a template that a promotion concerns, as they are in its transaction. Rows that others commit meanwhile
     * may be seen by a part of the reads.
     */
    Uni<List<PresetSnapshot>> ofTemplate(
            SqlConnection connection, PromotionOutlook.Performed promotion, Limits limits) {
        return OF_TEMPLATE
                .on(connection, promotion.template(), promotion.before(), promotion.after())
                .map(SnapshotStore::ids)
                .chain(ids ->
                        read(connection, ids, promotion.at(), limits.lookback(), Math.max(limits.hardLimit(), 1)));
    }

    // It waits for no lock, and with very many prebuilds it may take longer than a request may.
    private static final String READ_ONLY =
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL statement_timeout = 60000";

    private static Uni<Void> readOnly(SqlConnection connection) {
        return connection.query(READ_ONLY).execute().replaceWithVoid();
    }

    private static Uni<List<PresetSnapshot>> read(
            SqlConnection connection, UUID[] ids, Instant at, Duration lookback, int attempts) {
        if (ids.length == 0) {
            return Uni.createFrom().item(List.of());
        }
        OffsetDateTime since = Rows.utc(at.minus(lookback));
        return PREBUILDS
                .on(connection, (Object) ids)
                .chain(prebuilds -> FailureReads.FAILURES
                        .on(connection, ids, since, attempts)
                        .chain(failures -> PRESETS.on(connection, ids, Rows.utc(at))
                                .map(presets -> assemble(presets, prebuilds, failures))))
                .chain(presets -> withExpiredUnready(connection, presets, attempts))
                .chain(presets -> BuildTimeReads.withUsualBuilds(connection, presets))
                .chain(presets -> withCanaries(connection, presets));
    }

    /** A further look at the rollouts that try a version: nearly always there are none. */
    private static Uni<List<PresetSnapshot>> withCanaries(SqlConnection connection, List<PresetSnapshot> presets) {
        List<UUID> tried = presets.stream()
                .filter(preset -> preset.is(RolloutRole.CANARY))
                .map(preset -> preset.membership().orElseThrow().rollout().id())
                .toList();
        return CanaryReads.evidence(connection, tried)
                .map(evidence -> presets.stream()
                        .map(preset -> preset.is(RolloutRole.CANARY) ? withCanaries(preset, evidence) : preset)
                        .toList());
    }

    private static PresetSnapshot withCanaries(PresetSnapshot preset, Map<UUID, List<CanaryEvidence>> evidence) {
        UUID rollout = preset.membership().orElseThrow().rollout().id();
        return preset.withCanaries(evidence.getOrDefault(rollout, List.of()));
    }

    // Newest first. The ttl counts from the creation, as it does for those that are live.
    private static final Sql EXPIRED_UNREADY = Sql.of("""
            SELECT p.id, newest.expired
              FROM presets p
             CROSS JOIN LATERAL (
                   SELECT coalesce(array_agg(a.expired ORDER BY a.attempt DESC), '{}') AS expired
                     FROM (SELECT b.attempt,
                           bool_and(j.completed_at > b.created_at + make_interval(secs => p.ttl_seconds)) AS expired
                             FROM builds b JOIN jobs j ON j.build_id = b.id
                            WHERE b.preset_id = p.id AND b.attempt IS NOT NULL AND j.status = 'succeeded'
                              AND (p.failures_from IS NULL OR b.created_at >= p.failures_from)
                            GROUP BY b.attempt ORDER BY b.attempt DESC LIMIT :attempts) a) newest
             WHERE p.id = ANY (:presets)""", "presets", "attempts");

    /** A further look at those presets alone that have such a prebuild now: nearly always there are none. */
    private static Uni<List<PresetSnapshot>> withExpiredUnready(
            SqlConnection connection, List<PresetSnapshot> presets, int attempts) {
        UUID[] slow = presets.stream()
                .filter(PresetSnapshot::hasExpiredUnready)
                .map(PresetSnapshot::id)
                .toArray(UUID[]::new);
        return slow.length == 0
                ? Uni.createFrom().item(presets)
                : EXPIRED_UNREADY.on(connection, slow, attempts).map(rows -> withExpiredUnready(presets, rows));
    }

    private static List<PresetSnapshot> withExpiredUnready(List<PresetSnapshot> presets, RowSet<Row> rows) {
        Map<UUID, List<Boolean>> newest = new HashMap<>();
        rows.forEach(row -> newest.put(row.getUUID("id"), List.of(row.getArrayOfBooleans("expired"))));
        return presets.stream()
                .map(preset ->
                        newest.containsKey(preset.id()) ? preset.withExpiredUnready(newest.get(preset.id())) : preset)
                .toList();
    }

    private static List<PresetSnapshot> assemble(RowSet<Row> presets, RowSet<Row> prebuilds, RowSet<Row> failures) {
        Map<UUID, List<Prebuild>> live = new HashMap<>();
        for (Row row : prebuilds) {
            Prebuild prebuild = prebuild(row);
            live.computeIfAbsent(prebuild.presetId(), unseen -> new ArrayList<>())
                    .add(prebuild);
        }
        Map<UUID, Failures> failed = new HashMap<>();
        for (Row row : failures) {
            failed.put(row.getUUID("id"), FailureReads.failures(row));
        }
        return Rows.list(
                presets,
                row -> preset(
                        row,
                        failed.getOrDefault(row.getUUID("id"), Failures.NONE),
                        live.getOrDefault(row.getUUID("id"), List.of())));
    }

    static final Sql LIVE_OR_ACTIVE = Sql.of("""
            SELECT p.id
              FROM presets p
              JOIN templates t ON %s
             WHERE p.instances IS NOT NULL
             UNION
            SELECT p.id FROM presets p WHERE p.rollout_id IS NOT NULL
             UNION
            SELECT w.preset_id
              FROM workspaces w
             WHERE w.prebuild AND w.deleted_at IS NULL
               AND w.build_status IN ('pending', 'canceling', 'succeeded')""".formatted(Rules.active("p", "t")));

    private static UUID[] ids(RowSet<Row> rows) {
        return Rows.list(rows, row -> row.getUUID("id")).toArray(UUID[]::new);
    }

    // A refresh is about to mend it: it is neither ready nor to be replaced.
    static final Sql PREBUILDS = Sql.of(
            """
            SELECT w.id, w.preset_id, w.created_at, w.build_number, w.transition, {status} AS build_status, w.ready_at,
                   w.stock_until, {built_at} AS built_at,
                   CASE WHEN w.state_status = 'unreliable'
                             AND (SELECT {refreshable} FROM presets p WHERE p.id = w.preset_id)
                        THEN 'in_flight' ELSE w.state_status END AS state_status
              FROM workspaces w
             WHERE preset_id = ANY (:presets) AND prebuild AND deleted_at IS NULL
               AND build_status IN ('pending', 'canceling', 'succeeded')
             ORDER BY preset_id, created_at, id""".replace("{status}", BuildProgress.status("w"))
                    .replace("{built_at}", BuildTimeReads.BUILT_AT)
                    .replace("{refreshable}", CheckStore.refreshable("p", "w")),
            "presets");

    private static Prebuild prebuild(Row row) {
        return new Prebuild(
                row.getUUID("id"),
                row.getUUID("preset_id"),
                new Prebuild.Times(
                        Rows.instant(row, "created_at"),
                        Rows.instantOrNull(row, "ready_at"),
                        Rows.instantOrNull(row, "stock_until"),
                        Rows.instantOrNull(row, "built_at")),
                row.getInteger("build_number"),
                Transition.of(row.getString("transition")),
                JobStatus.of(row.getString("build_status")),
                StateStatus.of(row.getString("state_status")));
    }

    static final Sql PRESETS = Sql.of(
            """
            SELECT p.id, p.name, p.template_id, p.organization_id, p.version_id, p.instances, p.ttl_seconds,
                   p.timezone,
                   p.status, p.status_reason, p.last_invalidated_at, p.stale_from, p.attempts,
                   t.name AS template_name, o.name AS organization_name, v.number,
                   {active} AS active, {served} AS served, {policy}, {membership},
                   (SELECT jsonb_agg(jsonb_build_array(s.cron, s.instances) ORDER BY s.ordinal)
                      FROM preset_schedules s WHERE s.preset_id = p.id) AS schedules,
                   ARRAY(SELECT v.name
                           FROM version_parameters v
                          WHERE v.version_id = p.version_id AND v.required
                            AND v.default_value IS NULL AND v.default_sealed IS NULL
                            AND NOT EXISTS (SELECT FROM preset_parameters g
                                             WHERE g.preset_id = p.id AND g.name = v.name)
                          ORDER BY v.ordinal) AS missing,
                   {pauses},
                   v.backend, v.tags, builders.*
              FROM presets p
              JOIN template_versions v ON v.id = p.version_id
              JOIN templates t ON t.id = p.template_id
              JOIN organizations o ON o.id = p.organization_id
              LEFT JOIN rollouts r ON r.id = p.rollout_id
             CROSS JOIN settings d
             CROSS JOIN LATERAL (
                   {builders}) builders
             WHERE p.id = ANY (:presets) AND p.instances IS NOT NULL
             ORDER BY p.id""".replace("{active}", Rules.active("p", "t"))
                    .replace("{served}", Rules.served("p", "t"))
                    .replace("{policy}", RolloutColumns.of("p"))
                    .replace("{membership}", MembershipReads.COLUMNS)
                    .replace("{pauses}", PauseColumns.OF_PRESET)
                    .replace(
                            "{builders}",
                            AvailableWorkers.select("v", "v.backend", "p.organization_id", ":at::timestamptz")),
            "presets",
            "at");

    private static PresetSnapshot preset(Row row, Failures failures, List<Prebuild> prebuilds) {
        Long ttl = row.getLong("ttl_seconds");
        return new PresetSnapshot(
                new PresetSnapshot.Identity(
                        row.getUUID("id"),
                        row.getString("name"),
                        row.getUUID("template_id"),
                        row.getString("template_name"),
                        row.getUUID("organization_id"),
                        row.getString("organization_name"),
                        row.getUUID("version_id"),
                        row.getInteger("number")),
                new PresetSnapshot.Service(
                        Boolean.TRUE.equals(row.getBoolean("active")),
                        Boolean.TRUE.equals(row.getBoolean("served")),
                        MembershipReads.membership(row)),
                new PresetSnapshot.Declared(
                        row.getInteger("instances"),
                        Optional.ofNullable(ttl).map(Duration::ofSeconds),
                        row.getString("timezone"),
                        schedules((JsonArray) row.getValue("schedules")),
                        List.of(row.getArrayOfStrings("missing")),
                        RolloutColumns.in(row)),
                new PresetSnapshot.State(
                        PresetStatus.of(row.getString("status")),
                        row.getString("status_reason"),
                        Rows.instantOrNull(row, "last_invalidated_at"),
                        Rows.instantOrNull(row, "stale_from"),
                        row.getInteger("attempts")),
                PauseColumns.in(row),
                AvailableWorkers.read(row, row.getString("backend"), AvailableWorkers.tags(row)),
                failures,
                prebuilds);
    }

    static List<Schedule> schedules(@org.jspecify.annotations.Nullable JsonArray array) {
        if (array == null) {
            return List.of();
        }
        List<Schedule> schedules = new ArrayList<>(array.size());
        for (int i = 0; i < array.size(); i++) {
            JsonArray pair = array.getJsonArray(i);
            schedules.add(new Schedule(pair.getString(0), pair.getInteger(1)));
        }
        return schedules;
    }

    private static final Sql LAST_FINISHED_AT = Sql.of("SELECT finished_at FROM reconciliation");

    /** When a cycle that looked at everything last finished, in whichever process; to within five seconds. */
    public Uni<Instant> lastFinishedAt() {
        return LAST_FINISHED_AT
                .on(pool)
                .map(rows -> Rows.instant(rows.iterator().next(), "finished_at"));
    }
}
