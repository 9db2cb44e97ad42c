package dev.larder.lifecycle;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.model.Ids;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlConnection;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Makes a version of a template the active one, and begins the rollouts that follow from it (decision 0046). In a
 * transaction of the caller, which has locked the template.
 */
public final class Promotions {

    private final Ids ids;

    public Promotions(Ids ids) {
        this.ids = ids;
    }

    /**
     * A promotion.
     *
     * @param before the version that is active until now; null for the first one
     * @param actor the user who promotes
     */
    public record Promotion(UUID template, @Nullable UUID before, UUID after, UUID actor, Instant at) {}

    /** Why the open rollouts of the template end. */
    sealed interface End {

        String state();

        String reason();

        /** Another promotion came first: the stock of the version before is served until it is replaced. */
        record Superseded() implements End {

            @Override
            public String state() {
                return "superseded";
            }

            @Override
            public String reason() {
                return "promotion";
            }
        }

        /**
         * The version before is taken out: none of its stock is handed out any more.
         *
         * @param reason a stable code
         */
        record RolledBack(String reason) implements End {

            @Override
            public String state() {
                return "rolled_back";
            }
        }
    }

    // The user who promotes expects that it is built now. Failures from here on count as always.
    private static final Sql FORGIVE = Sql.of("""
            UPDATE presets SET failures_from = :at, status = 'healthy', status_reason = NULL
             WHERE version_id = :after AND instances IS NOT NULL""", "after", "at");

    /**
     * Promotes the version. Rollouts of the template that are open are superseded. Failures of its builds until now no
     * longer count.
     */
    public Uni<Void> promote(SqlConnection connection, Promotion promotion) {
        return FORGIVE.on(connection, promotion.after(), Rows.utc(promotion.at()))
                .chain(() -> activate(connection, promotion, new End.Superseded()));
    }

    private static final Sql ACTIVATE =
            Sql.of("UPDATE templates SET active_version_id = :version WHERE id = :template", "template", "version");

    // An operator pauses a preset by its name: the pause holds for the preset of that name in the new version
    // too.
    private static final Sql CARRY_PAUSES = Sql.of("""
            UPDATE presets fresh SET pause_scope = old.pause_scope, pause_until = old.pause_until
              FROM presets old
             WHERE old.version_id = :before AND fresh.version_id = :after AND old.name = fresh.name
               AND (old.pause_scope, old.pause_until) IS DISTINCT FROM (fresh.pause_scope, fresh.pause_until)""", "before", "after");

    private static final Sql MARK_VERSIONS = Sql.of(
            DirtyPresets.mark("id", "presets WHERE version_id IN (:before, :after) AND instances IS NOT NULL"),
            "before",
            "after");

    Uni<Void> activate(SqlConnection connection, Promotion promotion, End end) {
        UUID after = promotion.after();
        return ACTIVATE.on(connection, promotion.template(), after)
                .chain(() -> end(connection, promotion, end))
                .chain(() -> CARRY_PAUSES.on(connection, promotion.before(), after))
                .chain(() -> MARK_VERSIONS.on(connection, promotion.before(), after))
                .chain(() -> toReplace(connection, promotion, end))
                .chain(lines -> begin(connection, promotion, end, lines));
    }

    private static final Sql END = Sql.of("""
            UPDATE rollouts
               SET state = :state, reason = :reason, ended_at = :at::timestamptz, phase_at = :at::timestamptz, paused_at = NULL
             WHERE template_id = :template AND ended_at IS NULL""", "template", "state", "reason", "at");

    private static Uni<Void> end(SqlConnection connection, Promotion promotion, End end) {
        return END.on(connection, promotion.template(), end.state(), end.reason(), Rows.utc(promotion.at()))
                .replaceWithVoid();
    }

    // A condition: the preset o was served until this promotion. What is rolled back is not.
    private static final String WAS_SERVED = """
            ((o.rollout_id IS NOT NULL AND o.rollout_role = 'before')
             OR (o.version_id = :before::uuid AND NOT :rolled_back::boolean AND o.rollout_role IS DISTINCT FROM 'canary'))""";

    private static final Sql TO_REPLACE =
            Sql.of("""
            SELECT n.id, (array_agg(o.id ORDER BY o.version_id IS NOT DISTINCT FROM :before::uuid DESC, v.number DESC))[1] AS before
              FROM presets n
              JOIN presets o ON o.template_id = n.template_id AND o.name = n.name AND o.id <> n.id
               AND o.instances IS NOT NULL AND {was_served}
              JOIN template_versions v ON v.id = o.version_id
             WHERE n.version_id = :after AND n.instances IS NOT NULL AND n.rollout_strategy = 'rolling' AND n.serve_old
             GROUP BY n.id ORDER BY n.id""".replace("{was_served}", WAS_SERVED), "after", "before", "rolled_back");

    /** @param before the preset of its name that was active until now, else the newest that was served */
    private record Line(UUID target, UUID before) {

        static Line of(Row row) {
            return new Line(row.getUUID("id"), row.getUUID("before"));
        }
    }

    private static Uni<List<Line>> toReplace(SqlConnection connection, Promotion promotion, End end) {
        return TO_REPLACE
                .on(connection, promotion.after(), promotion.before(), end instanceof End.RolledBack)
                .map(rows -> Rows.list(rows, Line::of));
    }

    // A preset that was served until now needs no canary. Presets whose rollout has ended lose their role.
    private static final Sql BEGIN = Sql.of(
            """
            WITH begun AS (
                INSERT INTO rollouts (id, organization_id, template_id, preset, cause, from_preset_id, to_preset_id, state,
                                      initiator_id, created_at, phase_at, deadline_at)
                SELECT i.id, n.organization_id, n.template_id, n.name, 'promotion', i.before, n.id, s.state,
                       :actor, :at::timestamptz, :at::timestamptz, :at::timestamptz + make_interval(secs => s.deadline)
                  FROM unnest(:ids::uuid[], :targets::uuid[], :befores::uuid[]) i (id, target, before)
                  JOIN presets n ON n.id = i.target
                 CROSS JOIN LATERAL (
                       SELECT CASE WHEN tried THEN 'canary' ELSE 'progressing' END AS state,
                              CASE WHEN tried THEN n.canary_deadline_seconds ELSE n.rollout_deadline_seconds END AS deadline
                         FROM (SELECT n.canary_instances IS NOT NULL AND n.rollout_role IS DISTINCT FROM 'before' AS tried) t) s
                RETURNING id, preset, to_preset_id, state),
            concerned AS (
                SELECT o.id, b.id AS rollout,
                       CASE WHEN o.id = b.to_preset_id THEN CASE b.state WHEN 'canary' THEN 'canary' ELSE 'target' END
                            WHEN b.id IS NOT NULL AND {was_served} AND o.instances IS NOT NULL THEN 'before' END AS role
                  FROM presets o LEFT JOIN begun b ON b.preset = o.name
                 WHERE o.template_id = :template
                   AND (o.version_id IN (:before::uuid, :after) OR o.rollout_id IS NOT NULL)),
            changed AS (
                UPDATE presets p
                   SET rollout_id = CASE WHEN c.role IS NOT NULL THEN c.rollout END, rollout_role = c.role
                  FROM concerned c
                 WHERE p.id = c.id AND (c.role IS NOT NULL OR p.rollout_id IS NOT NULL)
                RETURNING p.id, p.version_id)
            """.replace("{was_served}", WAS_SERVED)
                    + DirtyPresets.mark(
                            "id", "changed WHERE version_id <> :after AND version_id IS DISTINCT FROM :before::uuid"),
            "template",
            "before",
            "after",
            "rolled_back",
            "actor",
            "at",
            "ids",
            "targets",
            "befores");

    private Uni<Void> begin(SqlConnection connection, Promotion promotion, End end, List<Line> lines) {
        return BEGIN.on(
                        connection,
                        promotion.template(),
                        promotion.before(),
                        promotion.after(),
                        end instanceof End.RolledBack,
                        promotion.actor(),
                        Rows.utc(promotion.at()),
                        lines.stream().map(unused -> ids.next()).toArray(UUID[]::new),
                        lines.stream().map(Line::target).toArray(UUID[]::new),
                        lines.stream().map(Line::before).toArray(UUID[]::new))
                .replaceWithVoid();
    }
}
