package dev.larder.inventory;

import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.AuditEntry;
import dev.larder.lifecycle.DirtyPresets;
import dev.larder.lifecycle.QuarantineStore;
import dev.larder.lifecycle.RolloutTime;
import dev.larder.lifecycle.Rules;
import dev.larder.model.Ids;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlConnection;
import io.vertx.pgclient.PgException;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Finds out that the database was restored from a backup, and makes its stock safe again (decision 0029). A
 * restored database knows nothing of what was claimed, built and deleted after its backup.
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

    /** Why no server works with the database. */
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
    public record SuspectDatabase(Reason reason, Instant since) {}

    private static final Sql SYSTEM = Sql.of("SELECT system_identifier::text AS system FROM pg_control_system()");

    /** Empty where the PostgreSQL server does not tell it to this role, as with some hosted ones. */
    private Uni<Optional<String>> system() {
        return SYSTEM.on(pool)
                .map(rows -> Rows.first(rows, row -> row.getString("system")))
                .onFailure(RestoreStore::isNotPermitted)
                .recoverWithItem(Optional.empty());
    }

    private static boolean isNotPermitted(Throwable failure) {
        return failure instanceof PgException told && "42501".equals(told.getSqlState());
    }

    // The first server of a deployment, and the first one after the upgrade, records the identifier that it
    // finds.
    private static final Sql COMPARE = Sql.of("""
            UPDATE settings
               SET system_identifier = coalesce(system_identifier, :system),
                   suspect_since = CASE WHEN system_identifier <> :system THEN coalesce(suspect_since, :at)
                                        ELSE suspect_since END,
                   suspect_reason = CASE WHEN system_identifier <> :system THEN coalesce(suspect_reason, 'another_server')
                                         ELSE suspect_reason END
             WHERE system_identifier IS NULL OR (system_identifier <> :system AND suspect_since IS NULL)""", "system", "at");

    private static final Sql SUSPECT_DATABASE =
            Sql.of("SELECT suspect_reason, suspect_since FROM settings WHERE suspect_since IS NOT NULL");

    /** Whether servers must hold back, compared with the server that the database is on now. */
    public Uni<Optional<SuspectDatabase>> check() {
        return system().chain(this::compare).chain(this::suspectDatabase);
    }

    private Uni<Void> compare(Optional<String> system) {
        return system.isEmpty()
                ? Uni.createFrom().voidItem()
                : COMPARE.on(pool, system.get(), Rows.utc(clock.instant())).replaceWithVoid();
    }

    public Uni<Optional<SuspectDatabase>> suspectDatabase() {
        return SUSPECT_DATABASE.on(pool).map(rows -> Rows.first(rows, RestoreStore::suspectDatabase));
    }

    private static SuspectDatabase suspectDatabase(Row row) {
        return new SuspectDatabase(Reason.of(row.getString("suspect_reason")), Rows.instant(row, "suspect_since"));
    }

    private static final Sql NEWEST_CLAIM = Sql.of("SELECT id FROM claims ORDER BY id DESC LIMIT 1");

    /** The newest claim, by its id; ids ascend with time. */
    public Uni<Optional<UUID>> newestClaim() {
        return NEWEST_CLAIM.on(pool).map(rows -> Rows.first(rows, row -> row.getUUID("id")));
    }

    private static final Sql SUSPECT = Sql.of("""
            UPDATE settings SET suspect_since = :at, suspect_reason = 'claims_missing'
             WHERE suspect_since IS NULL AND NOT EXISTS (SELECT FROM claims WHERE id = :claim)""", "claim", "at");

    /** Records that this claim, which a server has seen in the database, is missing; false where it is not. */
    public Uni<Boolean> suspectUnlessThere(UUID claim) {
        return SUSPECT.on(pool, claim, Rows.utc(clock.instant())).map(rows -> rows.rowCount() == 1);
    }

    /**
     * What the acceptance changed.
     *
     * @param quarantined workspaces of the stock that are handed out no more
     * @param canceled builds that had not ended in the backup and are not run again
     * @param prolonged leases of claims that begin anew, since their renewals may be lost
     */
    public record RestoreResult(int quarantined, int canceled, int prolonged) {}

    private static final Sql PROLONG = Sql.of("""
            UPDATE claims SET expires_at = :at::timestamptz + make_interval(secs => ttl_seconds)
             WHERE ended_at IS NULL AND workspace_id IS NOT NULL AND expires_at IS NOT NULL AND ttl_seconds IS NOT NULL
               AND expires_at < :at::timestamptz + make_interval(secs => ttl_seconds)""", "at");

    // The quarantined workspaces are no failures of their templates.
    private static final Sql BEGIN_ANEW = Sql.of(
            """
            WITH anew AS (
                UPDATE presets SET failures_from = :at RETURNING id, template_id, version_id, rollout_role),
            dirty AS (
                %s),
            begun_anew AS (
                %s),
            audited AS (
                %s)
            UPDATE settings
               SET suspect_since = NULL, suspect_reason = NULL, system_identifier = :system, sweep_wanted_at = :at""".formatted(
                            DirtyPresets.mark(
                                    "a.id",
                                    "anew a JOIN templates t ON t.id = a.template_id AND t.deleted_at IS NULL AND "
                                            + Rules.current("a", "t")),
                            RolloutTime.begins("true"),
                            AuditEntry.withoutTarget(
                                    "settings.restored",
                                    "jsonb_build_object('claimsLost', :claims_lost::boolean)",
                                    "NULL::uuid")),
            "at",
            "entry",
            "actor",
            "claims_lost",
            "system");

    /**
     * Lets servers serve this database again, in one transaction.
     *
     * @param claimsLost whether changes after the backup may be lost: then all stock is quarantined, builds
     *     that had not ended are canceled, and leases begin anew; otherwise servers only go on
     */
    public Uni<RestoreResult> accept(boolean claimsLost, UUID actor) {
        Instant at = clock.instant();
        return system().chain(system -> pool.withTransaction(connection -> (claimsLost
                        ? makeSafe(connection, at)
                        : Uni.createFrom().item(new RestoreResult(0, 0, 0)))
                .call(() -> beginAnew(connection, system.orElse(null), claimsLost, actor, at))));
    }

    private static Uni<RestoreResult> makeSafe(SqlConnection connection, Instant at) {
        return QuarantineStore.cancelStarts(connection, at)
                .chain(canceled -> QuarantineStore.quarantine(connection, at)
                        .chain(quarantined -> PROLONG.on(connection, Rows.utc(at))
                                .map(prolonged -> new RestoreResult(quarantined, canceled, prolonged.rowCount()))));
    }

    private Uni<Void> beginAnew(
            SqlConnection connection, @Nullable String system, boolean claimsLost, UUID actor, Instant at) {
        return BEGIN_ANEW
                .on(connection, Rows.utc(at), ids.next(), actor, claimsLost, system)
                .replaceWithVoid();
    }
}
