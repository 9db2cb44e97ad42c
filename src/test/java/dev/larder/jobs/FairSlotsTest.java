package dev.larder.jobs;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.jobs.JobStore.Batch;
import dev.larder.jobs.JobStore.Taken;
import dev.larder.lifecycle.EndBuildStore;
import dev.larder.lifecycle.Handicap;
import dev.larder.model.Assignment;
import dev.larder.model.Transition;
import dev.larder.model.WorkerEntry;
import dev.larder.testing.OpenTransaction;
import dev.larder.testing.Stock;
import dev.larder.testing.Tenant;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Organizations share the slots of the workers that serve them all (decision 0022). */
class FairSlotsTest {

    private static final Duration A_DAY = Duration.ofHours(24);

    private final Stock stock = new Stock();

    @AfterEach
    void close() {
        stock.close();
    }

    private UUID worker(int slots) {
        return await(stock.workers.register(
                new WorkerEntry("shared", Map.of(), List.of("exec", "postgres"), slots, Optional.empty()),
                stock.clock.instant()));
    }

    private List<Assignment> take(UUID worker, int slots) {
        return await(stock.jobs.take(worker, slots, stock.clock.instant())).jobs().stream()
                .map(Taken::assignment)
                .toList();
    }

    private static List<String> organizations(List<Assignment> taken) {
        return taken.stream().map(one -> one.workspace().organizationName()).toList();
    }

    @Test
    void an_organization_whose_builds_sleep_for_a_day_leaves_every_other_slot_to_users_and_short_jobs() {
        Tenant sleeper = new Tenant(stock, "sleeper", "exec", A_DAY);
        Tenant other = new Tenant(stock, "other");
        UUID worker = worker(2);
        sleeper.queues(4);

        assertThat(organizations(take(worker, 2)))
                .as("it is alone, and has one slot of two")
                .containsExactly("sleeper");

        other.queues(1);
        assertThat(organizations(take(worker, 1)))
                .as("a prebuild of ten minutes")
                .containsExactly("other");
    }

    @Test
    void a_users_build_of_a_day_begins_although_another_organization_has_builds_of_a_day_under_way() {
        Tenant sleeper = new Tenant(stock, "sleeper", "exec", A_DAY);
        Tenant other = new Tenant(stock, "other", "exec", A_DAY);
        UUID worker = worker(2);
        sleeper.queues(4);
        assertThat(take(worker, 2)).hasSize(1);

        UUID cold = stock.claimCold(other.preset, other.member("bob"));

        assertThat(cold).isNotNull();
        assertThat(organizations(take(worker, 1))).containsExactly("other");
    }

    @Test
    void builds_of_a_day_of_two_organizations_take_turns() {
        Tenant sleeper = new Tenant(stock, "sleeper", "exec", A_DAY);
        Tenant other = new Tenant(stock, "other", "exec", A_DAY);
        UUID worker = worker(2);
        sleeper.queues(4);
        Assignment first = take(worker, 2).getFirst();
        stock.clock.forward(Duration.ofMinutes(1));
        other.queues(1);
        assertThat(take(worker, 1)).as("the slot of users and short jobs").isEmpty();

        stock.succeed(first);

        assertThat(organizations(take(worker, 1))).containsExactly("other");
    }

    @Test
    void builds_of_an_hour_take_all_slots() {
        Tenant alone = new Tenant(stock, "alone", "exec", Duration.ofHours(1));
        alone.queues(4);

        assertThat(take(worker(2), 2)).hasSize(2);
    }

    @Test
    void a_worker_that_says_how_many_slots_it_reserves_reserves_so_many_whatever_the_jobs_take() {
        Tenant sleeper = new Tenant(stock, "sleeper", "exec", A_DAY);
        sleeper.queues(4);
        UUID open = await(stock.workers.register(
                new WorkerEntry("open", Map.of(), List.of("exec"), 3, 0), stock.clock.instant()));

        assertThat(take(open, 3)).hasSize(3);
    }

    @Test
    void an_older_backlog_of_a_thousand_does_not_hide_another_organizations_job() {
        Tenant busy = new Tenant(stock, "busy");
        Tenant quiet = new Tenant(stock, "quiet");
        busy.queues(1_000);
        stock.clock.forward(Duration.ofMinutes(1));
        quiet.queues(2);

        assertThat(organizations(take(worker(4), 4))).containsExactlyInAnyOrder("busy", "quiet", "busy", "quiet");
    }

    @Test
    void the_organization_with_the_fewest_running_jobs_goes_first_on_whatever_shared_worker() {
        Tenant busy = new Tenant(stock, "busy");
        Tenant quiet = new Tenant(stock, "quiet");
        busy.queues(10);
        assertThat(take(worker(3), 3)).hasSize(3);
        stock.clock.forward(Duration.ofMinutes(1));
        quiet.queues(10);

        assertThat(organizations(take(worker(5), 5)))
                .as("three run already: 3 + 1 and 0 + 4")
                .containsExactlyInAnyOrder("quiet", "quiet", "quiet", "busy", "quiet");
        assertThat(busy.running()).isEqualTo(quiet.running());
    }

    @Test
    void an_idle_slot_is_never_held_back() {
        Tenant alone = new Tenant(stock, "alone");
        Tenant gone = new Tenant(stock, "gone");
        gone.queues(1);
        alone.queues(10);

        assertThat(take(worker(8), 8)).hasSize(8);
        assertThat(alone.running() + gone.running()).isEqualTo(8);
    }

    @Test
    void where_another_taker_has_what_was_next_the_slot_goes_to_what_comes_after_it() {
        Tenant one = new Tenant(stock, "one");
        Tenant two = new Tenant(stock, "two");
        one.queues(1);
        UUID worker = worker(2);
        try (OpenTransaction other = new OpenTransaction(stock)) {
            JobStore there = new JobStore(
                    other.pool(), stock.encryption, new EndBuildStore(other.pool(), stock.encryption, stock.ids));
            assertThat(await(there.take(stock.worker, 1, stock.clock.instant())).jobs())
                    .hasSize(1);
            two.queues(3);

            assertThat(organizations(take(worker, 2))).containsExactly("two", "two");
        }
    }

    @Test
    void each_takers_slots_are_filled_however_many_take_at_once() {
        List<Tenant> tenants = IntStream.range(0, 5)
                .mapToObj(n -> new Tenant(stock, "tenant-" + n))
                .toList();
        tenants.forEach(tenant -> tenant.queues(20));
        List<UUID> workers = IntStream.range(0, 10).mapToObj(n -> worker(10)).toList();

        List<Batch> taken = await(Uni.join()
                .all(workers.stream()
                        .map(worker -> stock.jobs.take(worker, 10, stock.clock.instant()))
                        .toList())
                .andFailFast());

        assertThat(taken).allSatisfy(batch -> assertThat(batch.jobs()).hasSize(10));
    }

    @Test
    void what_runs_on_an_organizations_own_workers_does_not_count_against_it() {
        Tenant owning = new Tenant(stock, "owning");
        Tenant other = new Tenant(stock, "other");
        owning.queues(10);
        UUID own = await(stock.workers.register(
                owning.member("runner"),
                new WorkerEntry("own", Map.of(), List.of("exec"), 5, Optional.empty()),
                stock.clock.instant()));
        assertThat(take(own, 5)).hasSize(5);
        other.queues(10);

        assertThat(organizations(take(worker(4), 4))).containsExactlyInAnyOrder("owning", "owning", "other", "other");
    }

    @Test
    void users_come_before_the_prebuilds_of_an_organization_that_has_nothing_running() {
        Tenant stocking = new Tenant(stock, "stocking");
        Tenant asking = new Tenant(stock, "asking");
        asking.queues(3);
        assertThat(take(worker(3), 3)).hasSize(3);
        stocking.queues(3);
        stock.clock.forward(Duration.ofMinutes(1));
        UUID cold = stock.claimCold(asking.preset, asking.member("ann"));

        assertThat(cold).isNotNull();
        assertThat(organizations(take(worker(1), 1))).containsExactly("asking");
    }

    @Test
    void a_prebuild_that_waited_out_its_handicap_takes_its_turn_beside_users() {
        Tenant stocking = new Tenant(stock, "stocking");
        Tenant asking = new Tenant(stock, "asking");
        stocking.queues(1);
        stock.clock.forward(Handicap.START.plusSeconds(1));
        for (int i = 0; i < 3; i++) {
            assertThat(stock.claimCold(asking.preset, asking.member("user-" + i)))
                    .isNotNull();
        }

        assertThat(organizations(take(worker(2), 2))).containsExactlyInAnyOrder("stocking", "asking");
    }

    @Test
    void deletions_of_one_organization_do_not_wait_behind_creations_of_another() {
        UUID preset = stock.declare("small", 5);
        List<UUID> ready = stock.ready(preset, 2);
        Tenant creating = new Tenant(stock, "creating");
        creating.queues(50);
        stock.clock.forward(Duration.ofSeconds(30));
        assertThat(await(stock.pools.delete(ready, "expired", stock.clock.instant())))
                .isEqualTo(2);

        assertThat(take(worker(2), 2).stream().map(Assignment::transition))
                .containsExactly(Transition.DELETE, Transition.DELETE);
    }

    // More organizations than one lease looks at: it begins after the one that was served last.
    @Test
    void with_more_organizations_than_one_lease_looks_at_each_comes_to_its_turn() {
        List<Tenant> tenants = IntStream.range(0, 70)
                .mapToObj(n -> new Tenant(stock, "tenant-" + n))
                .toList();
        tenants.forEach(tenant -> tenant.queues(3));
        UUID worker = worker(1_000);

        List<Assignment> taken = new ArrayList<>();
        for (int turn = 0; turn < 70; turn++) {
            taken.addAll(take(worker, 1));
        }

        assertThat(organizations(taken)).doesNotHaveDuplicates().hasSize(70);
    }

    @Test
    void an_organization_behind_more_than_one_lease_asks_gets_its_turn_although_none_of_those_before_it_is_served() {
        List<Tenant> unserved = IntStream.range(0, Leasing.ORGANIZATIONS_MAX + 1)
                .mapToObj(n -> new Tenant(stock, "tenant-" + n, "postgres", Duration.ofMinutes(10)))
                .toList();
        unserved.forEach(tenant -> tenant.queues(1));
        Tenant last = new Tenant(stock, "last");
        last.queues(2);
        UUID worker = await(stock.workers.register(
                new WorkerEntry("exec only", Map.of(), List.of("exec"), 10, Optional.empty()), stock.clock.instant()));

        assertThat(organizations(take(worker, 1))).containsExactly("last");
        assertThat(organizations(take(worker, 2))).containsExactly("last");
        assertThat(take(worker, 2)).isEmpty();
    }
}
