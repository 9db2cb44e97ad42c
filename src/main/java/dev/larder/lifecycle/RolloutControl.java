package dev.larder.lifecycle;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.Promotions.End;
import dev.larder.lifecycle.Promotions.Promotion;
import dev.larder.model.Caller;
import dev.larder.model.Ids;
import dev.larder.model.RolloutState;
import dev.larder.model.SystemUser;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.SqlConnection;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What people, and a preset's {@code onFailure}, decide of rollouts (decision 0046). */
@ApplicationScoped
public class RolloutControl {

    private final Pool pool;
    private final Ids ids;
    private final Promotions promotions;
    private final RolloutStore rollouts;

    public RolloutControl(Pool pool, Ids ids) {
        this.pool = pool;
        this.rollouts = new RolloutStore(pool, ids);
        this.ids = ids;
        this.promotions = new Promotions(ids);
    }

    private static String audit(String action, String changed) {
        return AuditEntry.of(action, "'{}'", changed);
    }

    private static final Sql PAUSE = Sql.of("""
            WITH changed AS (
                UPDATE rollouts SET paused_at = :at WHERE id = :rollout AND ended_at IS NULL AND paused_at IS NULL
                RETURNING id, organization_id)
            """ + audit("rollout.pause", "changed"), "rollout", "entry", "actor", "at");

    /** Nothing more is replaced until it is resumed. Both versions are served and refilled. Idempotent. */
    public Uni<RolloutChange> pause(Caller caller, UUID rollout, Instant at) {
        return pool.withTransaction(connection -> locked(
                connection,
                caller,
                rollout,
                found -> PAUSE.on(connection, rollout, ids.next(), caller.userId(), Rows.utc(at))
                        .chain(changed -> tell(connection, changed, rollout, "rollout.paused", at))
                        .replaceWith(new RolloutChange.Changed(rollout))));
    }

    // A hold that is resumed begins its phase anew, and what failed before it does not count any more.
    private static final Sql RESUME = Sql.of(
            """
            WITH changed AS (
                UPDATE rollouts r
                   SET paused_at = NULL, reason = NULL, detail = NULL, reminded_at = NULL, phase_at = :at::timestamptz,
                       state = CASE p.rollout_role WHEN 'canary' THEN 'canary' ELSE 'progressing' END,
                       deadline_at = {anew}
                  FROM presets p
                 WHERE r.id = :rollout AND p.id = r.to_preset_id AND (r.state = 'held' OR r.paused_at IS NOT NULL)
                RETURNING r.id, r.organization_id, r.to_preset_id),
            forgiven AS (
                UPDATE presets p SET failures_from = :at::timestamptz, status = 'healthy', status_reason = NULL
                  FROM changed c WHERE p.id = c.to_preset_id),
            marked AS (
                {mark})
            """.replace("{anew}", RolloutTime.ANEW).replace("{mark}", DirtyPresets.mark("to_preset_id", "changed"))
                    + audit("rollout.resume", "changed"),
            "rollout",
            "entry",
            "actor",
            "at");

    /** Goes on with one that is held or paused, with a new deadline. Idempotent. */
    public Uni<RolloutChange> resume(Caller caller, UUID rollout, Instant at) {
        return pool.withTransaction(connection -> locked(
                connection,
                caller,
                rollout,
                found -> RESUME.on(connection, rollout, ids.next(), caller.userId(), Rows.utc(at))
                        .chain(changed -> tell(connection, changed, rollout, "rollout.resumed", at))
                        .replaceWith(new RolloutChange.Changed(rollout))));
    }

    // A pause is no state, so the trigger of the states does not tell it.
    private static final Sql EVENT = Sql.of("""
            SELECT append_event('preset', r.to_preset_id, :type::text, :at::timestamptz,
                                jsonb_build_object('rollout', r.id, 'cause', r.cause))
              FROM rollouts r WHERE r.id = :rollout""", "rollout", "type", "at");

    private static Uni<Void> tell(
            SqlConnection connection, RowSet<Row> changed, UUID rollout, String type, Instant at) {
        return changed.rowCount() == 0
                ? Uni.createFrom().voidItem()
                : EVENT.on(connection, rollout, type, Rows.utc(at)).replaceWithVoid();
    }

    private static final Sql SKIP_CANARY = Sql.of(
            "WITH " + RolloutStore.PASS.replace("{state}", "r.ended_at IS NULL")
                    + audit("rollout.skip_canary", "passed"),
            "rollout",
            "verdict",
            "entry",
            "actor",
            "at");

    /** Serves the new version without a verdict. */
    public Uni<RolloutChange> skipCanary(Caller caller, UUID rollout, Instant at) {
        JsonObject verdict = new JsonObject().put("outcome", "skipped");
        return pool.withTransaction(connection -> locked(
                connection,
                caller,
                rollout,
                found -> SKIP_CANARY
                        .on(connection, rollout, verdict, ids.next(), caller.userId(), Rows.utc(at))
                        .map(rows -> rows.rowCount() > 0
                                ? new RolloutChange.Changed(rollout)
                                : new RolloutChange.Refused("rollout_not_in_canary"))));
    }

    /** Why a rollout is rolled back. An empty verdict keeps the one that was given before. */
    private record Why(String code, @Nullable String detail, JsonObject verdict) {

        static final Why BY_USER = new Why("by_user", null, new JsonObject());
    }

    /** Makes the version before the active one, and takes the new one out. All presets of the template go back. */
    public Uni<RolloutChange> rollBack(Caller caller, UUID rollout, Instant at) {
        return pool.withTransaction(connection -> locked(
                connection, caller, rollout, found -> back(connection, found, caller.userId(), Why.BY_USER, at)));
    }

    /**
     * The same by the preset's {@code onFailure}.
     *
     * @param code why, a stable one
     * @param detail why, in a sentence
     * @param verdict what the canaries were judged by; empty where none was judged
     * @return false where the rollout has ended, or cannot be rolled back
     */
    public Uni<Boolean> rollBack(UUID rollout, String code, String detail, JsonObject verdict, Instant at) {
        Why why = new Why(code, Rows.storable(detail), verdict);
        return bySystem(rollout, (connection, found) -> back(connection, found, SystemUser.ID, why, at));
    }

    /**
     * Ends a rollout whose target is not active any more. Where the target is a canary of a template that is only
     * deprecated, the version before becomes the active one again: else the canary would be served, without a
     * verdict, when the deprecation is taken back.
     *
     * @param code why, a stable one
     * @return false where the rollout has ended
     */
    public Uni<Boolean> supersede(UUID rollout, String code, Instant at) {
        Why why = new Why(code, NOT_TRIED, new JsonObject());
        return bySystem(
                        rollout,
                        (connection, found) -> found.canary() && !found.deleted()
                                ? back(connection, found, SystemUser.ID, why, at)
                                : Uni.createFrom().item(new RolloutChange.Refused(code)))
                .chain(back -> back ? Uni.createFrom().item(true) : rollouts.supersede(rollout, code, at));
    }

    private static final String NOT_TRIED = "The template is not offered any more, and its new version was not tried.";

    private interface SystemStep {
        Uni<RolloutChange> on(SqlConnection connection, Found found);
    }

    private Uni<Boolean> bySystem(UUID rollout, SystemStep step) {
        return pool.withTransaction(connection ->
                        locked(connection, Optional.empty(), rollout, found -> step.on(connection, found)))
                .map(RolloutChange.Changed.class::isInstance);
    }

    // The template first, as a promotion does. What is read before the lock does not change.
    private static final Sql LOCK_TEMPLATE =
            Sql.of("""
            SELECT t.id FROM templates t
             WHERE t.id = (SELECT r.template_id FROM rollouts r WHERE r.id = :rollout AND {visible})
               FOR NO KEY UPDATE""".replace("{visible}", Rules.visibleTo("r.organization_id")), "rollout", "organization");

    private static final Sql FIND = Sql.of("""
            SELECT r.id, n.rollout_role = 'canary' AS canary, r.template_id, r.state, t.active_version_id, t.deleted_at, n.version_id AS after,
                   o.version_id AS before
              FROM rollouts r
              JOIN templates t ON t.id = r.template_id
              JOIN presets n ON n.id = r.to_preset_id
              LEFT JOIN presets o ON o.id = r.from_preset_id
             WHERE r.id = :rollout
               FOR NO KEY UPDATE OF r""", "rollout");

    /**
     * A rollout whose template is locked.
     *
     * @param before the version that is replaced; null for a rollout of another cause
     */
    private record Found(
            UUID rollout,
            boolean canary,
            UUID template,
            RolloutState state,
            @Nullable UUID active,
            boolean deleted,
            UUID after,
            @Nullable UUID before) {

        static Found of(Row row) {
            return new Found(
                    row.getUUID("id"),
                    Boolean.TRUE.equals(row.getBoolean("canary")),
                    row.getUUID("template_id"),
                    RolloutState.of(row.getString("state")),
                    row.getUUID("active_version_id"),
                    row.getValue("deleted_at") != null,
                    row.getUUID("after"),
                    row.getUUID("before"));
        }
    }

    private interface Step {
        Uni<RolloutChange> on(Found found);
    }

    private static Uni<RolloutChange> locked(SqlConnection connection, Caller caller, UUID rollout, Step step) {
        return locked(connection, caller.organization(), rollout, step);
    }

    private static Uni<RolloutChange> locked(
            SqlConnection connection, Optional<UUID> organization, UUID rollout, Step step) {
        return LOCK_TEMPLATE
                .on(connection, rollout, organization.orElse(null))
                .chain(rows -> rows.size() == 0
                        ? Uni.createFrom().item(new RolloutChange.Unknown())
                        : FIND.on(connection, rollout)
                                .map(found -> Rows.first(found, Found::of).orElseThrow())
                                .chain(found -> found.state().ended()
                                        ? Uni.createFrom().item(new RolloutChange.Ended(found.state()))
                                        : step.on(found)));
    }

    private Uni<RolloutChange> back(SqlConnection connection, Found found, UUID actor, Why why, Instant at) {
        UUID before = found.before();
        if (before == null) {
            return Uni.createFrom().item(new RolloutChange.Refused("rollout_has_no_version_before"));
        }
        if (found.deleted() || !found.after().equals(found.active())) {
            return Uni.createFrom().item(new RolloutChange.Refused("rollout_not_of_active_version"));
        }
        Promotion promotion = new Promotion(found.template(), found.after(), before, actor, at);
        return promotions
                .activate(connection, promotion, new End.RolledBack(why.code()))
                .chain(() -> TELL.on(
                        connection,
                        found.rollout(),
                        why.detail(),
                        why.verdict(),
                        ids.next(),
                        ids.next(),
                        actor,
                        Rows.utc(at)))
                .replaceWith(new RolloutChange.Changed(found.rollout()));
    }

    private static final Sql TELL = Sql.of(
            """
            WITH changed AS (
                UPDATE rollouts SET detail = :detail::text, verdict = verdict || :verdict::jsonb
                 WHERE id = :rollout RETURNING *),
            audited AS (
                {audit})
            {told}""".replace("{audit}", audit("rollout.roll_back", "changed"))
                    .replace("{told}", RolloutStore.told("rollout_rolled_back", "changed")),
            "rollout",
            "detail",
            "verdict",
            "id",
            "entry",
            "actor",
            "at");
}
