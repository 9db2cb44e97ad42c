package dev.larder.catalog;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.AuditEntry;
import dev.larder.lifecycle.DirtyPresets;
import dev.larder.lifecycle.RolloutTime;
import dev.larder.lifecycle.Rules;
import dev.larder.model.Caller;
import dev.larder.model.Ids;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.time.InstantSource;
import java.time.OffsetDateTime;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Pauses of the reconciler for the whole deployment or one organization (design, section 2.1.8).
 * {@link CatalogControlStore} pauses templates and presets.
 */
@ApplicationScoped
public class PauseStore {

    private final Pool pool;
    private final InstantSource clock;
    private final Ids ids;

    public PauseStore(Pool pool, InstantSource clock, Ids ids) {
        this.pool = pool;
        this.clock = clock;
        this.ids = ids;
    }

    /** Marks the active presets with a pool as far as the condition holds. */
    private static String mark(String condition) {
        return DirtyPresets.mark("p.id", """
                presets p JOIN templates t ON t.active_version_id = p.version_id
                     WHERE t.deleted_at IS NULL AND p.instances IS NOT NULL AND\s""" + condition);
    }

    /**
     * The body of a CTE of a statement that sets a pause to {@code :scope}: the time of rollouts begins anew where it
     * lifts one.
     *
     * @param level the table with the pause, as {@code l}
     * @param changed a condition: it is the changed row, and one of the rollout {@code r} with the target {@code p}
     */
    static String lifted(String level, String changed) {
        return RolloutTime.begins(
                ":scope::text IS NULL AND EXISTS (SELECT FROM %s WHERE l.pause_scope IS NOT NULL AND %s)"
                        .formatted(level, changed));
    }

    private static final Sql PAUSE_ORGANIZATION = organization("organization.pause");
    private static final Sql RESUME_ORGANIZATION = organization("organization.resume");

    private static Sql organization(String action) {
        return Sql.of(
                """
                WITH changed AS (
                    UPDATE organizations SET pause_scope = :scope, pause_until = :until WHERE %s AND id = %s
                    RETURNING id, id AS organization_id),
                begun_anew AS (
                    %s),
                marked AS (
                    %s),
                audited AS (
                    %s)
                SELECT id FROM changed""".formatted(
                        Rules.visibleTo("id"),
                        Rules.ORGANIZATION_ID,
                        lifted("organizations l", "l.id = r.organization_id AND l.id = (SELECT id FROM changed)"),
                        mark("t.organization_id = (SELECT id FROM changed)"),
                        AuditEntry.of(action, ":detail::jsonb", "changed")),
                "organization_name",
                "organization",
                "entry",
                "at",
                "actor",
                "scope",
                "until",
                "detail");
    }

    /**
     * @param pause null lifts it
     * @return whether there is such an organization for this caller
     */
    public Uni<Boolean> pauseOrganization(Caller caller, String organization, @Nullable PauseView pause) {
        return (pause == null ? RESUME_ORGANIZATION : PAUSE_ORGANIZATION)
                .on(
                        pool,
                        organization,
                        caller.organization().orElse(null),
                        ids.next(),
                        Rows.utc(clock.instant()),
                        caller.userId(),
                        scope(pause),
                        until(pause),
                        detail(pause))
                .map(rows -> rows.size() > 0);
    }

    private static final Sql PAUSE_DEPLOYMENT = deployment("deployment.pause");
    private static final Sql RESUME_DEPLOYMENT = deployment("deployment.resume");

    private static Sql deployment(String action) {
        return Sql.of(
                """
                WITH changed AS (UPDATE settings SET pause_scope = :scope, pause_until = :until RETURNING "only"),
                begun_anew AS (
                    %s),
                marked AS (
                    %s),
                audited AS (
                    %s)
                SELECT "only" FROM changed""".formatted(
                                lifted("settings l", "(SELECT \"only\" FROM changed)"),
                                mark("(SELECT \"only\" FROM changed)"),
                                AuditEntry.withoutTarget(action, ":detail::jsonb", "NULL::uuid")),
                "entry",
                "at",
                "actor",
                "scope",
                "until",
                "detail");
    }

    /** @param pause null lifts it */
    public Uni<Void> pauseDeployment(Caller caller, @Nullable PauseView pause) {
        return (pause == null ? RESUME_DEPLOYMENT : PAUSE_DEPLOYMENT)
                .on(
                        pool,
                        ids.next(),
                        Rows.utc(clock.instant()),
                        caller.userId(),
                        scope(pause),
                        until(pause),
                        detail(pause))
                .replaceWithVoid();
    }

    /**
     * The state of the reconciler of the whole deployment.
     *
     * @param pause as it was set: it may have ended since
     * @param lastFinishedAt when a full cycle last finished in any server; exact to five seconds
     */
    public record Reconciliation(Optional<PauseView> pause, Instant lastFinishedAt) {}

    private static final Sql RECONCILIATION =
            Sql.of("SELECT s.pause_scope, s.pause_until, r.finished_at FROM settings s, reconciliation r");

    public Uni<Reconciliation> reconciliation() {
        return RECONCILIATION
                .on(pool)
                .map(rows -> reconciliation(rows.iterator().next()));
    }

    private static Reconciliation reconciliation(Row row) {
        return new Reconciliation(Optional.ofNullable(CatalogReads.pause(row)), Rows.instant(row, "finished_at"));
    }

    static @Nullable String scope(@Nullable PauseView pause) {
        return pause == null ? null : pause.scope();
    }

    static @Nullable OffsetDateTime until(@Nullable PauseView pause) {
        return pause == null ? null : Rows.utcOrNull(pause.until());
    }

    static JsonObject detail(@Nullable PauseView pause) {
        JsonObject detail = new JsonObject();
        if (pause != null) {
            detail.put("scope", pause.scope());
            detail.put("until", pause.until() == null ? null : pause.until().toString());
        }
        return detail;
    }
}
