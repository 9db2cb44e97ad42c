package dev.larder.catalog;

import dev.larder.database.Rows;
import dev.larder.model.Caller;
import dev.larder.model.Ids;
import dev.larder.model.PauseScope;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.time.InstantSource;
import java.time.OffsetDateTime;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Pauses of the reconciler for the whole deployment or one organization (design, section 2.1.8); those of templates and
 * presets are with what they belong to, in {@link CatalogStore}.
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

    private static final String ACTIVE_PRESETS = """
            SELECT p.id FROM presets p JOIN templates t ON t.active_version_id = p.version_id
             WHERE t.deleted_at IS NULL AND p.instances IS NOT NULL
            """;

    private static final String PAUSE_ORGANIZATION = """
            WITH changed AS (
                UPDATE organizations SET pause_scope = $7, pause_until = $8
                 WHERE id = """ + CatalogStore.ORGANIZATION_ID + """
                   AND ($2::uuid IS NULL OR id = $2) RETURNING id),
            marked AS (
                INSERT INTO dirty_presets (preset_id)
            """ + ACTIVE_PRESETS + """
                   AND t.organization_id = (SELECT id FROM changed)),
            audited AS (
                INSERT INTO audit (id, at, organization_id, actor_id, action, target_id, detail)
                SELECT $3, $4, id, $5, $6, id, $9 FROM changed)
            SELECT id FROM changed""";

    /**
     * @param pause null lifts it
     * @return whether there is such an organization for this caller
     */
    public Uni<Boolean> pauseOrganization(Caller caller, String organization, @Nullable PauseView pause) {
        return pool.preparedQuery(PAUSE_ORGANIZATION)
                .execute(Tuple.from(Arrays.asList(
                        organization,
                        CatalogStore.scope(caller),
                        ids.next(),
                        Rows.utc(clock.instant()),
                        caller.userId(),
                        pause == null ? "organization.resume" : "organization.pause",
                        scope(pause),
                        until(pause),
                        detail(pause))))
                .map(rows -> rows.size() > 0);
    }

    private static final String PAUSE_DEPLOYMENT = """
            WITH changed AS (UPDATE settings SET pause_scope = $5, pause_until = $6 RETURNING "only"),
            marked AS (
                INSERT INTO dirty_presets (preset_id)
            """ + ACTIVE_PRESETS + """
                   AND (SELECT "only" FROM changed)),
            audited AS (
                INSERT INTO audit (id, at, actor_id, action, detail) SELECT $1, $2, $3, $4, $7 FROM changed)
            SELECT "only" FROM changed""";

    /** @param pause null lifts it */
    public Uni<Void> pauseDeployment(Caller caller, @Nullable PauseView pause) {
        return pool.preparedQuery(PAUSE_DEPLOYMENT)
                .execute(Tuple.from(Arrays.asList(
                        ids.next(),
                        Rows.utc(clock.instant()),
                        caller.userId(),
                        pause == null ? "deployment.resume" : "deployment.pause",
                        scope(pause),
                        until(pause),
                        detail(pause))))
                .replaceWithVoid();
    }

    /**
     * The reconciler of the whole deployment.
     *
     * @param pause as it was set: it may have ended since
     * @param lastFinishedAt when a cycle that looked at everything last finished, in whichever process; to within five seconds
     */
    public record Reconciliation(Optional<PauseView> pause, Instant lastFinishedAt) {}

    private static final String RECONCILIATION =
            "SELECT s.pause_scope, s.pause_until, r.finished_at FROM settings s, reconciliation r";

    public Uni<Reconciliation> reconciliation() {
        return pool.preparedQuery(RECONCILIATION)
                .execute()
                .map(rows -> reconciliation(rows.iterator().next()));
    }

    private static Reconciliation reconciliation(Row row) {
        return new Reconciliation(Optional.ofNullable(pause(row)), Rows.instant(row, "finished_at"));
    }

    /** Null where nothing is paused. */
    static @Nullable PauseView pause(Row row) {
        String scope = row.getString("pause_scope");
        return scope == null
                ? null
                : new PauseView(PauseScope.of(scope).word(), Rows.instantOrNull(row, "pause_until"));
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
