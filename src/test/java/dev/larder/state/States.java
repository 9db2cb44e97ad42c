package dev.larder.state;

import static dev.larder.testing.Stock.await;

import dev.larder.model.Caller;
import dev.larder.state.StateStore.Creation;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;

/** States on a {@link Stock}, and words that move their mutations. */
final class States {

    static final Duration LEASE = Duration.ofMinutes(1);
    static final Duration LOCK_LEASE = Duration.ofHours(2);

    final Stock stock;
    final StateStore states;
    final MutationReads reads;
    final MutationStore mutations;
    final OpenMutationStore open;

    States(Stock stock) {
        this(stock, stock.pool);
    }

    /** As another process has them. */
    States(Stock stock, Pool pool) {
        this.stock = stock;
        states = new StateStore(pool, stock.ids);
        reads = new MutationReads(pool);
        mutations = new MutationStore(pool, stock.ids, reads);
        open = new OpenMutationStore(pool);
    }

    Instant now() {
        return stock.clock.instant();
    }

    UUID named(String name) {
        Creation made = await(states.create(stock.organization, name, stock.owner.userId(), 1_000, now()));
        return ((Creation.Created) made).state().id();
    }

    /** The state of a workspace, as a job of a backend with states leaves it. */
    UUID reliableOf(UUID workspace) {
        UUID state = stock.ids.next();
        stock.sql(
                "INSERT INTO states (id, organization_id, workspace_id, created_at, status, status_since, fence)"
                        + " VALUES ($1, $2, $3, $4, 'reliable', $4, 1)",
                state,
                stock.organization,
                workspace,
                now().atOffset(java.time.ZoneOffset.UTC));
        return state;
    }

    Begin wanted(UUID state, Caller user, MutationKind kind) {
        return new Begin(
                state, user.userId(), kind, Optional.empty(), OptionalLong.empty(), LEASE, false, Optional.empty());
    }

    Begin keyed(UUID state, Caller user, MutationKind kind, String key) {
        return new Begin(
                state, user.userId(), kind, Optional.of(key), OptionalLong.empty(), LEASE, false, Optional.empty());
    }

    Begin locking(UUID state, Caller user, String operation, String lock) {
        return new Begin(
                state,
                user.userId(),
                MutationKind.ofOperation(operation),
                Optional.empty(),
                OptionalLong.empty(),
                LOCK_LEASE,
                false,
                Optional.of(LockInfo.of(lock, operation, user.name(), now(), "")));
    }

    Begin.Result begin(Begin wanted) {
        return await(mutations.begin(wanted, now()));
    }

    Mutation begun(Begin wanted) {
        Begin.Result result = begin(wanted);
        if (result instanceof Begin.Result.Begun(Mutation mutation)) {
            return mutation;
        }
        throw new AssertionError("not begun: " + result);
    }

    Mutation end(Mutation mutation, End end) {
        return await(mutations.end(mutation.id(), end, stock.owner.userId(), now()))
                .orElseThrow();
    }

    /** An accepted upload of a state that lists no resources. */
    void accepted(Mutation mutation) {
        stock.wrote(mutation.state(), mutation.id(), 0);
    }

    void rejected(Mutation mutation) {
        stock.sql("UPDATE state_mutations SET failed_writes = failed_writes + 1 WHERE id = $1", mutation.id());
    }

    /** Status and reason, such as {@code unreliable(canceled)}. */
    String status(UUID state) {
        Row row = stock.row("SELECT status, status_reason FROM states WHERE id = $1", Tuple.of(state));
        String reason = row.getString("status_reason");
        return row.getString("status") + (reason == null ? "" : "(" + reason + ")");
    }

    /** What the workspace's own row says; {@code null} where it says nothing. */
    String mirror(UUID workspace) {
        Row row = stock.row("SELECT state_status, state_reason FROM workspaces WHERE id = $1", Tuple.of(workspace));
        String reason = row.getString("state_reason");
        return row.getString("state_status") + (reason == null ? "" : "(" + reason + ")");
    }
}
