package dev.larder.reconcile;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.jobs.JobReads;
import dev.larder.jobs.JobStore.Taken;
import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.FailureCause;
import dev.larder.model.Inventory;
import dev.larder.model.JobOutcome;
import dev.larder.model.JobStatus;
import dev.larder.model.Role;
import dev.larder.model.Visibility;
import dev.larder.model.WorkerEntry;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What surrounds a template is not its failure (decision 0025), with a real database and a settable clock. */
class HeldPlacesTest {

    private static final JobOutcome AWAY =
            new JobOutcome.Failed("backend_unavailable", "The server cannot be reached.");
    private static final JobOutcome BUILT = new JobOutcome.Succeeded(Map.of("url", "test://"));
    private static final JobOutcome SCRIPT = new JobOutcome.Failed("script_failed", "start.sh ended with exit code 1.");
    private static final Duration STEP = Duration.ofSeconds(5);

    private final Crank crank = new Crank(Crank.WakeUpMode.WORKING);
    private final Stock stock = crank.stock;

    @AfterEach
    void close() {
        crank.close();
    }

    private Instant now() {
        return stock.clock.instant();
    }

    private List<Assignment> take(UUID worker) {
        List<Assignment> taken = new ArrayList<>();
        boolean more = true;
        while (more) {
            var batch = await(stock.jobs.take(worker, 100, now()));
            batch.jobs().stream().map(Taken::assignment).forEach(taken::add);
            more = batch.more() && !batch.jobs().isEmpty();
        }
        return taken;
    }

    /** A worker of all organizations that builds in this place. */
    private UUID worker(String name, String location) {
        UUID worker = await(stock.workers.register(new WorkerEntry(name, Map.of(), List.of("exec"), 100), now()));
        await(stock.listings.record(worker, new Inventory.Part("exec", location, now(), List.of(), true), now()));
        return worker;
    }

    private void beat(UUID worker) {
        assertThat(await(stock.workers.heartbeat(worker, now()))).isPresent();
    }

    @CanIgnoreReturnValue
    private int pass(Duration time, JobOutcome outcome) {
        return pass(time, STEP, outcome);
    }

    /** At each step the worker beats, the reconciler looks at all pools, and each job that is given ends like that. */
    @CanIgnoreReturnValue
    private int pass(Duration time, Duration step, JobOutcome outcome) {
        int given = 0;
        for (Instant end = now().plus(time); now().isBefore(end); stock.clock.forward(step)) {
            beat(stock.worker);
            crank.cycle();
            List<Assignment> taken = take(stock.worker);
            taken.forEach(job -> stock.end(job, outcome));
            given += taken.size();
        }
        crank.cycle();
        return given;
    }

    private Plan plan(UUID preset) {
        return await(crank.reconciler().plans(List.of(preset), now()))
                .getFirst()
                .plan();
    }

    private int eligible(UUID preset) {
        return plan(preset).state().eligible();
    }

    private int told(String kind) {
        return stock.count("notifications WHERE kind = '" + kind + "'");
    }

    private int failedJobs() {
        return stock.count("jobs WHERE status = 'failed'");
    }

    @Test
    void backend_away_for_three_minutes_stops_no_pool_for_good_and_all_fill_by_themselves() {
        List<UUID> presets = List.of(stock.declare("a", 1), stock.declare("b", 2), stock.declare("c", 3));
        presets = List.of(stock.preset("a"), stock.preset("b"), stock.preset("c"));

        int given = pass(Duration.ofMinutes(3), AWAY);

        assertThat(given)
                .as("six at first, then a probe after 5, 10, 20, 40 and 60 seconds")
                .isBetween(10, 11);
        assertThat(failedJobs()).isZero();
        assertThat(presets).allSatisfy(preset -> {
            assertThat(crank.status(preset)).isEqualTo("healthy");
            assertThat(plan(preset).holds()).singleElement().isInstanceOfSatisfying(Blocker.PlaceHeld.class, held -> {
                assertThat(held.place().code()).isEqualTo("backend_unavailable");
                assertThat(held.place().since()).isEqualTo(Stock.NOON);
                assertThat(held.place().until()).isBetween(now(), now().plusSeconds(60));
            });
        });
        assertThat(told("place_held")).isEqualTo(1);
        assertThat(stock.count("notifications")).isEqualTo(1);

        pass(Duration.ofSeconds(65), BUILT);

        assertThat(presets).extracting(this::eligible).containsExactly(1, 2, 3);
        assertThat(presets)
                .allSatisfy(preset -> assertThat(plan(preset).holds()).isEmpty());
        assertThat(stock.count("held_places")).isZero();
        assertThat(stock.count("workspaces")).as("no prebuild was made twice").isEqualTo(6);
        assertThat(stock.count("notifications")).isEqualTo(1);
    }

    @Test
    void a_pool_whose_jobs_have_gone_meanwhile_makes_one_when_a_probe_is_due_and_the_rest_after_it() {
        UUID preset = stock.declare("small", 3);
        crank.cycle();
        take(stock.worker).forEach(job -> stock.end(job, AWAY));
        stock.sql(
                "UPDATE workspaces SET build_status = 'canceled', build_finished_at = $1, deleted_at = $1",
                Crank.utc(now()));
        stock.sql("UPDATE jobs SET canceled_at = $1, completed_at = $1", Crank.utc(now()));

        stock.clock.forward(STEP);
        assertThat(crank.settle().actions())
                .as("still held at the last instant")
                .isEmpty();
        assertThat(plan(preset).nextLook()).contains(now().plusMillis(1));
        stock.clock.forward(Duration.ofMillis(1));
        assertThat(crank.settle().actions()).isEqualTo(Map.of("create", 1));
        take(stock.worker).forEach(job -> stock.end(job, BUILT));

        assertThat(crank.dirtyCycle().actions()).as("at once").isEqualTo(Map.of("create", 2));
    }

    @Test
    void a_held_worker_gets_one_job_at_a_time_at_growing_intervals() {
        stock.declare("small", 8);
        crank.cycle();
        assertThat(take(stock.worker)).hasSize(8).allSatisfy(job -> stock.end(job, AWAY));

        List<Long> waits = new ArrayList<>();
        for (int probe = 0; probe < 7; probe++) {
            Instant before = now();
            List<Assignment> given = List.of();
            while (given.isEmpty()) {
                stock.clock.forward(Duration.ofSeconds(1));
                given = take(stock.worker);
            }
            assertThat(given).hasSize(1);
            assertThat(take(stock.worker)).as("while the probe is under way").isEmpty();
            waits.add(Duration.between(before, now()).toSeconds());
            stock.end(given.getFirst(), AWAY);
        }

        assertThat(waits).containsExactly(5L, 10L, 20L, 40L, 60L, 60L, 60L);
    }

    @Test
    void a_probe_whose_worker_is_lost_is_followed_by_another() {
        stock.declare("small", 2);
        crank.cycle();
        take(stock.worker).forEach(job -> stock.end(job, AWAY));
        stock.clock.forward(STEP);
        assertThat(take(stock.worker)).hasSize(1);

        int back = await(stock.requeues.requeueLost(now(), now().plusMillis(1), now(), 3));

        assertThat(back).isEqualTo(1);
        assertThat(take(stock.worker)).hasSize(1);
    }

    @Test
    void a_failure_of_the_template_in_the_same_minutes_counts_and_shows_that_the_place_works() {
        stock.replacing();
        stock.declare("broken", 1);
        stock.declare("fine", 1);
        UUID broken = stock.preset("broken");
        UUID fine = stock.preset("fine");
        Consumer<Assignment> ends =
                job -> stock.end(job, "broken".equals(job.version().presetName()) ? SCRIPT : BUILT);
        crank.cycle();
        take(stock.worker).forEach(job -> stock.end(job, AWAY));

        for (int step = 0; step < 240; step++) {
            beat(stock.worker);
            crank.cycle();
            take(stock.worker).forEach(ends);
            stock.clock.forward(STEP);
        }

        assertThat(crank.status(broken)).isEqualTo("hard_limited");
        assertThat(crank.status(fine)).isEqualTo("healthy");
        assertThat(eligible(fine)).isEqualTo(1);
        assertThat(failedJobs()).isEqualTo(3);
        assertThat(stock.count("held_places")).isZero();
    }

    @Test
    void of_two_places_one_in_trouble_the_other_builds_all_and_no_pool_is_held() {
        UUID preset = stock.declare("small", 4);
        UUID broken = worker("east", "disk-1");
        UUID fine = worker("west", "disk-2");
        crank.cycle();

        take(broken).forEach(job -> stock.end(job, AWAY));
        assertThat(take(broken)).isEmpty();
        assertThat(plan(preset).holds()).isEmpty();
        assertThat(take(fine)).hasSize(4).allSatisfy(job -> stock.end(job, BUILT));
        crank.cycle();

        assertThat(eligible(preset)).isEqualTo(4);
        assertThat(stock.count("held_places WHERE location = 'disk-1'")).isEqualTo(1);
        assertThat(told("place_held")).isEqualTo(1);
    }

    @Test
    void where_the_worker_that_still_built_is_gone_the_pool_shows_the_held_one() {
        UUID preset = stock.declare("small", 1);
        UUID fine = worker("west", "disk-2");
        crank.cycle();
        take(stock.worker).forEach(job -> stock.end(job, AWAY));
        assertThat(plan(preset).holds()).isEmpty();

        await(stock.workers.stop(fine, now()));

        assertThat(plan(preset).holds()).singleElement().isInstanceOf(Blocker.PlaceHeld.class);
    }

    @Test
    void one_outage_is_told_once_for_all_workers_of_a_place_and_those_started_again() {
        stock.declare("small", 4);
        UUID first = worker("one", "disk");
        UUID second = worker("two", "disk");
        crank.cycle();
        take(first).forEach(job -> stock.end(job, AWAY));
        take(second).forEach(job -> stock.end(job, AWAY));
        crank.cycle();
        assertThat(told("place_held")).isEqualTo(1);

        await(stock.workers.stop(first, now()));
        stock.clock.forward(Duration.ofMinutes(15));
        UUID again = await(stock.workers.register(new WorkerEntry("one", Map.of(), List.of("exec"), 100), now()));
        beat(second);
        crank.cycle();
        take(again).forEach(job -> stock.end(job, AWAY));
        crank.cycle();

        assertThat(stock.count("held_places"))
                .as("the one that left long ago is forgotten")
                .isEqualTo(2);
        assertThat(told("place_held")).isEqualTo(1);
    }

    @Test
    void a_place_that_is_in_trouble_every_minute_is_told_every_ten_minutes_at_most() {
        stock.declare("small", 2);

        for (int minute = 0; minute < 10; minute++) {
            crank.cycle();
            var taken = take(stock.worker);
            taken.forEach(job -> stock.end(job, AWAY));
            crank.cycle();
            beat(stock.worker);
            stock.clock.forward(Duration.ofMinutes(1));
            stock.sql("DELETE FROM held_places");
            stock.sql("UPDATE jobs SET place_failures = 0");
        }

        assertThat(told("place_held")).isEqualTo(1);
    }

    @Test
    void trouble_of_one_organizations_worker_is_told_to_that_organization_only() {
        stock.declare("small", 1);
        UUID user = await(stock.access.createUser(
                        Optional.of(stock.organization), "robot", Role.WORKER, stock.owner.userId()))
                .orElseThrow()
                .id();
        Caller robot = new Caller(user, "robot", Role.WORKER, Optional.of(stock.organization));
        UUID own = await(stock.workers.register(robot, new WorkerEntry("own", Map.of(), List.of("exec"), 5), now()));
        crank.cycle();

        take(own).forEach(job -> stock.end(job, AWAY));
        crank.cycle();

        assertThat(stock.count("notifications WHERE organization_id = '" + stock.organization + "'"))
                .isEqualTo(1);
        assertThat(stock.count("notifications")).isEqualTo(1);
    }

    @Test
    void claims_are_served_from_stock_while_the_place_is_held() {
        UUID preset = stock.declare("small", 2);
        stock.ready(preset, 1);
        Caller anna = stock.member("anna");
        crank.cycle();
        take(stock.worker).forEach(job -> stock.end(job, AWAY));
        assertThat(plan(preset).holds()).singleElement().isInstanceOf(Blocker.PlaceHeld.class);

        assertThat(stock.claim(preset, anna)).isPresent();
    }

    @Test
    void an_unknown_code_counts_as_the_templates() {
        UUID preset = stock.declare("small", 1);

        pass(Duration.ofMinutes(20), Duration.ofSeconds(30), new JobOutcome.Failed("frobnication_failed", "No."));

        assertThat(crank.status(preset)).isEqualTo("hard_limited");
        assertThat(failedJobs()).isEqualTo(3);
        assertThat(stock.count("held_places")).isZero();
    }

    @ParameterizedTest
    @CsvSource({"1, backoff", "20, hard_limited"})
    void a_pool_that_builds_nothing_after_failures_names_the_job_that_failed_last(int minutes, String kind) {
        UUID preset = stock.declare("small", 1);
        pass(Duration.ofMinutes(minutes), Duration.ofSeconds(30), SCRIPT);
        var planned = await(crank.reconciler().plans(List.of(preset), now())).getFirst();

        var last = await(new PresetStore(stock.pool).lastFailure(preset)).orElseThrow();

        assertThat(last.code()).isEqualTo("script_failed");
        assertThat(stock.count("jobs WHERE id = '" + last.job() + "' AND completed_at = '" + last.at()
                        + "' AND completed_at = (SELECT max(completed_at) FROM jobs)"))
                .isEqualTo(1);
        assertThat(PoolView.of(planned, new LinePlan(List.of(planned), Optional.empty(), Optional.empty()))
                        .after(last)
                        .holds())
                .singleElement()
                .satisfies(hold -> assertThat(hold.kind()).isEqualTo(kind))
                .satisfies(hold -> assertThat(hold.lastFailure()).isEqualTo(last));
    }

    @ParameterizedTest
    @ValueSource(strings = {"backend_fault", "backend_busy"})
    void a_passing_failure_delays_the_next_creation_ever_more_and_never_stops_the_pool(String code) {
        UUID preset = stock.declare("small", 1);

        pass(Duration.ofHours(1), Duration.ofSeconds(20), new JobOutcome.Failed(code, "It passes."));

        assertThat(failedJobs()).as("after 1, 2, 3 … minutes").isBetween(8, 12);
        assertThat(crank.status(preset)).isEqualTo("healthy");
        assertThat(plan(preset).holds()).singleElement().isInstanceOf(Blocker.Backoff.class);
    }

    @Test
    void a_passing_failure_between_two_of_the_template_is_no_attempt_that_succeeded() {
        UUID preset = stock.declare("small", 1);
        JobOutcome passing = new JobOutcome.Failed("worker_lost", "Its worker was lost 3 times.");

        for (JobOutcome outcome : List.of(SCRIPT, passing, SCRIPT, passing, SCRIPT)) {
            crank.cycle();
            assertThat(take(stock.worker)).hasSize(1).allSatisfy(job -> stock.end(job, outcome));
            stock.clock.forward(Duration.ofMinutes(10));
        }
        crank.cycle();

        assertThat(crank.status(preset)).isEqualTo("hard_limited");
    }

    @Test
    void a_job_that_breaks_its_place_three_times_where_others_succeed_is_its_templates_failure() {
        stock.declare("greedy", 1);
        stock.declare("fine", 3);
        UUID greedy = stock.preset("greedy");
        JobOutcome full = new JobOutcome.Failed("backend_full", "No space left on device.");
        Caller anna = stock.member("anna");
        UUID fine = stock.preset("fine");

        for (int step = 0; step < 240 && failedJobs() == 0; step++) {
            beat(stock.worker);
            crank.cycle();
            take(stock.worker)
                    .forEach(job -> stock.end(job, "greedy".equals(job.version().presetName()) ? full : BUILT));
            // Not at the instant of a probe, which a cycle still takes for held.
            stock.clock.forward(STEP.plusMillis(7));
            if (step % 2 == 0) {
                var claimed = stock.claim(fine, anna);
            }
        }

        assertThat(failedJobs()).isEqualTo(1);
        assertThat(stock.count("jobs WHERE error_code = 'backend_full' AND blame = 'template'"))
                .isEqualTo(1);
        crank.cycle();
        assertThat(plan(greedy).holds()).singleElement().isInstanceOf(Blocker.Backoff.class);
    }

    @Test
    void a_deletion_waits_for_its_place_and_is_tried_by_the_same_job() {
        UUID preset = stock.declare("small", 1);
        stock.ready(preset, 1);
        assertThat(await(stock.controls.invalidatePreset(stock.owner, preset, true)))
                .isTrue();
        stock.clock.forward(STEP);
        crank.cycle();
        List<Assignment> begun = take(stock.worker);
        begun.forEach(job -> stock.end(job, AWAY));

        pass(Duration.ofSeconds(15), BUILT);

        assertThat(begun).hasSize(2);
        assertThat(stock.count("builds WHERE transition = 'delete'")).isEqualTo(1);
        assertThat(stock.count("workspaces WHERE deleted_at IS NOT NULL")).isEqualTo(1);
        assertThat(eligible(preset)).isEqualTo(1);
    }

    @Test
    void a_job_that_was_asked_to_stop_ends_though_its_place_is_in_trouble() {
        stock.declare("small", 1);
        crank.cycle();
        Assignment job = take(stock.worker).getFirst();
        await(stock.cancels.cancel(job.jobId(), List.of(stock.organization), Optional.empty(), now()));

        stock.end(job, AWAY);

        assertThat(stock.count("jobs WHERE status = 'canceled'")).isEqualTo(1);
        assertThat(stock.count("held_places")).isZero();
    }

    @Test
    void a_lost_lease_holds_no_place() {
        stock.declare("small", 1);
        crank.cycle();
        Assignment job = take(stock.worker).getFirst();
        await(stock.requeues.requeueLost(now(), now().plusMillis(1), now(), 3));

        var ended = await(stock.ends.complete(job.lease(), AWAY, now()));

        assertThat(ended).isEmpty();
        assertThat(stock.count("held_places")).isZero();
    }

    @Test
    void a_job_that_was_put_back_says_so_and_who_looks_at_it_learns_why_it_waits() {
        stock.declare("small", 1);
        crank.cycle();
        Assignment job = take(stock.worker).getFirst();

        var ended = await(stock.ends.complete(job.lease(), AWAY, now()));

        assertThat(ended).hasValueSatisfying(waits -> assertThat(waits.status()).isEqualTo(JobStatus.PENDING));
        assertThat(look(job.jobId()).queued().waiting())
                .isEqualTo(new JobReads.Waiting(
                        "place_held",
                        "exec: backend_unavailable: The server cannot be reached.",
                        now(),
                        now().plus(STEP)));
        assertThat(await(stock.jobReader.log(job.jobId(), -1, 10)))
                .singleElement()
                .satisfies(line -> assertThat(line.line().line()).startsWith("The place is in trouble"));
    }

    private JobReads.Seen look(UUID job) {
        return await(stock.jobReader.find(job, Visibility.ALL, now())).orElseThrow();
    }

    private UUID waitingJob() {
        return stock.row("SELECT id FROM jobs WHERE status = 'pending'", Tuple.tuple())
                .getUUID("id");
    }

    @Test
    void jobs_that_no_worker_takes_say_so_in_plan_and_job_and_are_told_once_until_such_a_worker_comes() {
        stock.withTags(Map.of("site", "lab"));
        UUID preset = stock.declare("small", 1);
        Instant created = now();

        assertThat(crank.cycle().actions())
                .as("what starts workers looks at the queue")
                .isEqualTo(Map.of("create", 1));
        assertThat(plan(preset).holds()).singleElement().isInstanceOfSatisfying(Blocker.NoWorker.class, hold -> {
            assertThat(hold.missing().detail()).isEqualTo("no worker with tags site=lab offers exec");
            assertThat(hold.since()).isEqualTo(created);
        });
        assertThat(look(waitingJob()).queued().waiting())
                .isEqualTo(
                        new JobReads.Waiting("no_worker", "no worker with tags site=lab offers exec", created, null));
        crank.staysSo();
        assertThat(told("no_worker")).as("not before a minute").isZero();
        for (int minute = 0; minute < 30; minute++) {
            stock.clock.forward(Duration.ofMinutes(1));
            crank.cycle();
        }
        assertThat(told("no_worker")).isEqualTo(1);

        UUID lab =
                await(stock.workers.register(new WorkerEntry("lab", Map.of("site", "lab"), List.of("exec"), 1), now()));

        assertThat(plan(preset).holds()).isEmpty();
        assertThat(look(waitingJob()).queued().waiting()).isNull();
        crank.cycle();
        assertThat(stock.count("unserved_jobs")).isZero();
        assertThat(take(lab)).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"silent", "left", "another backend", "another organization's"})
    void a_worker_that_cannot_take_them_is_none(String kind) {
        stock.withTags(Map.of("site", "lab"));
        UUID preset = stock.declare("small", 1);
        Map<String, String> tags = Map.of("site", "lab");
        switch (kind) {
            case "silent" -> {
                await(stock.workers.register(new WorkerEntry("lab", tags, List.of("exec"), 1), now()));
                stock.clock.forward(Duration.ofSeconds(61));
            }
            case "left" -> {
                UUID left = await(stock.workers.register(new WorkerEntry("lab", tags, List.of("exec"), 1), now()));
                await(stock.workers.stop(left, now()));
            }
            case "another backend" ->
                await(stock.workers.register(new WorkerEntry("lab", tags, List.of("postgres"), 1), now()));
            default -> {
                UUID other = await(stock.access.createOrganization("globex", stock.owner.userId()))
                        .orElseThrow()
                        .id();
                UUID user = await(
                                stock.access.createUser(Optional.of(other), "robot", Role.WORKER, stock.owner.userId()))
                        .orElseThrow()
                        .id();
                Caller robot = new Caller(user, "robot", Role.WORKER, Optional.of(other));
                await(stock.workers.register(robot, new WorkerEntry("lab", tags, List.of("exec"), 1), now()));
            }
        }

        crank.cycle();

        assertThat(plan(preset).holds()).singleElement().isInstanceOf(Blocker.NoWorker.class);
    }

    @Test
    void what_no_worker_took_twice_is_told_twice() {
        stock.withTags(Map.of("site", "lab"));
        stock.declare("small", 1);
        crank.cycle();
        stock.clock.forward(Duration.ofMinutes(2));
        crank.cycle();
        UUID lab =
                await(stock.workers.register(new WorkerEntry("lab", Map.of("site", "lab"), List.of("exec"), 1), now()));
        crank.cycle();
        take(lab).forEach(job -> stock.end(job, BUILT));
        await(stock.workers.stop(lab, now()));

        assertThat(stock.claim(stock.preset("small"), stock.member("anna"))).isPresent();
        crank.cycle();
        stock.clock.forward(Duration.ofMinutes(2));
        crank.cycle();

        assertThat(told("no_worker")).isEqualTo(2);
    }

    @Test
    void the_codes_of_both_kinds_are_stored_with_the_job() {
        stock.declare("small", 2);
        crank.cycle();
        List<Assignment> taken = take(stock.worker);
        stock.end(taken.get(0), SCRIPT);
        stock.end(taken.get(1), new JobOutcome.Failed("backend_fault", "It failed."));

        assertThat(stock.count("jobs WHERE blame = '" + FailureCause.TEMPLATE.word() + "'"))
                .isEqualTo(1);
        assertThat(stock.count("jobs WHERE blame = '" + FailureCause.PASSING.word() + "'"))
                .isEqualTo(1);
    }
}
