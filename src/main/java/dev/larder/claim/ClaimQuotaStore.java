package dev.larder.claim;

import dev.larder.database.Bulkhead;
import dev.larder.database.Rows;
import dev.larder.database.Sql;
import dev.larder.lifecycle.Rules;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.SqlClient;
import io.vertx.pgclient.PgException;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.UUID;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Limits what an organization may claim: its quota of claims, and its share of the connections of a database server
 * (design, section 3.7). Claims of an organization with a quota take turns: each counts the claims before it.
 */
@ApplicationScoped
public class ClaimQuotaStore {

    private static final String UNIQUE_VIOLATION = "23505";
    private static final String DEADLOCK_DETECTED = "40P01";

    /** Claims of one preset that lock their organization's quota at once; they take turns at it anyway. */
    private static final int ATTEMPTS_AT_ONCE = 2;

    private static final int ATTEMPTS_WAITING_MAX = 200;
    private static final Duration ATTEMPT_WITHIN = Duration.ofSeconds(10);

    /** A condition: the organization {@code o} has a quota. */
    static final String LIMITED = "(o.claims_max IS NOT NULL OR o.claims_max_per_user IS NOT NULL)";

    private final Pool client;
    private final Bulkhead<UUID> attempts = new Bulkhead<>(ATTEMPTS_AT_ONCE, ATTEMPTS_WAITING_MAX, ATTEMPT_WITHIN);

    public ClaimQuotaStore(Pool client) {
        this.client = client;
    }

    // connection_room locks, so that statements of one organization wait for each other. It is called after the
    // other locks are held.
    /**
     * The CTE {@code room}: how many more workspaces the organization may claim at each PostgreSQL server
     * it uses. No rows for other backends.
     *
     * @param preset a CTE with one row that has the preset's {@code organization_id} and {@code backend}
     * @param after a condition whose evaluation comes first
     */
    static String room(String preset, String after) {
        return """
                room AS MATERIALIZED (
                    SELECT l.id AS place_id, connection_room(l.id, l.organization_id) AS left_over
                      FROM (SELECT l.id, p.organization_id
                              FROM inventory_locations l JOIN %1$s p ON %3$s
                             WHERE l.backend = 'postgres' AND l.connections IS NOT NULL
                               AND (SELECT q.backend FROM %1$s q) = 'postgres' AND %2$s
                             ORDER BY l.id) l),
                """.formatted(preset, after, Rules.serves("l", "p.organization_id"));
    }

    /**
     * What an organization and a user hold or wait for, and how much that may be; null where there is no
     * limit.
     */
    public record Quota(
            int held,
            @Nullable Integer max,
            int heldByUser,
            @Nullable Integer maxPerUser) {

        /** How many more claims the quota allows. */
        public int left() {
            int ofAll = max == null ? Integer.MAX_VALUE : max - held;
            int ofUser = maxPerUser == null ? Integer.MAX_VALUE : maxPerUser - heldByUser;
            return Math.max(0, Math.min(ofAll, ofUser));
        }
    }

    /** The result of an attempt to claim under a quota. */
    public sealed interface UnderQuota<T> {

        /** Nothing was claimed: the quota leaves fewer than the wanted number. */
        record Exceeded<T>(Quota quota) implements UnderQuota<T> {}

        /** The attempt was made, under a quota or without one. */
        record Within<T>(T result) implements UnderQuota<T> {}
    }

    /** The attempt that is made while the quota is locked. */
    interface Attempt<T> {

        /** @param left how many more claims the quota allows */
        Uni<T> make(SqlClient connection, int left);
    }

    /**
     * Makes an attempt in a transaction that holds the lock of the preset's organization.
     *
     * @param wanted the attempt is made where the quota leaves so many at least
     * @param none the result where the preset does not exist, or a request under the same key committed first
     */
    <T> Uni<UnderQuota<T>> within(UUID preset, UUID user, int wanted, T none, Attempt<T> attempt) {
        return attempts.in(
                preset,
                () -> client.withTransaction(connection -> locked(connection, preset, user, wanted, none, attempt))
                        .onFailure(ClaimQuotaStore::keyTaken)
                        .recoverWithItem(new UnderQuota.Within<>(none)));
    }

    // The count after the lock includes earlier claims. A process that hangs in the middle must not block the
    // others: the server ends its transaction.
    private static final Sql LOCK_QUOTA = Sql.of("""
            SELECT o.id, o.claims_max, o.claims_max_per_user, set_config('idle_in_transaction_session_timeout', '10000', true)
              FROM organizations o
             WHERE o.id = (SELECT organization_id FROM presets WHERE id = :preset)
               FOR NO KEY UPDATE""", "preset");

    private static <T> Uni<UnderQuota<T>> locked(
            SqlClient connection, UUID preset, UUID user, int wanted, T none, Attempt<T> attempt) {
        return LOCK_QUOTA
                .on(connection, preset)
                .map(rows -> Rows.first(rows, Function.identity()))
                .chain(limits -> limits.isEmpty()
                        ? Uni.createFrom().item(new UnderQuota.Within<>(none))
                        : held(connection, limits.get(), user)
                                .chain(quota -> counted(connection, quota, wanted, attempt)));
    }

    private static final Sql COUNT_HELD = Sql.of("""
            SELECT count(*)::integer AS held, (count(*) FILTER (WHERE user_id = :user))::integer AS held_by_user
              FROM claims c WHERE organization_id = :organization AND ended_at IS NULL AND %s""".formatted(Rules.ofClient("c")), "organization", "user");

    private static Uni<Quota> held(SqlClient connection, Row limits, UUID user) {
        return COUNT_HELD
                .on(connection, limits.getUUID("id"), user)
                .map(rows -> rows.iterator().next())
                .map(row -> new Quota(
                        row.getInteger("held"),
                        limits.getInteger("claims_max"),
                        row.getInteger("held_by_user"),
                        limits.getInteger("claims_max_per_user")));
    }

    private static <T> Uni<UnderQuota<T>> counted(SqlClient connection, Quota quota, int wanted, Attempt<T> attempt) {
        return quota.left() < wanted
                ? Uni.createFrom().item(new UnderQuota.Exceeded<>(quota))
                : attempt.make(connection, quota.left()).map(UnderQuota.Within::new);
    }

    /** A request with the same key has committed first: everything that this statement did is rolled back. */
    static boolean keyTaken(Throwable failure) {
        return failure instanceof PgException refused
                && UNIQUE_VIOLATION.equals(refused.getSqlState())
                && "claims_by_key".equals(refused.getConstraint());
    }

    /**
     * A key was committed first by another process, or two processes combined the same keys in different
     * orders.
     */
    static boolean undone(Throwable failure) {
        return keyTaken(failure) || isDeadlock(failure);
    }

    static boolean isDeadlock(Throwable failure) {
        return failure instanceof PgException refused && DEADLOCK_DETECTED.equals(refused.getSqlState());
    }
}
