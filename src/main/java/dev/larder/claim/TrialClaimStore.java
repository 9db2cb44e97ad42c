package dev.larder.claim;

import dev.larder.database.Sql;
import dev.larder.lifecycle.TrialStore;
import dev.larder.lifecycle.TrialStore.Due;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.SqlConnection;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Claims a canary for the system user, as a client's claim of exactly one workspace does (decision 0046). */
@ApplicationScoped
public class TrialClaimStore {

    private final Pool pool;
    private final TrialStore trials;

    public TrialClaimStore(Pool pool, TrialStore trials) {
        this.pool = pool;
        this.trials = trials;
    }

    // No connections of the organization's share are asked for.
    private static final String PICK = """
            picked AS (
                SELECT w.id
                  FROM workspaces w
                 WHERE w.id = :workspace::uuid AND w.version = :version::integer AND {claimable}
                   AND EXISTS (SELECT FROM preset) AND EXISTS (SELECT FROM arriving)
                   FOR UPDATE OF w SKIP LOCKED),
            """;

    private static final Sql TAKE = ClaimStore.statement(Claimer.SYSTEM, PICK, "true", "", "workspace", "version");

    /**
     * Claims the canary, without the organization's quota. Two servers never make two claims.
     *
     * @return whether the claim was made
     */
    public Uni<Boolean> take(Due due, NewClaim claim, Instant at) {
        return pool.withTransaction(connection -> trials.lock(connection, due)
                .chain(mine -> mine
                        ? take(connection, due, claim, at)
                        : Uni.createFrom().item(false)));
    }

    private Uni<Boolean> take(SqlConnection connection, Due due, NewClaim claim, Instant at) {
        List<@Nullable Object> values = ClaimValues.values(due.preset(), List.of(claim), 1, true, 0, at);
        values.addAll(List.of(due.workspace(), due.version()));
        return TAKE.on(connection, values.toArray())
                .map(rows -> !ClaimStore.taken(rows).claims().isEmpty())
                .call(taken -> taken
                        ? trials.name(connection, due, claim.id())
                        : Uni.createFrom().voidItem());
    }
}
