package dev.larder.inventory;

import dev.larder.database.Rows;
import dev.larder.model.Ids;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlConnection;
import io.vertx.mutiny.sqlclient.Tuple;
import io.vertx.pgclient.PgException;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Finds out that the database was restored from a backup, and makes its stock safe again (decision 0029). A restored database
 * knows nothing of what was claimed, built and deleted after its backup.
 */
@ApplicationScoped
public class RestoreStore {

    private final Pool pool;
    private final InstantSource clock;
    private final Ids ids;

    public RestoreStore(Pool pool, InstantSource clock, Ids ids) {
        this.pool = pool;
        this.clock = clock;
        this.ids = ids;
    }

    /** Why servers hold back. */
    public enum Reason {
        /** The database was last served by another PostgreSQL cluster: it was restored from a dump, or moved. */
        ANOTHER_SERVER,
        /** A claim that a server has seen in it is not in it any more. */
        CLAIMS_MISSING;

        private static Reason of(String word) {
            return valueOf(word.toUpperCase(java.util.Locale.ROOT));
        }

        public String word() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    /** @param since when a server first noticed */
    public record Suspicion(Reason reason, Instant since) {}

    private static final String SYSTEM = "SELECT system_identifier::text AS system FROM pg_control_system()";

    /** Empty where the server does not tell it to this role, as some hosted ones do. */
    private Uni<Optional<String>> system() {
        return pool.query(SYSTEM)
                .execute()
                .map(rows -> Rows.first(rows, row -> row.getString("system")))
                .onFailure(RestoreStore::isNotPermitted)
                .recoverWithItem(Optional.empty());
    }

    private static boolean isNotPermitted(Throwable failure) {
        return failure instanceof PgException told && "42501".equals(told.getSqlState());
    }

    // The first server of a deployment, and the first after the upgrade, takes what it finds for good.
    private static final String COMPARE = """
            UPDATE settings
               SET system_identifier = coalesce(system_identifier, $1),
                   suspect_since = CASE WHEN system_identifier <> $1 THEN coalesce(suspect_since, $2) ELSE suspect_since END,
                   suspect_reason = CASE WHEN system_identifier <> $1 THEN coalesce(suspect_reason, 'another_server')
                                         ELSE suspect_reason END
             WHERE system_identifier IS NULL OR (system_identifier <> $1 AND suspect_since IS NULL)""";

    private static final String SUSPICION =
            "SELECT suspect_reason, suspect_since FROM settings WHERE suspect_since IS NOT NULL";

    /** Whether servers must hold back, compared with the server that the database is on now. */
    public Uni<Optional<Suspicion>> check() {
        return system().chain(this::compare).chain(this::suspicion);
    }

    private Uni<Void> compare(Optional<String> system) {
        return system.isEmpty()
                ? Uni.createFrom().voidItem()
                : pool.preparedQuery(COMPARE)
                        .execute(Tuple.of(system.get(), Rows.utc(clock.instant())))
                        .replaceWithVoid();
    }

    public Uni<Optional<Suspicion>> suspicion() {
        return pool.preparedQuery(SUSPICION).execute().map(rows -> Rows.first(rows, RestoreStore::suspicion));
    }

    private static Suspicion suspicion(Row row) {
        return new Suspicion(Reason.of(row.getString("suspect_reason")), Rows.instant(row, "suspect_since"));
    }

    private static final String NEWEST_CLAIM = "SELECT id FROM claims ORDER BY id DESC LIMIT 1";

    /** The newest claim, by its id; ids ascend with time. */
    public Uni<Optional<UUID>> newestClaim() {
        return pool.preparedQuery(NEWEST_CLAIM).execute().map(rows -> Rows.first(rows, row -> row.getUUID("id")));
    }

    private static final String SUSPECT = """
            UPDATE settings SET suspect_since = $2, suspect_reason = 'claims_missing'
             WHERE suspect_since IS NULL AND NOT EXISTS (SELECT FROM claims WHERE id = $1)""";

    /** Notes that this claim, which was in the database before, is missing. Nothing where it is there. */
    public Uni<Boolean> suspectUnlessThere(UUID claim) {
        return pool.preparedQuery(SUSPECT)
                .execute(Tuple.of(claim, Rows.utc(clock.instant())))
                .map(rows -> rows.rowCount() == 1);
    }

    /**
     * What the operation did.
     *
     * @param quarantined workspaces in stock that are given to no client any more
     * @param canceled builds that had not ended in the backup and are not run again
     * @param prolonged leases that begin anew, since their renewals may be lost
     */
    public record Done(int quarantined, int canceled, int prolonged) {}

    // A start that is run again would first clear what it finds, which a user may hold since after the
    // backup. The job first, then the workspace, as everywhere.
    private static final String CANCEL_STARTS = """
            WITH starting AS (
                SELECT j.id FROM jobs j JOIN builds b ON b.id = j.build_id
                 WHERE j.completed_at IS NULL AND b.transition = 'start'
                 ORDER BY j.id
                   FOR UPDATE OF j),
            canceled AS (
                UPDATE jobs j SET canceled_at = coalesce(j.canceled_at, $1), completed_at = $1, lease_token = NULL
                  FROM starting s WHERE j.id = s.id
                RETURNING j.workspace_id, j.build_id),
            workspace AS (
                UPDATE workspaces w
                   SET build_status = 'canceled', build_finished_at = $1, ready_at = NULL, quarantined_at = $1, verifying = false,
                       claim_step_wanted_at = NULL, dirty = false,
                       deletion_wanted_at = CASE WHEN NOT w.dirty THEN w.deletion_wanted_at END
                  FROM canceled c WHERE w.id = c.workspace_id AND w.build_id = c.build_id AND w.deleted_at IS NULL)
            SELECT count(*)::integer AS count FROM canceled""";

    // Failed is what the reconciler and claims leave alone: evidence (decision 0006). A workspace that was
    // given back to be reset may have been, and belong to another user since.
    private static final String QUARANTINE = """
            UPDATE workspaces
               SET build_status = 'failed', ready_at = NULL, quarantined_at = $1, deletion_wanted_at = NULL, dirty = false
             WHERE deleted_at IS NULL AND transition = 'start' AND build_status = 'succeeded'
               AND (prebuild OR (dirty AND deletion_wanted_at IS NOT NULL))""";

    private static final String PROLONG = """
            UPDATE claims SET expires_at = $1::timestamptz + make_interval(secs => ttl_seconds)
             WHERE ended_at IS NULL AND workspace_id IS NOT NULL AND expires_at IS NOT NULL AND ttl_seconds IS NOT NULL
               AND expires_at < $1::timestamptz + make_interval(secs => ttl_seconds)""";

    // What was quarantined is no failure of its template.
    private static final String BEGIN_ANEW = """
            WITH anew AS (
                UPDATE presets SET failures_from = $1 RETURNING id, version_id),
            dirty AS (
                INSERT INTO dirty_presets (preset_id)
                SELECT a.id FROM anew a JOIN templates t ON t.active_version_id = a.version_id AND t.deleted_at IS NULL),
            audited AS (
                INSERT INTO audit (id, at, actor_id, action, detail)
                VALUES ($2, $1, $3, 'settings.restored', jsonb_build_object('claimsLost', $4::boolean)))
            UPDATE settings
               SET suspect_since = NULL, suspect_reason = NULL, system_identifier = $5, sweep_wanted_at = $1""";

    /**
     * Lets servers serve this database again, in one transaction.
     *
     * @param claimsLost whether anything may have happened after the backup: then all stock is quarantined, builds that had not ended
     *     are canceled, and leases begin anew; else nothing but the hold is lifted
     */
    public Uni<Done> accept(boolean claimsLost, UUID actor) {
        Instant at = clock.instant();
        return system().chain(system -> pool.withTransaction(connection -> (claimsLost
                        ? makeSafe(connection, at)
                        : Uni.createFrom().item(new Done(0, 0, 0)))
                .call(() -> beginAnew(connection, system.orElse(null), claimsLost, actor, at))));
    }

    private static Uni<Done> makeSafe(SqlConnection connection, Instant at) {
        Tuple now = Tuple.of(Rows.utc(at));
        return connection
                .preparedQuery(CANCEL_STARTS)
                .execute(now)
                .chain(canceled -> connection
                        .preparedQuery(QUARANTINE)
                        .execute(now)
                        .chain(quarantined -> connection
                                .preparedQuery(PROLONG)
                                .execute(now)
                                .map(prolonged -> new Done(
                                        quarantined.rowCount(),
                                        Objects.requireNonNull(
                                                canceled.iterator().next().getInteger("count")),
                                        prolonged.rowCount()))));
    }

    private Uni<Void> beginAnew(
            SqlConnection connection, @Nullable String system, boolean claimsLost, UUID actor, Instant at) {
        return connection
                .preparedQuery(BEGIN_ANEW)
                .execute(Tuple.of(Rows.utc(at), ids.next(), actor, claimsLost, system))
                .replaceWithVoid();
    }
}
