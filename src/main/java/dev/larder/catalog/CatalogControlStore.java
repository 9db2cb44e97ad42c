package dev.larder.catalog;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.AuditEntry;
import dev.larder.lifecycle.DirtyPresets;
import dev.larder.lifecycle.Rules;
import dev.larder.model.Caller;
import dev.larder.model.Ids;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Changes by an operator to a declared template or preset: deprecate, delete, invalidate, pause, reset. Each change
 * is one statement, which also marks the affected presets as dirty and writes its audit entry; the caller wakes the
 * reconciler afterwards. Each returns whether the template or preset exists for the caller.
 */
@ApplicationScoped
public class CatalogControlStore {

    private final Pool pool;
    private final InstantSource clock;
    private final Ids ids;

    public CatalogControlStore(Pool pool, InstantSource clock, Ids ids) {
        this.pool = pool;
        this.clock = clock;
        this.ids = ids;
    }

    /** The presets that have stock: those of the active version, and those of the template's open rollouts. */
    private static final String STOCKED = """
            SELECT p.id FROM changed c JOIN presets p ON p.version_id = c.active_version_id
                     WHERE p.instances IS NOT NULL
                    UNION
                    SELECT p.id FROM changed c JOIN rollouts r ON r.template_id = c.id AND r.ended_at IS NULL
                                               JOIN presets p ON p.rollout_id = r.id""";

    /**
     * A change of one template.
     *
     * @param changed gives {@code id, organization_id, active_version_id} of the changed template
     * @param more parameters beside those that all changes have
     */
    private static Sql template(String action, String changed, String... more) {
        return template(action, changed, "", more);
    }

    private static final String SET_PAUSE = "pause_scope = :scope, pause_until = :until";

    private static Sql templatePause(String action) {
        String lifted = PauseStore.lifted("templates l", "l.id = r.template_id AND l.id = (SELECT id FROM changed)");
        return template(
                action, update(SET_PAUSE), "begun_anew AS (" + lifted + "),\n", new String[] {"scope", "until"});
    }

    /** @param effects further CTEs */
    private static Sql template(String action, String changed, String effects, String[] more) {
        return statement(
                """
                WITH changed AS (
                    %s),
                %sstocked AS (
                    %s),
                marked AS (
                    %s),
                audited AS (
                    %s)
                SELECT id FROM changed""".formatted(
                                changed,
                                effects,
                                STOCKED,
                                DirtyPresets.mark("id", "stocked"),
                                AuditEntry.of(action, ":detail::jsonb", "changed")),
                List.of("organization_name", "template", "organization", "entry", "at", "actor", "detail"),
                more);
    }

    private static Sql statement(String text, List<String> names, String... more) {
        return Sql.of(text, Stream.concat(names.stream(), Arrays.stream(more)).toArray(String[]::new));
    }

    private static String update(String set) {
        return "UPDATE templates t SET " + set + " WHERE " + CatalogReads.NAMED
                + " RETURNING t.id, t.organization_id, t.active_version_id";
    }

    private Uni<Boolean> change(Sql statement, TemplateName name, JsonObject detail, @Nullable Object... more) {
        @Nullable
        Object[] values = {
            name.organization(),
            name.template(),
            name.callersOrganization(),
            ids.next(),
            Rows.utc(clock.instant()),
            name.caller().userId(),
            detail
        };
        return statement.on(pool, joined(values, more)).map(rows -> rows.size() > 0);
    }

    private static @Nullable Object[] joined(@Nullable Object[] values, @Nullable Object[] more) {
        @Nullable Object[] all = new @Nullable Object[values.length + more.length];
        System.arraycopy(values, 0, all, 0, values.length);
        System.arraycopy(more, 0, all, values.length, more.length);
        return all;
    }

    private static final Sql DEPRECATE =
            template("template.deprecate", update("deprecated_reason = :reason"), "reason");

    /** From the commit on no workspace of the template is created, and its prebuilds are deleted. */
    public Uni<Boolean> deprecate(TemplateName name, String reason) {
        return change(DEPRECATE, name, new JsonObject().put("reason", reason), reason);
    }

    private static final Sql UNDEPRECATE = template("template.undeprecate", update("deprecated_reason = NULL"));

    /** Takes a deprecation back. Idempotent. */
    public Uni<Boolean> undeprecate(TemplateName name) {
        return change(UNDEPRECATE, name, new JsonObject());
    }

    private static final Sql DELETE = template("template.delete", update("deleted_at = :at"));

    /** The template is not found any more, its prebuilds are deleted, and its name is free. */
    public Uni<Boolean> delete(TemplateName name) {
        return change(DELETE, name, new JsonObject());
    }

    private static final Sql PAUSE = templatePause("template.pause");
    private static final Sql RESUME = templatePause("template.resume");

    /** @param pause null lifts it */
    public Uni<Boolean> pause(TemplateName name, @Nullable PauseView pause) {
        return change(
                pause == null ? RESUME : PAUSE,
                name,
                PauseStore.detail(pause),
                PauseStore.scope(pause),
                PauseStore.until(pause));
    }

    /**
     * Stock of a preset that is replaced by rollouts is handed out until it is replaced. All other stock is expired at
     * once.
     */
    private static final String IS_SERVED_ON =
            "(NOT :immediately::boolean AND (p.rollout_strategy = 'rolling' OR p.rollout_id IS NOT NULL))";

    /**
     * An invalidation of the presets of {@code stocked}. The audit entry names those whose stock is expired
     * at once, and those whose stock is served on.
     *
     * @param changed gives {@code id, organization_id} of what is invalidated, and locks its template:
     *     promotions change
     *     presets under the same lock
     * @param names the parameters of {@code changed}
     */
    private static Sql invalidation(String action, String changed, String stocked, List<String> names) {
        return statement(
                """
                WITH changed AS (
                    %s),
                stocked AS (
                    %s),
                invalidated AS (
                    UPDATE presets p
                       SET stale_from = CASE WHEN {served} THEN :at ELSE p.stale_from END,
                           last_invalidated_at = CASE WHEN {served} THEN p.last_invalidated_at ELSE :at END
                      FROM stocked s WHERE p.id = s.id
                    RETURNING p.name, {served} AS served),
                effect AS (
                    SELECT jsonb_build_object(
                               'expired', coalesce(jsonb_agg(DISTINCT name) FILTER (WHERE NOT served), '[]'),
                               'stale', coalesce(jsonb_agg(DISTINCT name) FILTER (WHERE served), '[]')) AS named
                      FROM invalidated),
                marked AS (
                    %s),
                audited AS (
                    %s)
                SELECT id FROM changed""".formatted(
                                changed,
                                stocked,
                                DirtyPresets.mark("id", "stocked"),
                                AuditEntry.of(action, "(SELECT named FROM effect)", "changed"))
                        .replace("{served}", IS_SERVED_ON),
                names,
                "organization",
                "entry",
                "at",
                "actor",
                "immediately");
    }

    private static final Sql INVALIDATE = invalidation(
            "template.invalidate",
            "SELECT t.id, t.organization_id, t.active_version_id FROM templates t WHERE " + CatalogReads.NAMED
                    + " FOR NO KEY UPDATE",
            STOCKED,
            List.of("organization_name", "template"));

    /**
     * Prebuilds that were created before now are replaced.
     *
     * @param immediately whether none of them is handed out from now on, not even by a preset whose strategy is rolling
     */
    public Uni<Boolean> invalidate(TemplateName name, boolean immediately) {
        return INVALIDATE
                .on(
                        pool,
                        name.organization(),
                        name.template(),
                        name.callersOrganization(),
                        ids.next(),
                        Rows.utc(clock.instant()),
                        name.caller().userId(),
                        immediately)
                .map(rows -> rows.size() > 0);
    }

    /**
     * A change of one preset.
     *
     * @param more parameters beside those that all changes have
     */
    private static Sql preset(String action, String set, String... more) {
        return preset(action, set, "SELECT", more);
    }

    // Rollouts are locked before their presets.
    private static Sql presetPause(String action) {
        String lifted = PauseStore.lifted(
                "presets l", "l.id = p.id AND l.id = :preset AND " + Rules.visibleTo("l.organization_id"));
        return preset(action, SET_PAUSE, lifted + " RETURNING r.id", new String[] {"scope", "until"});
    }

    /** @param first a statement that is performed before the change */
    private static Sql preset(String action, String set, String first, String[] more) {
        return statement(
                """
                WITH done AS (%s),
                changed AS (
                    UPDATE presets p SET %s
                      FROM templates t
                     WHERE p.id = :preset AND t.id = p.template_id AND t.deleted_at IS NULL AND %s
                       AND (SELECT count(*) FROM done) >= 0
                    RETURNING p.id, p.organization_id),
                marked AS (%s),
                audited AS (
                    %s)
                SELECT id FROM changed""".formatted(
                                first,
                                set,
                                Rules.visibleTo("p.organization_id"),
                                DirtyPresets.mark("id", "changed"),
                                AuditEntry.of(action, ":detail::jsonb", "changed")),
                List.of("preset", "organization", "entry", "at", "actor", "detail"),
                more);
    }

    private Uni<Boolean> change(
            Sql statement, Caller caller, UUID preset, JsonObject detail, @Nullable Object... more) {
        @Nullable
        Object[] values = {
            preset, caller.organization().orElse(null), ids.next(), Rows.utc(clock.instant()), caller.userId(), detail
        };
        return statement.on(pool, joined(values, more)).map(rows -> rows.size() > 0);
    }

    private static final Sql INVALIDATE_PRESET = invalidation(
            "preset.invalidate", """
            SELECT p.id, p.organization_id, p.rollout_id
                      FROM presets p JOIN templates t ON t.id = p.template_id
                     WHERE p.id = :preset AND t.deleted_at IS NULL AND %s
                       FOR NO KEY UPDATE OF t""".formatted(Rules.visibleTo("p.organization_id")), """
            SELECT id FROM changed
                    UNION
                    SELECT p.id FROM changed c JOIN presets p ON p.rollout_id = c.rollout_id""", List.of("preset"));

    /** The same for this preset, and for the other members of its open rollout. */
    public Uni<Boolean> invalidatePreset(Caller caller, UUID preset, boolean immediately) {
        return INVALIDATE_PRESET
                .on(
                        pool,
                        preset,
                        caller.organization().orElse(null),
                        ids.next(),
                        Rows.utc(clock.instant()),
                        caller.userId(),
                        immediately)
                .map(rows -> rows.size() > 0);
    }

    private static final Sql RESET_PRESET =
            preset("preset.reset", "status = 'healthy', status_reason = NULL, failures_from = :at");

    /** Removes a hard limit or a failed validation. Earlier failures no longer count. */
    public Uni<Boolean> resetPreset(Caller caller, UUID preset) {
        return change(RESET_PRESET, caller, preset, new JsonObject());
    }

    private static final Sql PAUSE_PRESET = presetPause("preset.pause");
    private static final Sql RESUME_PRESET = presetPause("preset.resume");

    /** @param pause null lifts it */
    public Uni<Boolean> pausePreset(Caller caller, UUID preset, @Nullable PauseView pause) {
        return change(
                pause == null ? RESUME_PRESET : PAUSE_PRESET,
                caller,
                preset,
                PauseStore.detail(pause),
                PauseStore.scope(pause),
                PauseStore.until(pause));
    }
}
