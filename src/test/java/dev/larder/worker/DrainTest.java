package dev.larder.worker;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.inventory.InventoryIntake;
import dev.larder.jobs.JobObserver;
import dev.larder.jobs.LocalJobSource;
import dev.larder.model.Assignment;
import dev.larder.model.Backend;
import dev.larder.model.JobOutcome;
import dev.larder.model.JobStatus;
import dev.larder.model.LogLine;
import dev.larder.model.ToolEnd;
import dev.larder.model.Transition;
import dev.larder.testing.Databases;
import dev.larder.testing.NoFiles;
import dev.larder.testing.Stock;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A worker that ends does not cut a tool that changes infrastructure. */
@Timeout(30)
class DrainTest {

    private final Stock stock = new Stock();
    private final WakeUps wakeUps = new WakeUps();
    private final Tool tool = new Tool();
    private final GivenWorkerSettings settings = new GivenWorkerSettings(1, Duration.ofHours(1));
    private final Worker worker = new Worker(
            new LocalJobSource(
                    stock.jobs,
                    stock.ends,
                    stock.requeues,
                    stock.workers,
                    new InventoryIntake(stock.listings, stock.missing, wakeUps, stock.clock),
                    wakeUps,
                    stock.clock,
                    settings,
                    new Unheard(),
                    new NoFiles()),
            Databases.vertx(),
            stock.clock,
            settings,
            GivenListingSettings.ON_REQUEST,
            List.of(tool));

    @SuppressWarnings("NullAway.Init")
    private CompletableFuture<Void> stopped;

    @BeforeEach
    void stops_in_the_middle_of_a_job() throws InterruptedException {
        stock.create(stock.declare("small", 1), 1);
        await(worker.start());
        var unused = tool.begun.take();
        stopped = worker.stop().subscribeAsCompletionStage();
        tool.asked.await();
    }

    @AfterEach
    void close() {
        tool.end.complete(new JobOutcome.Canceled(ToolEnd.EXITED));
        stopped.join();
        stock.close();
    }

    @Test
    void a_job_is_handed_back_only_when_its_tool_has_ended_by_itself() {
        assertThat(stock.count("jobs WHERE status = 'running' AND lease_token IS NOT NULL"))
                .isEqualTo(1);
        assertThat(stopped).isNotDone();

        tool.say("uploaded");
        tool.end.complete(new JobOutcome.Canceled(ToolEnd.EXITED));
        stopped.join();

        assertThat(stock.count("jobs WHERE status = 'pending'")).isEqualTo(1);
        assertThat(stock.count("job_logs WHERE line = 'uploaded'")).isEqualTo(1);
    }

    @Test
    void a_job_that_ends_well_in_that_time_has_succeeded() {
        tool.end.complete(new JobOutcome.Succeeded(Map.of()));
        stopped.join();

        assertThat(stock.count("jobs WHERE status = 'succeeded'")).isEqualTo(1);
    }

    @Test
    void a_job_whose_tool_had_to_be_killed_has_failed_and_is_not_begun_again() {
        tool.end.complete(new JobOutcome.Canceled(ToolEnd.UNKNOWN));
        stopped.join();

        assertThat(stock.count("jobs WHERE status = 'failed' AND error_code = 'worker_stopped'"))
                .isEqualTo(1);
        assertThat(stock.count("workspaces WHERE state_status = 'unreliable'")).isEqualTo(1);
    }

    @Test
    void a_worker_that_may_not_wait_fails_the_job() {
        worker.hurry();
        stopped.join();

        assertThat(stock.count("jobs WHERE status = 'failed' AND error_code = 'worker_stopped'"))
                .isEqualTo(1);
        assertThat(stock.count("workspaces WHERE state_status = 'unreliable'")).isEqualTo(1);
    }

    @Test
    void a_tool_that_outlasts_its_time_fails_the_job() {
        stock.clock.set(stock.clock.instant().plus(Duration.ofMinutes(2)));
        stopped.join();

        assertThat(stock.count("jobs WHERE status = 'failed' AND error_code = 'worker_stopped'"))
                .isEqualTo(1);
    }

    private static final class Unheard implements JobObserver {

        @Override
        public void leased(Transition transition, Duration waited) {}

        @Override
        public void finished(Transition transition, JobStatus status, Duration took) {}

        @Override
        public void replaced() {}
    }

    private static final class Tool implements Backend {

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
        public boolean endsBeforeHandedBack() {
            return true;
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
}
