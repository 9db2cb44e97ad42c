package dev.larder.lifecycle;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.model.Ids;
import dev.larder.model.RolloutCause;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.UUID;

/**
 * The states of rollouts, and the roles of presets that go with them (decision 0046). Each statement is conditional on
 * the state that it changes: one that was decided on an outdated state changes nothing, and says so. {@link Promotions}
 * begins those of promotions, {@link RolloutControl} has what people decide.
 */
@ApplicationScoped
public class RolloutStore {

    private final Pool pool;
    private final Ids ids;

    public RolloutStore(Pool pool, Ids ids) {
        this.pool = pool;
        this.ids = ids;
    }

    private static final Sql BEGIN = Sql.of(
            """
            WITH begun AS (
                INSERT INTO rollouts (id, organization_id, template_id, preset, cause, to_preset_id, state,
                                      initiator_id, created_at, phase_at, deadline_at)
                SELECT :id::uuid, p.organization_id, p.template_id, p.name, :cause::text, p.id, 'progressing', {system},
                       :at::timestamptz, :at::timestamptz,
                       :at::timestamptz + make_interval(secs => p.rollout_deadline_seconds)
                  FROM presets p JOIN templates t ON t.id = p.template_id
                 WHERE p.id = :preset AND p.rollout_id IS NULL AND {active}
                   FOR SHARE OF t
                    ON CONFLICT DO NOTHING
                RETURNING id, to_preset_id)
            UPDATE presets p SET rollout_id = b.id, rollout_role = 'target'
              FROM begun b WHERE p.id = b.to_preset_id""".replace("{system}", Ownership.SYSTEM).replace("{active}", Rules.active("p", "t")),
            "id",
            "preset",
            "cause",
            "at");

    /**
     * Begins to renew the stock of a preset of an active version.
     *
     * @return false where one of its name is open
     */
    public Uni<Boolean> begin(UUID preset, RolloutCause cause, Instant at) {
        return BEGIN.on(pool, ids.next(), preset, cause.word(), Rows.utc(at)).map(rows -> rows.rowCount() > 0);
    }

    // The target is served from here on, and has its own time to replace the version before.
    static final String PASS = """
            passed AS (
                UPDATE rollouts r
                   SET state = 'progressing', reason = NULL, detail = NULL, reminded_at = NULL, phase_at = :at::timestamptz,
                       deadline_at = :at::timestamptz + make_interval(secs => p.rollout_deadline_seconds),
                       verdict = r.verdict || :verdict::jsonb
                  FROM presets p
                 WHERE r.id = :rollout AND p.id = r.to_preset_id AND p.rollout_role = 'canary' AND {state}
                RETURNING r.id, r.to_preset_id, r.organization_id),
            served AS (
                UPDATE presets p SET rollout_role = 'target' FROM passed d WHERE p.id = d.to_preset_id),
            marked AS (
                {mark})
            """.replace("{mark}", DirtyPresets.mark("to_preset_id", "passed"));

    private static final Sql PASS_CANARY = Sql.of(
            "WITH " + PASS.replace("{state}", "r.state = 'canary'") + "SELECT id FROM passed",
            "rollout",
            "verdict",
            "at");

    /** The new version is served from now on, before the one that it replaces. */
    public Uni<Boolean> passCanary(UUID rollout, JsonObject verdict, Instant at) {
        return PASS_CANARY.on(pool, rollout, verdict, Rows.utc(at)).map(rows -> rows.size() > 0);
    }

    // Told once for each hold: its time is part of the occasion.
    private static final Sql HOLD = Sql.of(
            """
            WITH held AS (
                UPDATE rollouts SET state = 'held', reason = :code, detail = :detail, verdict = verdict || :verdict::jsonb,
                                    phase_at = :at::timestamptz, reminded_at = :at::timestamptz
                 WHERE id = :rollout AND state IN ('canary', 'progressing') AND paused_at IS NULL
                RETURNING *),
            told AS (
                {told})
            SELECT id FROM held""".replace("{told}", told("rollout_held", "held")), "rollout", "code", "detail", "verdict", "id", "at");

    /** A value: that the version before is not built either, and why. NULL where it is. */
    private static final String NEITHER = """
            (SELECT format('version %s is not built either: %s', v.number, coalesce(f.status_reason, f.status))
                           FROM presets f JOIN template_versions v ON v.id = f.version_id
                          WHERE f.id = r.from_preset_id AND f.status <> 'healthy')""";

    /**
     * @param kind of the notification
     * @param rollouts the relation with the rows of the rollouts
     */
    static String told(String kind, String rollouts) {
        return AdminNotification.of(kind, "rollout_id || ':' || extract(epoch FROM :at::timestamptz)", """
                jsonb_strip_nulls(jsonb_build_object('rollout_id', rollout_id, 'template_id', template_id, 'template', template,
                                                     'preset', preset, 'cause', cause, 'reason', reason, 'detail', detail))""", """
                (SELECT :id::uuid AS id, r.organization_id, r.id AS rollout_id, r.template_id, t.name AS template, r.preset, r.cause,
                        r.reason, left(nullif(concat_ws('; ', r.detail, {neither}), ''), 500) AS detail
                   FROM {rollouts} r JOIN templates t ON t.id = r.template_id) told""".replace(
                        "{neither}", NEITHER)
                .replace("{rollouts}", rollouts));
    }

    /**
     * The rollout goes no further. Template admins are told.
     *
     * @param code why, a stable one
     * @param detail why, in a sentence
     */
    public Uni<Boolean> hold(UUID rollout, String code, String detail, JsonObject verdict, Instant at) {
        return HOLD.on(pool, rollout, code, Rows.storable(detail), verdict, ids.next(), Rows.utc(at))
                .map(rows -> rows.size() > 0);
    }

    private static final Sql REMIND =
            Sql.of("""
            WITH reminded AS (
                UPDATE rollouts SET reminded_at = :at::timestamptz
                 WHERE id = :rollout AND state = 'held' AND reminded_at <= :at::timestamptz - interval '1 day'
                RETURNING *),
            told AS (
                {told})
            SELECT id FROM reminded""".replace("{told}", told("rollout_held", "reminded")), "rollout", "id", "at");

    /** Tells the template admins again, where the last time is a day ago or more. */
    public Uni<Boolean> remind(UUID rollout, Instant at) {
        return REMIND.on(pool, rollout, ids.next(), Rows.utc(at)).map(rows -> rows.size() > 0);
    }

    private static final Sql REPLACING = Sql.of("""
            UPDATE rollouts SET replaced_at = :at
             WHERE id = (SELECT rollout_id FROM presets WHERE id = :preset) AND ended_at IS NULL""", "preset", "at");

    /** Old stock of the preset is about to be taken. No effect where it is in no rollout. */
    public Uni<Void> replacing(UUID preset, Instant at) {
        return REPLACING.on(pool, preset, Rows.utc(at)).replaceWithVoid();
    }

    private static final String ENDED = """
            left_alone AS (
                UPDATE presets p SET rollout_id = NULL, rollout_role = NULL
                  FROM ended e WHERE p.rollout_id = e.id
                RETURNING p.id),
            marked AS (
                {mark})
            SELECT id FROM ended""".replace("{mark}", DirtyPresets.mark("id", "left_alone"));

    private static final Sql FINISH = Sql.of("""
            WITH ended AS (
                UPDATE rollouts r SET state = 'done', reason = NULL, detail = NULL, ended_at = :at::timestamptz,
                                      phase_at = :at::timestamptz, paused_at = NULL
                 WHERE r.id = :rollout AND (r.state = 'progressing' OR (r.state = 'held' AND r.cause <> 'promotion'))
                   AND NOT EXISTS (
                       SELECT FROM presets b
                         JOIN workspaces w ON w.preset_id = b.id AND {left}
                        WHERE b.rollout_id = r.id AND b.rollout_role = 'before')
                RETURNING r.id),
            """.replace("{left}", Rules.left("w")) + ENDED, "rollout", "at");

    /** Nothing is left of the version before, which is not served from now on. */
    public Uni<Boolean> finish(UUID rollout, Instant at) {
        return FINISH.on(pool, rollout, Rows.utc(at)).map(rows -> rows.size() > 0);
    }

    private static final Sql SUPERSEDE = Sql.of("""
            WITH ended AS (
                UPDATE rollouts r SET state = 'superseded', reason = :code, ended_at = :at::timestamptz,
                                      phase_at = :at::timestamptz, paused_at = NULL
                 WHERE r.id = :rollout AND r.ended_at IS NULL
                RETURNING r.id),
            """ + ENDED, "rollout", "code", "at");

    /** Ends a rollout whose target is no longer active, or whose template is not offered any more. */
    public Uni<Boolean> supersede(UUID rollout, String code, Instant at) {
        return SUPERSEDE.on(pool, rollout, code, Rows.utc(at)).map(rows -> rows.size() > 0);
    }
}
