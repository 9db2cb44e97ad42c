package dev.larder.worker;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.inventory.InventoryIntake;
import dev.larder.jobs.JobObserver;
import dev.larder.jobs.JobStore;
import dev.larder.jobs.LocalJobSource;
import dev.larder.model.Assignment;
import dev.larder.model.Backend;
import dev.larder.model.Inventory;
import dev.larder.model.JobOutcome;
import dev.larder.model.JobSource;
import dev.larder.model.JobStatus;
import dev.larder.model.LogLine;
import dev.larder.model.Transition;
import dev.larder.testing.Databases;
import dev.larder.testing.Eventually;
import dev.larder.testing.NoFiles;
import dev.larder.testing.Stock;
import dev.larder.wakeup.Channel;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class WorkerTest {

    private final Stock stock = new Stock();
    private final WakeUps wakeUps = new WakeUps();
    private final Endless backend = new Endless();
    private final Heard heard = new Heard();
    private final JobSource jobSource = new LocalJobSource(
            stock.jobs,
            stock.ends,
            stock.requeues,
            stock.workers,
            new InventoryIntake(stock.listings, stock.missing, wakeUps, stock.clock),
            wakeUps,
            stock.clock,
            new GivenWorkerSettings(1, Duration.ofHours(1)),
            heard,
            new NoFiles());
    private final Worker worker = new Worker(
            jobSource,
            Databases.vertx(),
            stock.clock,
            new GivenWorkerSettings(1, Duration.ofHours(1)),
            GivenListingSettings.ON_REQUEST,
            List.of(backend));

    @AfterEach
    void close() {
        backend.end.complete(new JobOutcome.Canceled());
        await(worker.stop());
        stock.close();
    }

    @Test
    void a_lease_whose_answer_was_lost_is_given_up_at_the_next_heartbeat() throws InterruptedException {
        UUID preset = stock.declare("small", 2);
        stock.create(preset, 2);
        await(worker.start());
        backend.begun.await();
        UUID id = stock.row("SELECT id FROM workers WHERE slots = 1", Tuple.tuple())
                .getUUID("id");
        var lost = await(stock.jobs.take(id, 1, stock.clock.instant())).jobs();
        assertThat(lost).hasSize(1);
        assertThat(stock.count("jobs WHERE status = 'running'")).isEqualTo(2);

        wakeUps.wake(Channel.CANCELS);

        while (stock.count("jobs WHERE status = 'pending'") == 0) {
            Thread.onSpinWait();
        }
        assertThat(stock.count("jobs WHERE status = 'running'")).isEqualTo(1);
    }

    @Test
    void counts_a_claim_build_that_replaced_resources_and_rings_for_what_is_built_cold() throws InterruptedException {
        stock.withClaimStep();
        UUID preset = stock.declare("small", 1);
        CountDownLatch woken = new CountDownLatch(1);
        wakeUps.onChange(Channel.STEPS, woken::countDown);
        UUID claim = stock.claimCold(preset, stock.owner);
        await(worker.start());
        backend.begun.await();

        backend.end.complete(new JobOutcome.Succeeded(Map.of("a", "b"), Map.of("disk", List.of("size"))));

        assertThat(woken.await(20, TimeUnit.SECONDS)).isTrue();
        assertThat(heard.replaced.await(20, TimeUnit.SECONDS)).isTrue();
        assertThat(stock.count("notifications WHERE kind = 'resources_replaced'"))
                .isEqualTo(1);
    }

    @Test
    void shows_that_it_is_alive_as_long_as_it_drains() throws InterruptedException {
        UUID preset = stock.declare("small", 1);
        stock.create(preset, 1);
        await(worker.start());
        backend.begun.await();
        CompletableFuture<Void> stopped = worker.stop().subscribeAsCompletionStage();
        stock.clock.forward(Duration.ofSeconds(5));

        worker.heartbeat();

        while (stock.count("workers WHERE slots = 1 AND last_seen_at > created_at") == 0) {
            Thread.onSpinWait();
        }
        stock.clock.forward(Duration.ofMinutes(1));
        stopped.join();
        assertThat(stock.count("jobs WHERE status = 'pending'")).isEqualTo(1);
    }

    @Test
    void a_job_that_it_lost_and_is_leased_again_is_done_once_and_lost_no_more() throws InterruptedException {
        UUID preset = stock.declare("small", 1);
        stock.create(preset, 1);
        OneByOne builds = new OneByOne();
        Worker two = new Worker(
                jobSource,
                Databases.vertx(),
                stock.clock,
                new GivenWorkerSettings(2, Duration.ofHours(1)),
                GivenListingSettings.ON_REQUEST,
                List.of(builds));
        await(two.start());
        CompletableFuture<JobOutcome> lost = builds.begun.take();
        var reaped = await(stock.requeues.requeueLost(
                stock.clock.instant(), stock.clock.instant().plusMillis(1), stock.clock.instant(), 3));
        assertThat(reaped).isEqualTo(1);

        wakeUps.wake(Channel.JOBS);
        CompletableFuture<JobOutcome> again = builds.begun.take();
        assertThat(lost).isCancelled();
        again.complete(new JobOutcome.Succeeded(Map.of()));

        Eventually.see(
                () -> stock.count("jobs WHERE status = 'succeeded' AND attempt = 2 AND losses = 1"), done -> done == 1);
        await(two.stop());
    }

    @Test
    void a_worker_that_has_all_there_is_asks_no_more_until_it_is_woken() throws InterruptedException {
        UUID preset = stock.declare("small", 3);
        stock.create(preset, 1);
        OneByOne builds = new OneByOne();
        Worker free = working(3, 0, builds);
        builds.begun.take().complete(new JobOutcome.Succeeded(Map.of()));
        Eventually.see(() -> stock.count("jobs WHERE status = 'succeeded'"), done -> done == 1);

        stock.create(preset, 1);
        wakeUps.wake(Channel.JOBS);
        builds.begun.take().complete(new JobOutcome.Succeeded(Map.of()));

        assertThat(asks.get()).isEqualTo(2);
        await(free.stop());
    }

    @Test
    void whoever_had_no_slot_for_more_asks_as_soon_as_one_is_free() throws InterruptedException {
        stock.create(stock.declare("small", 5), 5);
        OneByOne builds = new OneByOne();
        Worker busy = working(2, 0, builds);

        for (int i = 0; i < 5; i++) {
            builds.begun.take().complete(new JobOutcome.Succeeded(Map.of()));
        }

        Eventually.see(() -> stock.count("jobs WHERE status = 'succeeded'"), done -> done == 5);
        await(busy.stop());
    }

    @Test
    void what_the_reserve_kept_back_is_asked_for_when_a_prebuild_has_ended() throws InterruptedException {
        stock.create(stock.declare("small", 3), 3);
        OneByOne builds = new OneByOne();
        Worker reserving = working(3, 2, builds);

        for (int i = 0; i < 3; i++) {
            builds.begun.take().complete(new JobOutcome.Succeeded(Map.of()));
        }

        Eventually.see(() -> stock.count("jobs WHERE status = 'succeeded'"), done -> done == 3);
        await(reserving.stop());
    }

    @Test
    void a_cancelled_job_keeps_its_lease_and_its_log_until_its_backend_has_ended_it() throws InterruptedException {
        stock.create(stock.declare("small", 1), 1);
        Slow slow = new Slow();
        Worker asking = working(1, 0, slow);
        Assignment job = slow.begun.take();

        cancel(job.jobId());
        slow.asked.await();
        assertThat(stock.count("jobs WHERE status = 'canceling' AND lease_token IS NOT NULL"))
                .isEqualTo(1);
        slow.say("tidying up");
        slow.end.complete(new JobOutcome.Canceled());

        Eventually.see(() -> stock.count("jobs WHERE status = 'canceled'"), done -> done == 1);
        assertThat(stock.count("job_logs WHERE line = 'tidying up'")).isEqualTo(1);
        await(asking.stop());
    }

    @Test
    void a_job_of_a_backend_that_cannot_be_asked_is_canceled_at_once() throws InterruptedException {
        stock.create(stock.declare("small", 1), 1);
        OneByOne builds = new OneByOne();
        Worker deaf = working(1, 0, builds);
        CompletableFuture<JobOutcome> job = builds.begun.take();

        cancel(stock.row("SELECT id FROM jobs", Tuple.tuple()).getUUID("id"));

        Eventually.see(() -> stock.count("jobs WHERE status = 'canceled'"), done -> done == 1);
        assertThat(job).isCancelled();
        await(deaf.stop());
    }

    @Test
    void a_job_may_take_its_backends_time_to_end_after_its_deadline() throws InterruptedException {
        stock.create(stock.declare("small", 1), 1);
        Slow slow = new Slow();
        // By its clock the deadline has passed when the job begins: any other backend is cut off at once.
        Worker late = new Worker(
                jobSource,
                Databases.vertx(),
                () -> stock.clock.instant().plus(Duration.ofDays(2)),
                new GivenWorkerSettings(1, Duration.ofHours(1)),
                GivenListingSettings.ON_REQUEST,
                List.of(slow));
        await(late.start());
        var unused = slow.begun.take();
        slow.say("rolled back");
        slow.end.complete(new JobOutcome.Failed("timed_out", "too late"));

        Eventually.see(() -> stock.count("jobs WHERE status = 'failed' AND error = 'too late'"), done -> done == 1);
        assertThat(stock.count("job_logs WHERE line = 'rolled back'")).isEqualTo(1);
        await(late.stop());
    }

    @Test
    void a_backend_that_cannot_be_used_is_not_offered_and_the_others_are() throws InterruptedException {
        stock.create(stock.declare("small", 1), 1);
        OneByOne builds = new OneByOne();
        GivenWorkerSettings settings = new GivenWorkerSettings(3, Duration.ofHours(1));
        Worker half = new Worker(
                jobSource,
                Databases.vertx(),
                stock.clock,
                settings,
                GivenListingSettings.ON_REQUEST,
                List.of(new Unusable("postgres"), builds));
        await(half.start());

        CompletableFuture<JobOutcome> begun = builds.begun.take();

        assertThat(stock.count("workers WHERE slots = 3 AND backends = ARRAY['exec', 'files']"))
                .isEqualTo(1);
        begun.complete(new JobOutcome.Succeeded(Map.of()));
        await(half.stop());
    }

    @Test
    void a_worker_that_can_use_no_backend_takes_no_job() {
        stock.create(stock.declare("small", 1), 1);
        Worker idle = new Worker(
                jobSource,
                Databases.vertx(),
                stock.clock,
                new GivenWorkerSettings(3, Duration.ofHours(1)),
                GivenListingSettings.ON_REQUEST,
                List.of(new Unusable("exec")));

        await(idle.start());

        assertThat(stock.count("workers WHERE slots = 3")).isZero();
        assertThat(stock.count("jobs WHERE status = 'pending'")).isEqualTo(1);
        await(idle.stop());
    }

    private void cancel(UUID job) {
        await(stock.cancels.cancel(job, List.of(stock.organization), Optional.empty(), stock.clock.instant()));
        wakeUps.wake(Channel.CANCELS);
    }

    private record Unusable(String kind) implements Backend {

        @Override
        public Optional<String> unusable() {
            return Optional.of("It cannot be used.");
        }

        @Override
        public Uni<JobOutcome> perform(Assignment assignment, Consumer<LogLine> log) {
            throw new UnsupportedOperationException();
        }
    }

    /** Ends when the test says so, and knows that it was asked to. */
    private static final class Slow implements Backend {

        final BlockingQueue<Assignment> begun = new LinkedBlockingQueue<>();
        final CountDownLatch asked = new CountDownLatch(1);
        final CompletableFuture<JobOutcome> end = new CompletableFuture<>();
        private volatile Consumer<LogLine> log = line -> {};

        @Override
        public String kind() {
            return "exec";
        }

        @Override
        public Duration endsWithin() {
            return Duration.ofMinutes(1);
        }

        @Override
        public boolean stop(Assignment assignment) {
            asked.countDown();
            return true;
        }

        @Override
        public Uni<JobOutcome> perform(Assignment assignment, Consumer<LogLine> lines) {
            log = lines;
            begun.add(assignment);
            return Uni.createFrom().completionStage(end);
        }

        void say(String line) {
            log.accept(new LogLine(Stock.NOON, "stdout", line));
        }
    }

    private final AtomicInteger asks = new AtomicInteger();

    @Test
    void a_job_that_its_place_failed_goes_back_and_is_the_probe_of_the_held_place() throws InterruptedException {
        stock.create(stock.declare("small", 1), 1);
        OneByOne builds = new OneByOne();
        CountDownLatch told = new CountDownLatch(2);
        wakeUps.onChange(Channel.ENDED, told::countDown);
        Worker held = working(2, 0, builds);
        builds.begun.take().complete(new JobOutcome.Failed("backend_unavailable", "The server cannot be reached."));
        Eventually.see(() -> stock.count("held_places"), places -> places == 1);
        assertThat(stock.count("jobs WHERE status = 'pending' AND attempt = 1")).isEqualTo(1);

        stock.clock.forward(Duration.ofSeconds(5));
        wakeUps.wake(Channel.JOBS);
        builds.begun.take().complete(new JobOutcome.Succeeded(Map.of()));

        Eventually.see(() -> stock.count("jobs WHERE status = 'succeeded' AND attempt = 2"), done -> done == 1);
        assertThat(stock.count("held_places")).isZero();
        assertThat(told.await(20, TimeUnit.SECONDS)).isTrue();
        await(held.stop());
    }

    /** Begun, and looking for jobs by itself once an hour. */
    private Worker working(int slots, int reserved, Backend builds) {
        GivenWorkerSettings settings = new GivenWorkerSettings(slots, Optional.of(reserved), Duration.ofHours(1));
        JobStore counting = new JobStore(stock.pool, stock.encryption, stock.ends) {
            @Override
            public Uni<Batch> take(UUID id, int free, Instant at) {
                asks.incrementAndGet();
                return super.take(id, free, at);
            }
        };
        JobSource here = new LocalJobSource(
                counting,
                stock.ends,
                stock.requeues,
                stock.workers,
                new InventoryIntake(stock.listings, stock.missing, wakeUps, stock.clock),
                wakeUps,
                stock.clock,
                settings,
                heard,
                new NoFiles());
        Worker working = new Worker(
                here, Databases.vertx(), stock.clock, settings, GivenListingSettings.ON_REQUEST, List.of(builds));
        await(working.start());
        return working;
    }

    @Test
    void lists_what_exists_when_somebody_asks() {
        await(worker.start());
        await(stock.inventoryRequests.requestListing(stock.owner, stock.clock.instant()));

        Eventually.see(this::listingsAfterAnotherBeat, listed -> listed == 1);

        assertThat(stock.count("inventory")).isEqualTo(1);
    }

    /** A wish is heeded within ten seconds after it was heard of. */
    private int listingsAfterAnotherBeat() {
        stock.clock.forward(Duration.ofSeconds(10));
        wakeUps.wake(Channel.CANCELS);
        return stock.count("inventory_locations WHERE listed_at IS NOT NULL");
    }

    /** Each build ends when the test says so. */
    private static final class OneByOne implements Backend {

        final BlockingQueue<CompletableFuture<JobOutcome>> begun = new LinkedBlockingQueue<>();

        @Override
        public String kind() {
            return "exec";
        }

        @Override
        public Uni<JobOutcome> perform(Assignment assignment, Consumer<LogLine> log) {
            CompletableFuture<JobOutcome> end = new CompletableFuture<>();
            begun.add(end);
            return Uni.createFrom().completionStage(end);
        }
    }

    /** Begins and never ends by itself. */
    private static final class Endless implements Backend {

        final CountDownLatch begun = new CountDownLatch(1);
        final CompletableFuture<JobOutcome> end = new CompletableFuture<>();

        @Override
        public String kind() {
            return "exec";
        }

        @Override
        public Uni<JobOutcome> perform(Assignment assignment, Consumer<LogLine> log) {
            begun.countDown();
            return Uni.createFrom().completionStage(end);
        }

        @Override
        public Uni<Optional<Inventory>> inventory() {
            UUID something = UUID.randomUUID();
            return Uni.createFrom()
                    .item(Optional.of(
                            new Inventory("place", List.of(new Inventory.Item(something, "something", true, null)))));
        }
    }

    private static final class Heard implements JobObserver {

        final CountDownLatch replaced = new CountDownLatch(1);

        @Override
        public void leased(Transition transition, Duration waited) {}

        @Override
        public void finished(Transition transition, JobStatus status, Duration took) {}

        @Override
        public void replaced() {
            replaced.countDown();
        }
    }
}
