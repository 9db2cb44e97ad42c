package dev.larder.jobs;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.jobs.JobLimitStore.Limits;
import dev.larder.jobs.JobLimitStore.Touched;
import dev.larder.jobs.JobStore.Batch;
import dev.larder.lifecycle.Completed;
import dev.larder.lifecycle.EndBuildStore;
import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.JobOutcome;
import dev.larder.model.Transition;
import dev.larder.testing.OpenTransaction;
import dev.larder.testing.Stock;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** No more is in flight than is allowed, and whatever may be is (decision 0017). */
class JobLimitStoreTest {

    private final Stock stock = new Stock();

    @AfterEach
    void close() {
        stock.close();
    }

    private void limit(UUID scope, @Nullable Integer jobs, @Nullable Integer deletes) {
        await(stock.jobLimits.set(scope, jobs, deletes, stock.owner.userId(), stock.clock.instant()));
    }

    /** As a worker asks: again and again, until nothing comes. */
    private List<Assignment> takeAll() {
        List<Assignment> all = new ArrayList<>();
        List<Assignment> taken = stock.take(10);
        while (!taken.isEmpty()) {
            all.addAll(taken);
            taken = stock.take(10);
        }
        return all;
    }

    private UUID workspaceOf(UUID claim) {
        return stock.row("SELECT workspace_id FROM claims WHERE id = $1", Tuple.of(claim))
                .getUUID("workspace_id");
    }

    private static List<Transition> transitions(List<Assignment> taken) {
        return taken.stream().map(Assignment::transition).toList();
    }

    @Test
    void no_more_of_a_presets_stock_is_in_flight_than_it_says_however_many_ask_at_once() {
        UUID preset = stock.declareLimited("heavy", 50, 7, null);
        stock.create(preset, 50);
        List<Uni<Batch>> asked = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            asked.add(stock.jobs.take(stock.worker, 2, stock.clock.instant()));
        }

        List<Batch> taken = await(Uni.join().all(asked).andFailFast());

        assertThat(taken.stream().mapToInt(batch -> batch.jobs().size()).sum()
                        + takeAll().size())
                .isEqualTo(7);
    }

    // One has taken and not committed: what the other sees is from before, and it must not go by that.
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whoever_asks_at_the_same_time_counts_what_the_other_takes(boolean kept) {
        UUID preset = stock.declareLimited("heavy", 9, 3, null);
        stock.create(preset, 9);
        try (OpenTransaction other = new OpenTransaction(stock)) {
            JobStore there = new JobStore(
                    other.pool(), stock.encryption, new EndBuildStore(other.pool(), stock.encryption, stock.ids));
            assertThat(await(there.take(stock.worker, 2, stock.clock.instant())).jobs())
                    .hasSize(2);

            CompletableFuture<Batch> here =
                    stock.jobs.take(stock.worker, 5, stock.clock.instant()).subscribeAsCompletionStage();
            other.isWaitedForBy(1);
            if (kept) {
                other.commits();
            } else {
                other.rollsBack();
            }

            assertThat(here.join().jobs()).hasSize(kept ? 1 : 3);
        }
    }

    // It has looked at no more than it wanted; what it found was given away in the same moment.
    @Test
    void whoever_is_left_with_nothing_by_the_other_looks_behind_what_is_full_now() {
        stock.declare("light", 1);
        stock.create(stock.declareLimited("heavy", 2, 1, null), 2);
        stock.clock.forward(Duration.ofSeconds(1));
        stock.create(stock.preset("light"), 1);
        try (OpenTransaction other = new OpenTransaction(stock)) {
            JobStore there = new JobStore(
                    other.pool(), stock.encryption, new EndBuildStore(other.pool(), stock.encryption, stock.ids));
            assertThat(await(there.take(stock.worker, 1, stock.clock.instant())).jobs())
                    .hasSize(1);

            CompletableFuture<Batch> here =
                    stock.jobs.take(stock.worker, 1, stock.clock.instant()).subscribeAsCompletionStage();
            other.isWaitedForBy(1);
            other.commits();

            assertThat(here.join().jobs())
                    .extracting(one -> one.assignment().version().presetName())
                    .containsExactly("light");
        }
    }

    @Test
    void what_waits_for_its_turn_is_not_withdrawn_while_there_is_a_worker_for_it() {
        stock.create(stock.declareLimited("heavy", 3, 1, null), 3);
        assertThat(takeAll()).hasSize(1);
        Instant later = stock.clock.instant().plus(Duration.ofHours(2));

        assertThat(await(stock.workers.heartbeat(stock.worker, later))).isPresent();
        assertThat(await(stock.cancels.withdraw(later, later.minus(Duration.ofHours(1)))))
                .isZero();

        Instant deserted = later.plus(Duration.ofMinutes(2));
        assertThat(await(stock.cancels.withdraw(deserted, deserted.minus(Duration.ofHours(1)))))
                .isEqualTo(2);
    }

    @Test
    void who_takes_what_is_not_limited_waits_for_nobody() {
        stock.declare("light", 2);
        stock.create(stock.declareLimited("heavy", 2, 1, null), 2);
        try (OpenTransaction other = new OpenTransaction(stock)) {
            JobStore there = new JobStore(
                    other.pool(), stock.encryption, new EndBuildStore(other.pool(), stock.encryption, stock.ids));
            assertThat(await(there.take(stock.worker, 2, stock.clock.instant())).jobs())
                    .hasSize(1);
            UUID light = stock.preset("light");
            stock.create(light, 2);
            stock.sql("UPDATE jobs SET queue_at = queue_at - interval '1 hour' WHERE preset_id = $1::uuid", light);

            assertThat(stock.take(2)).hasSize(2);
        }
    }

    @Test
    void one_that_ends_makes_room_for_one_and_says_so() {
        UUID preset = stock.declareLimited("heavy", 3, 1, null);
        stock.create(preset, 3);
        Assignment first = takeAll().getFirst();

        Optional<Completed> ended =
                await(stock.ends.complete(first.lease(), new JobOutcome.Succeeded(Map.of()), stock.clock.instant()));

        assertThat(ended.map(Completed::limited)).contains(true);
        assertThat(takeAll()).hasSize(1);
    }

    @Test
    void one_that_ends_where_nothing_is_limited_says_nothing() {
        UUID preset = stock.declare("small", 1);
        stock.create(preset, 1);

        Optional<Completed> ended = await(stock.ends.complete(
                stock.take(1).getFirst().lease(), new JobOutcome.Succeeded(Map.of()), stock.clock.instant()));

        assertThat(ended.map(Completed::limited)).contains(false);
    }

    // Whoever comes before its end is committed sees its place taken, and is not seen by it.
    @Test
    void one_that_ends_says_so_also_where_it_sees_nobody_wait() {
        UUID preset = stock.declareLimited("heavy", 1, 1, null);
        stock.create(preset, 1);

        Optional<Completed> ended = await(stock.ends.complete(
                takeAll().getFirst().lease(), new JobOutcome.Succeeded(Map.of()), stock.clock.instant()));

        assertThat(ended.map(Completed::limited)).contains(true);
    }

    @Test
    void one_that_is_given_back_makes_room() {
        UUID preset = stock.declareLimited("heavy", 2, 1, null);
        stock.create(preset, 2);
        Assignment first = takeAll().getFirst();

        assertThat(await(stock.requeues.requeue(first.lease(), stock.clock.instant())))
                .isTrue();

        assertThat(takeAll()).hasSize(1);
    }

    @Test
    void what_is_full_holds_up_nothing_behind_it() {
        stock.declare("light", 3);
        stock.create(stock.declareLimited("heavy", 30, 1, null), 30);
        stock.create(stock.preset("light"), 3);

        assertThat(takeAll()).hasSize(4);
        assertThat(stock.count("jobs WHERE started_at IS NULL")).isEqualTo(29);
    }

    @Test
    void teardown_is_paced_and_starts_go_on_beside_it() {
        UUID preset = stock.declareLimited("heavy", 4, null, 2);
        List<UUID> ready = stock.ready(preset, 4);
        assertThat(await(stock.pools.delete(ready, "expired", stock.clock.instant())))
                .isEqualTo(4);
        stock.create(preset, 4);

        List<Assignment> taken = takeAll();

        assertThat(transitions(taken))
                .containsExactlyInAnyOrder(
                        Transition.DELETE,
                        Transition.DELETE,
                        Transition.START,
                        Transition.START,
                        Transition.START,
                        Transition.START);
        stock.succeed(taken.getFirst());
        assertThat(transitions(takeAll())).containsExactly(Transition.DELETE);
    }

    @Test
    void users_do_not_wait_for_a_presets_stock() {
        UUID preset = stock.declareLimited("heavy", 2, 1, null);
        stock.create(preset, 2);
        assertThat(takeAll()).hasSize(1);
        Caller ann = stock.member("ann");

        UUID cold = stock.claimCold(preset, ann);

        assertThat(takeAll()).extracting(Assignment::workspaceId).containsExactly(workspaceOf(cold));
    }

    @Test
    void an_organization_and_the_deployment_count_users_jobs_too() {
        UUID preset = stock.declare("small", 2);
        Caller ann = stock.member("ann");
        limit(stock.organization, 2, null);
        stock.create(preset, 2);
        UUID cold = stock.claimCold(preset, ann);

        List<Assignment> taken = takeAll();

        assertThat(taken).hasSize(2);
        assertThat(taken.getFirst().workspaceId()).isEqualTo(workspaceOf(cold));

        limit(stock.organization, null, null);
        limit(JobLimitStore.DEPLOYMENT, 2, null);
        assertThat(takeAll()).isEmpty();

        limit(JobLimitStore.DEPLOYMENT, 3, null);
        assertThat(takeAll()).hasSize(1);
    }

    @Test
    void a_limit_that_is_lowered_ends_nothing_and_begins_nothing() {
        UUID preset = stock.declare("small", 5);
        stock.create(preset, 5);
        limit(JobLimitStore.DEPLOYMENT, 3, 1);
        List<Assignment> taken = takeAll();
        assertThat(taken).hasSize(3);

        limit(JobLimitStore.DEPLOYMENT, 2, 1);
        stock.succeed(taken.getFirst());

        assertThat(takeAll()).isEmpty();
        assertThat(await(stock.jobLimits.find(JobLimitStore.DEPLOYMENT))).isEqualTo(new Limits(2, 1, 2, 0));
    }

    @Test
    void whoever_waits_for_a_place_sees_which_limits_are_used() {
        UUID preset = stock.declareLimited("heavy", 2, 1, null);
        stock.create(preset, 2);
        limit(stock.organization, 4, null);
        assertThat(takeAll()).hasSize(1);

        assertThat(await(stock.jobLimits.touched(Optional.of(stock.organization))))
                .containsExactly(
                        new Touched(
                                "preset",
                                Stock.ORGANIZATION,
                                Stock.TEMPLATE,
                                "heavy",
                                preset,
                                new Limits(1, null, 1, 0)),
                        new Touched("organization", Stock.ORGANIZATION, null, null, null, new Limits(4, null, 1, 0)));
        assertThat(await(stock.jobLimits.touched(Optional.of(stock.ids.next()))))
                .isEmpty();
    }

    @Test
    void changes_are_in_the_audit() {
        limit(JobLimitStore.DEPLOYMENT, 5, null);
        limit(stock.organization, null, 2);

        assertThat(stock.count(
                        "audit WHERE action = 'jobs.limits' AND organization_id IS NULL AND detail->>'jobs' = '5'"))
                .isEqualTo(1);
        assertThat(stock.integer(
                        "SELECT count(*)::integer AS n FROM audit WHERE action = 'jobs.limits' AND organization_id = $1"
                                + " AND detail->>'deletes' = '2'",
                        Tuple.of(stock.organization)))
                .isEqualTo(1);
    }

    // Whatever the limits and whatever waits: nothing is exceeded, and what is left waits because of a limit.
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
    void as_much_is_leased_as_the_limits_let(int seed) {
        Random random = new Random(seed);
        UUID unused = stock.declareLimited("one", 8, any(random), any(random));
        UUID two = stock.declareLimited("two", 8, any(random), any(random));
        UUID one = stock.preset("one");
        List<UUID> ready = new ArrayList<>(stock.ready(one, random.nextInt(5)));
        ready.addAll(stock.ready(two, random.nextInt(5)));
        limit(stock.organization, any(random), any(random));
        limit(JobLimitStore.DEPLOYMENT, any(random), any(random));
        stock.create(one, 1 + random.nextInt(8));
        stock.create(two, 1 + random.nextInt(8));
        assertThat(await(stock.pools.delete(ready, "expired", stock.clock.instant())))
                .isEqualTo(ready.size());
        UUID cold = stock.claimCold(one, stock.member("ann"));
        assertThat(cold).isNotNull();

        List<Assignment> running = new ArrayList<>(takeAll());
        assertThat(running).isNotEmpty();
        while (!running.isEmpty()) {
            assertThat(exceeded()).isZero();
            assertThat(leftForNothing()).isZero();
            stock.succeed(running.remove(random.nextInt(running.size())));
            running.addAll(takeAll());
        }
        assertThat(stock.count("jobs WHERE completed_at IS NULL")).isZero();
    }

    /** Few enough to be reached, or none. */
    private static @Nullable Integer any(Random random) {
        int limit = random.nextInt(7);
        return limit == 0 ? null : limit;
    }

    private static final String SCOPES = """
            WITH scope AS (
                SELECT l.*, count(j.id) AS running, count(j.id) FILTER (WHERE j.deletes) AS deleting
                  FROM job_limits l
                  LEFT JOIN jobs j ON j.started_at IS NOT NULL AND j.completed_at IS NULL
                                  AND l.scope IN (j.organization_id, j.preset_id, '00000000-0000-0000-0000-000000000000')
                 GROUP BY l.scope)
            """;

    private int exceeded() {
        return stock.integer(
                SCOPES + "SELECT count(*)::integer AS n FROM scope WHERE running > jobs OR deleting > deletes",
                Tuple.tuple());
    }

    private int leftForNothing() {
        return stock.integer(SCOPES + """
                SELECT count(*)::integer AS n
                  FROM jobs j
                 WHERE j.started_at IS NULL AND j.completed_at IS NULL
                   AND NOT EXISTS (SELECT FROM scope s
                                    WHERE s.scope IN (j.organization_id, j.preset_id, '00000000-0000-0000-0000-000000000000')
                                      AND (s.running >= s.jobs OR (j.deletes AND s.deleting >= s.deletes)))""", Tuple.tuple());
    }
}
