package dev.larder.reconcile;

import dev.larder.database.RowList;
import dev.larder.database.Rows;
import dev.larder.database.Slice;
import dev.larder.database.Sql;
import dev.larder.database.Total;
import dev.larder.lifecycle.ListRules;
import dev.larder.lifecycle.PauseColumns;
import dev.larder.lifecycle.Rules;
import dev.larder.model.LevelPause;
import dev.larder.model.PresetFilter;
import dev.larder.model.RolloutCause;
import dev.larder.model.RolloutPolicy.OnFailure;
import dev.larder.model.RolloutState;
import dev.larder.reconcile.RolloutView.CanaryView;
import dev.larder.reconcile.RolloutView.Counts;
import dev.larder.reconcile.RolloutView.Ending;
import dev.larder.reconcile.RolloutView.Side;
import dev.larder.reconcile.RolloutView.VerdictView;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Rollouts as the API shows them. The cost of an open one follows the live prebuilds of its line, never history. */
@ApplicationScoped
class RolloutReads {

    private final Pool pool;

    RolloutReads(Pool pool) {
        this.pool = pool;
    }

    /** A condition: the prebuild {@code w} of the preset {@code m} is one that the rollout {@code r} replaces. */
    // Which ones expire soon is decided by a plan: for expiry, these are all that were there before the rollout.
    private static final String OLD = """
            (m.rollout_role = 'before' OR w.created_at < coalesce(m.stale_from, '-infinity') OR NOT {reliable}
                            OR (r.cause = 'expiry' AND w.created_at < r.created_at))""".replace("{reliable}", Rules.reliable("w"));

    private static final String LIVE = """
            SELECT count(*) FILTER (WHERE s.old AND s.ready) AS old_ready,
                           count(*) FILTER (WHERE s.old) AS old_left,
                           count(*) FILTER (WHERE NOT s.old AND s.ready) AS new_ready,
                           count(*) FILTER (WHERE NOT s.old AND s.starting) AS new_building,
                           max(s.ready_at) FILTER (WHERE s.of_target) AS newest_ready_at
                      FROM (SELECT {old} AS old, {claimable} AND {fresh} AS ready, w.ready_at, m.id = r.to_preset_id AS of_target,
                                   w.transition = 'start' AND w.build_status = 'pending' AS starting
                              FROM presets m JOIN workspaces w ON w.preset_id = m.id
                             WHERE m.rollout_id = r.id AND {left}) s""".replace("{old}", OLD)
            .replace("{left}", Rules.left("w"))
            .replace("{claimable}", Rules.claimable("w"))
            .replace("{fresh}", Rules.fresh("w", Rules.freshFrom("m")));

    private static final String FAILED = """
            SELECT count(*) AS new_failed FROM workspaces w
                     WHERE w.preset_id = r.to_preset_id AND w.prebuild AND w.deleted_at IS NULL
                       AND w.transition = 'start' AND w.build_status = 'failed' AND w.created_at >= r.created_at""";

    /** A value: when the reconciler ends the state of the rollout {@code r} with the target {@code p}. */
    // As Progress decides it. A pause that has no end of its own adds nothing: lifting it moves the deadline.
    private static final String ENDS_AT = """
            CASE WHEN r.state = 'canary'
                        THEN greatest(r.deadline_at, {paused until} + make_interval(secs => p.canary_deadline_seconds))
                        ELSE greatest(r.deadline_at, greatest(live.newest_ready_at, {paused until})
                                                     + make_interval(secs => p.rollout_deadline_seconds)) END""".replace("{paused until}", PauseColumns.LAST_END);

    /** A value: the preset that decides how many are wanted. */
    // The role of the target is one in its open rollout, which may be another one than this.
    private static final String WANTING = """
            CASE WHEN p.rollout_id = r.id AND p.rollout_role = 'canary' THEN r.from_preset_id ELSE r.to_preset_id END""";

    private static final String SELECT = """
            SELECT r.id, o.name AS organization, t.name AS template, r.preset, r.cause, r.state, r.reason, r.detail,
                   r.verdict, u.name AS initiator, r.created_at, r.phase_at, r.paused_at, r.ended_at,
                   r.from_preset_id, fv.number AS from_version, r.to_preset_id, nv.number AS to_version,
                   {status of f} AS from_status, {reason of f} AS from_status_reason,
                   {status of p} AS to_status, {reason of p} AS to_status_reason,
                   p.on_rollout_failure, i.instances, i.timezone,
                   (SELECT jsonb_agg(jsonb_build_array(s.cron, s.instances) ORDER BY s.ordinal)
                      FROM preset_schedules s WHERE s.preset_id = i.id) AS schedules,
                   {ends at} AS ends_at, {pauses}, live.*, failed.*
              FROM rollouts r
              JOIN organizations o ON o.id = r.organization_id
              JOIN templates t ON t.id = r.template_id
              JOIN users u ON u.id = r.initiator_id
              JOIN presets p ON p.id = r.to_preset_id
              JOIN template_versions nv ON nv.id = p.version_id
              LEFT JOIN presets f ON f.id = r.from_preset_id
              LEFT JOIN template_versions fv ON fv.id = f.version_id
              JOIN presets i ON i.id = {wanting}
             CROSS JOIN settings d
              LEFT JOIN LATERAL ({live}) live ON r.ended_at IS NULL
              LEFT JOIN LATERAL ({failed}) failed ON r.ended_at IS NULL
            """.replaceAll(
                    "\\{status of (.)}", "CASE WHEN r.ended_at IS NULL THEN $1.status END")
            .replaceAll("\\{reason of (.)}", "CASE WHEN r.ended_at IS NULL THEN $1.status_reason END")
            .replace("{ends at}", ENDS_AT)
            .replace("{pauses}", PauseColumns.OF_PRESET)
            .replace("{wanting}", WANTING)
            .replace("{live}", LIVE)
            .replace("{failed}", FAILED);

    static final RowList LIST = new RowList("rollouts x", "x.id");

    /** What a list of rollouts shows. */
    record Filter(PresetFilter names, Optional<String> state, Optional<String> cause, Optional<Instant> since) {}

    static RowList.Query query(Optional<UUID> callersOrganization, Filter filter) {
        RowList.Query query = ListRules.seenBy(LIST.all(), callersOrganization)
                .filter("x.state = :state", "state", filter.state())
                .filter("x.cause = :cause", "cause", filter.cause());
        return ListRules.since(ListRules.ofPresets(query, filter.names(), "x.to_preset_id", true), filter.since());
    }

    /**
     * A page, newest first.
     *
     * @param at the counts and the wanted number are of this instant
     */
    Uni<Slice<RolloutView>> list(RowList.Query query, Instant at, Optional<UUID> after, int limit) {
        return query.with("at", Rows.utc(at)).page(pool, SELECT, "r.id", after, limit, row -> view(row, at));
    }

    Uni<Total> total(RowList.Query query) {
        return query.total(pool);
    }

    private static final Sql FIND = Sql.of(
            SELECT + " WHERE r.id = :id AND " + Rules.visibleTo("r.organization_id"), "at", "id", "organization");

    /** Empty where there is none that a caller of this organization, or of the deployment, may see. */
    Uni<Optional<RolloutView>> find(UUID id, Optional<UUID> organization, Instant at) {
        return FIND.on(pool, Rows.utc(at), id, organization.orElse(null))
                .map(rows -> Rows.first(rows, row -> view(row, at)));
    }

    private static final Sql OPEN = Sql.of(
            """
            SELECT r.state, count(*) AS count, min(r.phase_at) AS oldest_phase_at,
                   count(*) FILTER (WHERE r.paused_at IS NULL AND {ends at} < :at::timestamptz AND NOT {held back}) AS overdue
              FROM rollouts r
              JOIN organizations o ON o.id = r.organization_id
              JOIN templates t ON t.id = r.template_id
              JOIN presets p ON p.id = r.to_preset_id
             CROSS JOIN settings d
             CROSS JOIN LATERAL ({live}) live
             WHERE r.ended_at IS NULL
             GROUP BY r.state""".replace("{ends at}", ENDS_AT)
                    .replace("{held back}", PauseColumns.HOLDS)
                    .replace("{live}", LIVE),
            "at");

    /** @param overdue in no pause of any level, and past the time at which the reconciler ends the state */
    record Open(int count, Instant oldestPhaseAt, int overdue) {}

    /** Open rollouts of the whole deployment by state; a state without any is left out. */
    Uni<Map<RolloutState, Open>> open(Instant at) {
        return OPEN.on(pool, Rows.utc(at)).map(RolloutReads::open);
    }

    private static Map<RolloutState, Open> open(RowSet<Row> rows) {
        Map<RolloutState, Open> open = new EnumMap<>(RolloutState.class);
        rows.forEach(row -> open.put(
                RolloutState.of(row.getString("state")),
                new Open(row.getInteger("count"), Rows.instant(row, "oldest_phase_at"), row.getInteger("overdue"))));
        return open;
    }

    private static RolloutView view(Row row, Instant at) {
        boolean open = row.getValue("ended_at") == null;
        return new RolloutView(
                row.getUUID("id"),
                new RolloutView.Line(row.getString("organization"), row.getString("template"), row.getString("preset")),
                new RolloutView.Change(
                        row.getString("cause"),
                        side(row, "from"),
                        Objects.requireNonNull(side(row, "to")),
                        row.getString("initiator")),
                new RolloutView.Phase(
                        row.getString("state"),
                        row.getString("reason"),
                        row.getString("detail"),
                        Rows.instant(row, "phase_at")),
                verdict(row),
                new RolloutView.Times(
                        Rows.instant(row, "created_at"),
                        Rows.instantOrNull(row, "paused_at"),
                        Rows.instantOrNull(row, "ended_at")),
                open ? ending(row, at) : null,
                open ? counts(row, at) : null);
    }

    private static @Nullable Side side(Row row, String which) {
        UUID preset = row.getUUID(which + "_preset_id");
        return preset == null
                ? null
                : new Side(
                        row.getInteger(which + "_version"),
                        preset,
                        row.getString(which + "_status"),
                        row.getString(which + "_status_reason"));
    }

    private static @Nullable VerdictView verdict(Row row) {
        JsonObject verdict = row.getJsonObject("verdict");
        List<CanaryView> canaries = new ArrayList<>();
        for (Object canary : verdict.getJsonArray("canaries", new JsonArray())) {
            canaries.add(canary((JsonObject) canary));
        }
        return verdict.isEmpty()
                ? null
                : VerdictView.of(RolloutState.of(row.getString("state")), verdict.getString("outcome"), canaries);
    }

    /** As {@link RolloutSteps} writes it. */
    private static CanaryView canary(JsonObject canary) {
        String job = canary.getString("job");
        return new CanaryView(
                UUID.fromString(canary.getString("workspace")),
                canary.getBoolean("ready"),
                canary.getBoolean("verified"),
                canary.getBoolean("tried"),
                job == null ? null : UUID.fromString(job),
                canary.getString("blame"),
                canary.getString("code"));
    }

    private static Ending ending(Row row, Instant at) {
        return Ending.of(
                RolloutState.of(row.getString("state")),
                row.getValue("paused_at") != null,
                RolloutCause.of(row.getString("cause")),
                OnFailure.of(row.getString("on_rollout_failure")),
                Rows.instant(row, "ends_at"),
                LevelPause.longest(PauseColumns.in(row), at).orElse(null));
    }

    private static Counts counts(Row row, Instant at) {
        boolean known = RolloutCause.of(row.getString("cause")) != RolloutCause.EXPIRY;
        return new Counts(
                wanted(row, at),
                known ? row.getInteger("old_ready") : null,
                known ? row.getInteger("old_left") : null,
                row.getInteger("new_ready"),
                row.getInteger("new_building"),
                row.getInteger("new_failed"));
    }

    private static int wanted(Row row, Instant at) {
        @Nullable Integer instances = row.getInteger("instances");
        return instances == null
                ? 0
                : Desired.declared(
                                instances,
                                SnapshotStore.schedules((JsonArray) row.getValue("schedules")),
                                row.getString("timezone"),
                                at)
                        .instances();
    }
}
