package dev.larder.state;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.Caller;
import dev.larder.state.Begin.Result;
import dev.larder.testing.Stock;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Mutations of people on a real database (S5 and the statements of S9). */
class MutationStoreTest {

    private final Stock stock = new Stock();
    private final States states = new States(stock);
    private final Caller anna = stock.member("anna");
    private final Caller bob = stock.member("bob");

    @AfterEach
    void close() {
        stock.close();
    }

    @Test
    void of_all_that_begin_at_once_one_wins_and_the_losers_name_it() {
        UUID state = states.named("net");
        List<States> processes = List.of(states, new States(stock, stock.database.another(8)));
        List<Caller> callers =
                IntStream.range(0, 8).mapToObj(n -> stock.member("racer-" + n)).toList();
        List<MutationKind> kinds = List.of(MutationKind.CREATE, MutationKind.DESTROY, MutationKind.CLAIM);

        for (int round = 0; round < 20; round++) {
            List<Uni<Result>> racing = new ArrayList<>();
            for (int i = 0; i < callers.size(); i++) {
                States process = processes.get(i % processes.size());
                Begin wanted = i % 4 == 3
                        ? process.locking(state, callers.get(i), "OperationTypeApply", "lock-" + round + "-" + i)
                        : process.wanted(state, callers.get(i), kinds.get(i % kinds.size()));
                racing.add(process.mutations.begin(wanted, states.now()));
            }
            List<Result> results = await(
                    Uni.join().all(racing).usingConcurrencyOf(callers.size()).andFailFast());

            List<Mutation> begun = results.stream()
                    .filter(Result.Begun.class::isInstance)
                    .map(result -> ((Result.Begun) result).mutation())
                    .toList();
            assertThat(begun).as("round " + round).hasSize(1);
            Mutation winner = begun.getFirst();
            assertThat(winner.fence()).isEqualTo(round + 1);
            assertThat(results)
                    .filteredOn(result -> !(result instanceof Result.Begun))
                    .allSatisfy(result ->
                            assertThat(((Result.Held) result).by().id()).isEqualTo(winner.id()));
            assertThat(stock.count("state_mutations WHERE ended_at IS NULL")).isEqualTo(1);
            assertThat(states.end(winner, End.ABORTED).isOpen()).isFalse();
        }
    }

    @Test
    void a_begin_whose_answer_was_lost_is_the_same_mutation_when_it_is_sent_again() {
        UUID state = states.named("net");
        Mutation first = states.begun(states.keyed(state, anna, MutationKind.UPDATE, "k1"));

        Mutation again = states.begun(states.keyed(state, anna, MutationKind.UPDATE, "k1"));

        assertThat(again).isEqualTo(first);
        assertThat(((Result.Held) states.begin(states.keyed(state, bob, MutationKind.UPDATE, "k1"))).by())
                .isEqualTo(first);
        Mutation ended = states.end(first, End.SUCCEEDED);
        assertThat(states.begun(states.keyed(state, anna, MutationKind.UPDATE, "k1")))
                .isEqualTo(ended);
        assertThat(stock.count("state_mutations")).isEqualTo(1);
    }

    @Test
    void a_refused_begin_tells_who_holds_the_state_since_when_and_how_long() {
        UUID state = states.named("net");
        Mutation held = states.begun(states.wanted(state, anna, MutationKind.UPDATE));

        Mutation holder = ((Result.Held) states.begin(states.wanted(state, bob, MutationKind.UPDATE))).by();

        assertThat(holder).isEqualTo(held);
        assertThat(holder.holder().name()).isEqualTo("anna");
        assertThat(holder.span().openedAt()).isEqualTo(states.now());
        assertThat(holder.span().leaseExpiresAt()).isEqualTo(states.now().plus(States.LEASE));
    }

    /**
     * The table of the state machine: outcome, accepted writes, failed writes after them, and what is known
     * then.
     */
    @ParameterizedTest
    @CsvSource({
        "UPDATE, SUCCEEDED, 1, 0, reliable",
        "UPDATE, SUCCEEDED, 0, 0, reliable",
        "UPDATE, SUCCEEDED, 1, 1, unreliable(write_failed)",
        "UPDATE, SUCCEEDED, 0, 1, unreliable(write_failed)",
        "UPDATE, UNLOCKED, 1, 0, reliable",
        "UPDATE, UNLOCKED, 0, 0, new",
        "UPDATE, UNLOCKED, 0, 1, unreliable(write_failed)",
        "UPDATE, UNLOCKED, 2, 1, unreliable(write_failed)",
        "UPDATE, ABORTED, 0, 0, new",
        "UPDATE, ABORTED, 1, 0, unreliable(job_failed)",
        "UPDATE, FAILED, 0, 0, unreliable(job_failed)",
        "UPDATE, FAILED, 1, 0, unreliable(job_failed)",
        "UPDATE, EXITED, 1, 0, reliable",
        "UPDATE, EXITED, 0, 0, new",
        "UPDATE, EXITED, 1, 1, unreliable(write_failed)",
        "UPDATE, CANCELED, 1, 0, unreliable(canceled)",
        "UPDATE, FORCED, 0, 0, unreliable(forced)",
        "UPDATE, EXPIRED, 0, 0, unreliable(lease_expired)",
        "REFRESH, EXPIRED, 0, 0, unreliable(lease_expired)",
        "PLAN, EXPIRED, 0, 0, new",
        "PLAN, CANCELED, 0, 0, new",
        "PLAN, FORCED, 0, 0, new",
        "PLAN, FAILED, 0, 0, new",
        "PLAN, UNLOCKED, 0, 1, new",
    })
    void what_is_known_after_a_mutation_follows_from_how_it_ended_and_what_was_written(
            MutationKind kind, String end, int accepted, int rejected, String known)
            throws ReflectiveOperationException {
        UUID state = states.named("net");
        Mutation mutation = states.begun(states.wanted(state, anna, kind));
        assertThat(states.status(state)).isEqualTo("in_flight");
        IntStream.range(0, accepted).forEach(write -> states.accepted(mutation));
        IntStream.range(0, rejected).forEach(write -> states.rejected(mutation));
        stock.clock.forward(States.LEASE);

        Mutation ended =
                states.end(mutation, (End) End.class.getDeclaredField(end).get(null));

        assertThat(states.status(state)).isEqualTo(known);
        assertThat(ended.span().endVersion()).isEqualTo(accepted);
        assertThat(stock.integer(
                        "SELECT reliable_version::integer AS n FROM states WHERE id = $1",
                        io.vertx.mutiny.sqlclient.Tuple.of(state)))
                .isEqualTo(known.equals("reliable") ? accepted : 0);
    }

    @Test
    void an_end_that_is_sent_again_changes_nothing_and_shows_the_first_outcome() {
        UUID state = states.named("net");
        Mutation mutation = states.begun(states.wanted(state, anna, MutationKind.UPDATE));
        states.accepted(mutation);
        Mutation ended = states.end(mutation, End.SUCCEEDED);
        stock.clock.forward(Duration.ofSeconds(1));

        assertThat(states.end(mutation, End.SUCCEEDED)).isEqualTo(ended);
        assertThat(states.end(mutation, End.CANCELED)).isEqualTo(ended);
        assertThat(states.status(state)).isEqualTo("reliable");
    }

    @ParameterizedTest
    @EnumSource(MutationKind.class)
    void a_state_that_may_not_be_true_takes_only_kinds_that_do_not_build_on_it(MutationKind kind) {
        UUID state = states.named("net");
        Mutation lost = states.begun(states.wanted(state, anna, MutationKind.UPDATE));
        assertThat(states.end(lost, End.CANCELED).span().outcome()).isEqualTo("canceled");
        boolean builds = List.of(MutationKind.CREATE, MutationKind.UPDATE, MutationKind.CLAIM)
                .contains(kind);

        Result refused = states.begin(states.wanted(state, bob, kind));

        if (builds) {
            assertThat(refused).isEqualTo(new Result.NotTrusted("unreliable", "canceled"));
            Begin accepting = new Begin(
                    state,
                    bob.userId(),
                    kind,
                    Optional.empty(),
                    OptionalLong.empty(),
                    States.LEASE,
                    true,
                    Optional.empty());
            assertThat(states.begin(accepting)).isInstanceOf(Result.Begun.class);
        } else {
            assertThat(refused).isInstanceOf(Result.Begun.class);
        }
    }

    @ParameterizedTest
    @EnumSource(MutationKind.class)
    void a_state_that_cannot_be_read_takes_only_a_destroy_or_a_restore(MutationKind kind) {
        UUID state = states.named("net");
        stock.sql("UPDATE states SET status = 'corrupt', status_reason = 'body_missing' WHERE id = $1", state);
        boolean blind = kind == MutationKind.DESTROY || kind == MutationKind.RESTORE;
        Begin accepting = new Begin(
                state,
                bob.userId(),
                kind,
                Optional.empty(),
                OptionalLong.empty(),
                States.LEASE,
                true,
                Optional.empty());

        Result result = states.begin(accepting);

        if (blind) {
            Mutation begun = ((Result.Begun) result).mutation();
            assertThat(states.end(begun, End.SUCCEEDED).isOpen()).isFalse();
            assertThat(states.status(state)).isEqualTo("corrupt(body_missing)");
        } else {
            assertThat(result).isEqualTo(new Result.NotTrusted("corrupt", "body_missing"));
        }
    }

    @Test
    void a_begin_on_another_version_than_expected_is_told_the_current_one() {
        UUID state = states.named("net");
        Mutation first = states.begun(states.wanted(state, anna, MutationKind.UPDATE));
        states.accepted(first);
        assertThat(states.end(first, End.SUCCEEDED).span().endVersion()).isEqualTo(1);
        Begin stale = new Begin(
                state,
                bob.userId(),
                MutationKind.UPDATE,
                Optional.empty(),
                OptionalLong.of(0),
                States.LEASE,
                false,
                Optional.empty());

        assertThat(states.begin(stale)).isEqualTo(new Result.OtherVersion(1));
    }

    @Test
    void a_lease_that_is_over_ends_only_when_another_caller_wants_the_state() {
        UUID state = states.named("net");
        Mutation lock = states.begun(states.locking(state, anna, "OperationTypeApply", "l1"));
        stock.clock.forward(States.LOCK_LEASE.plusHours(1));

        assertThat(await(states.mutations.expireOverdue(states.now()))).isZero();
        assertThat(await(states.reads.open(state))).contains(lock);
        Result refresh = states.begin(states.wanted(state, bob, MutationKind.REFRESH));

        assertThat(((Result.Begun) refresh).mutation().fence()).isEqualTo(2);
        assertThat(await(states.reads.find(lock.id())).orElseThrow().span().outcome())
                .isEqualTo("expired");
    }

    @Test
    void after_an_expired_lock_the_state_is_not_trusted_any_more() {
        UUID state = states.named("net");
        assertThat(states.begun(states.locking(state, anna, "OperationTypeApply", "l1"))
                        .isOpen())
                .isTrue();
        stock.clock.forward(States.LOCK_LEASE);

        Result result = states.begin(states.wanted(state, bob, MutationKind.UPDATE));

        assertThat(result).isEqualTo(new Result.NotTrusted("unreliable", "lease_expired"));
        assertThat(states.status(state)).isEqualTo("unreliable(lease_expired)");
    }

    @Test
    void an_expired_plan_leaves_the_state_as_it_was() {
        UUID state = states.named("net");
        assertThat(states.begun(states.locking(state, anna, "OperationTypePlan", "l1"))
                        .kind())
                .isEqualTo("plan");
        stock.clock.forward(States.LOCK_LEASE);

        assertThat(states.begin(states.wanted(state, bob, MutationKind.UPDATE))).isInstanceOf(Result.Begun.class);
    }

    @Test
    void every_upload_begins_the_lease_of_a_tools_lock_anew() {
        UUID state = states.named("net");
        Mutation lock = states.begun(states.locking(state, anna, "OperationTypeApply", "l1"));
        stock.clock.forward(Duration.ofMinutes(119));
        await(states.open.written(lock.id(), false, States.LOCK_LEASE, states.now()));
        stock.clock.forward(Duration.ofMinutes(119));

        assertThat(states.begin(states.wanted(state, bob, MutationKind.REFRESH)))
                .isInstanceOf(Result.Held.class);
    }

    @Test
    void a_call_that_begins_and_is_not_renewed_is_ended_without_being_asked_for() {
        UUID state = states.named("net");
        Mutation begun = states.begun(states.wanted(state, anna, MutationKind.UPDATE));
        stock.clock.forward(States.LEASE.minusSeconds(1));
        assertThat(await(states.open.renew(begun.id(), anna.userId(), States.LEASE, states.now())))
                .isPresent();
        assertThat(await(states.open.renew(begun.id(), bob.userId(), States.LEASE, states.now())))
                .isEmpty();
        stock.clock.forward(States.LEASE.minusSeconds(1));
        assertThat(await(states.mutations.expireOverdue(states.now()))).isZero();
        stock.clock.forward(Duration.ofSeconds(1));

        assertThat(await(states.mutations.expireOverdue(states.now()))).isEqualTo(1);
        assertThat(states.status(state)).isEqualTo("unreliable(lease_expired)");
        assertThat(await(states.open.renew(begun.id(), anna.userId(), States.LEASE, states.now())))
                .isEmpty();
    }

    @Test
    void an_overdue_lock_makes_way_for_a_job_that_waits_for_the_state() {
        UUID preset = stock.declare("small", 1);
        UUID workspace = stock.ready(preset, 1).getFirst();
        UUID state = states.reliableOf(workspace);
        Mutation lock = states.begun(states.locking(state, stock.owner, "OperationTypeApply", "l1"));
        stock.clock.forward(States.LOCK_LEASE);
        assertThat(await(states.mutations.expireOverdue(states.now()))).isZero();
        assertThat(await(stock.pools.delete(List.of(workspace), "expired", states.now())))
                .isEqualTo(1);

        assertThat(await(states.mutations.expireOverdue(states.now()))).isEqualTo(1);

        assertThat(await(states.reads.find(lock.id())).orElseThrow().span().outcome())
                .isEqualTo("expired");
    }

    @Test
    void a_prebuild_whose_state_an_operator_locks_is_not_handed_out_until_it_is_unlocked() {
        UUID preset = stock.declare("small", 1);
        UUID workspace = stock.ready(preset, 1).getFirst();
        UUID state = states.reliableOf(workspace);

        Mutation lock = states.begun(states.locking(state, stock.owner, "OperationTypeApply", "l1"));
        assertThat(states.mirror(workspace)).isEqualTo("in_flight");
        states.accepted(lock);
        assertThat(states.end(lock, End.UNLOCKED).span().outcome()).isEqualTo("succeeded");
        assertThat(states.mirror(workspace)).isEqualTo("reliable");

        Mutation second = states.begun(states.locking(state, stock.owner, "OperationTypeApply", "l2"));
        assertThat(states.end(second, End.FORCED).span().outcome()).isEqualTo("forced");
        assertThat(states.mirror(workspace)).isEqualTo("unreliable(forced)");
        assertThat(stock.count("audit WHERE action = 'state.take_away'")).isEqualTo(1);
    }

    @Test
    void a_tool_locks_and_unlocks_inside_a_mutation_that_was_begun_by_a_call() {
        UUID state = states.named("net");
        Mutation begun = states.begun(states.wanted(state, anna, MutationKind.UPDATE));
        LockInfo plan = LockInfo.of("l1", "OperationTypePlan", "anna", states.now(), "");
        LockInfo apply = LockInfo.of("l2", "OperationTypeApply", "anna", states.now(), "");

        for (LockInfo lock : List.of(plan, plan, apply)) {
            if (lock.equals(apply)) {
                await(states.open.release(begun.id(), "l1"));
            }
            Mutation nested = await(states.open.nest(state, Optional.empty(), Optional.of(anna.userId()), lock))
                    .orElseThrow();
            assertThat(nested.id()).isEqualTo(begun.id());
            assertThat(nested.holder().lock().id()).contains(lock.id());
        }

        assertThat(await(states.open.nest(state, Optional.empty(), Optional.of(anna.userId()), plan)))
                .isEmpty();
        assertThat(await(states.open.nest(state, Optional.empty(), Optional.of(bob.userId()), apply)))
                .isEmpty();
        assertThat(await(states.reads.open(state)).orElseThrow().id()).isEqualTo(begun.id());
    }

    @Test
    void an_upload_that_was_announced_and_did_not_arrive_counts_as_failed() {
        UUID state = states.named("net");
        Mutation lock = states.begun(states.locking(state, anna, "OperationTypeApply", "l1"));
        await(states.open.announceWrite(lock.id()));

        assertThat(states.end(lock, End.UNLOCKED).isOpen()).isFalse();

        assertThat(states.status(state)).isEqualTo("unreliable(write_failed)");
    }

    @Test
    void an_upload_of_a_person_is_announced_in_the_persons_own_mutation_of_that_state_alone() {
        UUID state = states.named("net");
        UUID other = states.named("other");
        Mutation begun = states.begun(states.wanted(state, anna, MutationKind.UPDATE));
        await(states.open.announceWrite(begun.id(), UUID.randomUUID(), state));
        await(states.open.announceWrite(begun.id(), anna.userId(), other));
        assertThat(marks(begun)).isZero();

        await(states.open.announceWrite(begun.id(), anna.userId(), state));

        assertThat(marks(begun)).isOne();
    }

    private int marks(Mutation mutation) {
        return stock.row("SELECT failed_writes FROM state_mutations WHERE id = $1", Tuple.of(mutation.id()))
                .getInteger("failed_writes");
    }

    @Test
    void a_destroy_that_leaves_resources_is_not_believed() {
        UUID state = states.named("net");
        Mutation destroy = states.begun(states.wanted(state, anna, MutationKind.DESTROY));
        states.accepted(destroy);
        stock.sql("""
                INSERT INTO state_versions (state_id, version, kind, managed, client_encrypted, size, digest, content_type,
                                            key_id, wrapped_key, created_at)
                VALUES ($1, 1, 'final', 2, false, 1, decode(repeat('00', 32), 'hex'),
                        'application/json', 'default', '', now())""", state);

        assertThat(states.end(destroy, End.SUCCEEDED).isOpen()).isFalse();

        assertThat(states.status(state)).isEqualTo("unreliable(destroy_incomplete)");
        assertThat(await(states.states.delete(state, false, anna.userId(), states.now())))
                .isEqualTo(StateStore.Deletion.LISTS_RESOURCES);
        assertThat(await(states.states.delete(state, true, anna.userId(), states.now())))
                .isEqualTo(StateStore.Deletion.DELETED);
        assertThat(await(states.states.delete(state, false, anna.userId(), states.now())))
                .isEqualTo(StateStore.Deletion.DELETED);
        assertThat(states.begin(states.wanted(state, bob, MutationKind.DESTROY)))
                .isEqualTo(new Result.Gone());
    }

    @Test
    void an_organization_has_at_most_as_many_named_states_as_it_may_even_when_all_are_asked_for_at_once() {
        List<Uni<StateStore.Creation>> asking = IntStream.range(0, 12)
                .mapToObj(n -> states.states.create(stock.organization, "s" + n % 6, anna.userId(), 4, states.now()))
                .toList();

        List<StateStore.Creation> made =
                await(Uni.join().all(asking).usingConcurrencyOf(12).andFailFast());

        assertThat(made)
                .filteredOn(StateStore.Creation.Created.class::isInstance)
                .hasSize(4);
        assertThat(stock.count("states WHERE name IS NOT NULL")).isEqualTo(4);
    }
}
