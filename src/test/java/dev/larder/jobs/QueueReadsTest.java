package dev.larder.jobs;

import static dev.larder.testing.Stock.NOON;
import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.database.RowList;
import dev.larder.jobs.JobReads.JobFilter;
import dev.larder.jobs.JobReads.Seen;
import dev.larder.jobs.QueueReads.Ages;
import dev.larder.jobs.QueueReads.Capacity;
import dev.larder.jobs.QueueReads.Group;
import dev.larder.model.Assignment;
import dev.larder.model.Visibility;
import dev.larder.model.WorkerEntry;
import dev.larder.testing.Stock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class QueueReadsTest {

    private final Stock stock = new Stock();
    private final QueueReads queue = new QueueReads(stock.pool);

    @AfterEach
    void close() {
        stock.close();
    }

    @Test
    void jobs_that_are_not_over_are_counted_by_what_they_are_and_those_that_are_over_are_not() {
        UUID preset = stock.declare("small", 4);
        stock.ready(preset, 1);
        stock.create(preset, 2);
        stock.clock.forward(Duration.ofMinutes(5));
        stock.create(preset, 1);
        Assignment running = stock.take(1).getFirst();
        UUID claim = stock.claimCold(preset, stock.owner);

        List<Group> groups = await(queue.queue(Optional.of(stock.organization)));

        assertThat(groups)
                .extracting(group ->
                        group.status() + " " + group.transition() + " " + group.prebuild() + " " + group.jobs())
                .containsExactly("pending start false 1", "pending start true 2", "running start true 1");
        assertThat(groups.get(1).oldest()).isBefore(NOON.plusSeconds(1));
        assertThat(groups.getLast().oldest()).isEqualTo(stock.clock.instant());
        assertThat(await(queue.queue(Optional.of(UUID.randomUUID())))).isEmpty();
        assertThat(running.workspace().prebuild()).isTrue();
        assertThat(claim).isNotNull();
    }

    @Test
    void ages_tell_for_how_long_jobs_are_in_their_state() {
        UUID preset = stock.declare("small", 3);
        stock.create(preset, 1);
        stock.clock.forward(Duration.ofMinutes(11));
        stock.create(preset, 1);
        stock.clock.forward(Duration.ofMinutes(2));

        assertThat(await(queue.ages(stock.clock.instant())))
                .containsExactly(new Ages("pending", 2, Duration.ofMinutes(13).toSeconds(), 2, 1, 0));
    }

    @Test
    void a_waiting_job_knows_its_place_and_others_have_none() {
        UUID preset = stock.declare("small", 3);
        stock.create(preset, 1);
        stock.clock.forward(Duration.ofSeconds(1));
        stock.create(preset, 1);
        stock.clock.forward(Duration.ofSeconds(1));
        stock.create(preset, 1);
        Assignment first = stock.take(1).getFirst();
        List<Seen> all = await(stock.jobReader.list(Visibility.ALL, JobFilter.ALL, Optional.empty(), 10))
                .rows();

        assertThat(all.reversed())
                .extracting(seen -> position(seen.id()))
                .containsExactly(Optional.empty(), Optional.of(1), Optional.of(2));
        assertThat(all).extracting(job -> job.queued().position()).containsOnlyNulls();
        assertThat(first.jobId()).isEqualTo(all.getLast().id());
    }

    private static RowList.Query all() {
        return QueueReads.working(Optional.empty(), Optional.empty(), Optional.empty());
    }

    private Optional<Integer> position(UUID job) {
        return Optional.ofNullable(await(stock.jobReader.find(job, Visibility.ALL, stock.clock.instant()))
                .orElseThrow()
                .queued()
                .position());
    }

    @Test
    void workers_are_shown_with_their_load_until_they_leave_or_were_long_silent() {
        UUID preset = stock.declare("small", 2);
        stock.create(preset, 2);
        stock.take(2);
        UUID other = await(stock.workers.register(
                new WorkerEntry("other", Map.of("gpu", "yes"), List.of("exec"), 4, 1), stock.clock.instant()));

        assertThat(await(queue.workers(all(), Optional.empty(), 10)).rows())
                .extracting(worker -> worker.name() + " " + worker.offer().tags() + " " + worker.running() + "/"
                        + worker.offer().slots() + " " + worker.offer().reserved() + " " + worker.remote())
                .containsExactlyInAnyOrder("other {gpu=yes} 0/4 1 false", "test {} 2/100 0 false");
        assertThat(await(queue.capacity(stock.clock.instant()))).isEqualTo(new Capacity(2, 104, 0, 0));

        stock.clock.forward(Duration.ofHours(2));
        await(stock.workers.heartbeat(other, stock.clock.instant()));
        int forgotten = await(stock.workers.stopSilent(stock.clock.instant(), NOON.plus(Duration.ofHours(1))));

        assertThat(forgotten).isEqualTo(1);
        assertThat(await(queue.workers(all(), Optional.empty(), 10)).rows())
                .extracting(QueueReads.Working::id)
                .containsExactly(other);
        assertThat(await(stock.workers.heartbeat(stock.worker, stock.clock.instant())))
                .isEmpty();
    }
}
