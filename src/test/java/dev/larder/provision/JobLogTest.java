package dev.larder.provision;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.pool.Inventory;
import dev.larder.pool.JobOutcome;
import dev.larder.pool.JobStatus;
import dev.larder.pool.Lease;
import dev.larder.pool.LogLine;
import dev.larder.pool.Transition;
import dev.larder.pool.WorkerEntry;
import dev.larder.store.InventoryStore.Verdict;
import dev.larder.store.WorkerStore.Pulse;
import dev.larder.testing.SettableClock;
import dev.larder.testing.Stock;
import io.smallrye.mutiny.Uni;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class JobLogTest {

    private static final int ATTEMPT = 2;

    private final Written written = new Written();
    private final JobLog log = new JobLog(
            written,
            new Lease(new UUID(0, 1), new UUID(0, 2), ATTEMPT, new UUID(0, 3), Transition.START, "prebuild"),
            new SettableClock(Stock.NOON));

    private static LogLine line(String text) {
        return new LogLine(Stock.NOON, "stdout", text);
    }

    @Test
    void lines_are_numbered_on_from_the_million_of_their_attempt() {
        log.add(line("a"));
        await(log.flush());
        log.add(line("b"));
        await(log.flush());

        assertThat(written.lines).containsExactly("2000000 a", "2000001 b");
    }

    @Test
    void what_comes_faster_than_it_is_written_is_dropped_and_counted() {
        for (int i = 0; i < JobLog.LINES_WAITING_MAX + 7; i++) {
            log.add(line("a"));
        }
        await(log.flush());

        assertThat(written.lines).hasSize(JobLog.LINES_WAITING_MAX + 1);
        assertThat(written.lines.getLast()).endsWith("7 lines came too fast and were dropped");
    }

    @Test
    void a_log_of_too_many_lines_ends_with_a_marker_and_larders_own_words_still_come() {
        for (int i = 0; i < JobLog.LINES_KEPT_MAX + 7; i++) {
            log.add(line("a"));
            if (i % 1_000 == 0) {
                await(log.flush());
            }
        }
        log.note("timed_out: too late");
        await(log.flush());

        assertThat(written.lines).hasSize(JobLog.LINES_KEPT_MAX + 2);
        assertThat(written.lines.get(JobLog.LINES_KEPT_MAX)).contains("the log is full");
        assertThat(written.lines.getLast()).endsWith("timed_out: too late");
    }

    @Test
    void a_log_of_too_many_characters_ends_with_a_marker() {
        String wide = "x".repeat(10_000);
        for (int i = 0; i < JobLog.CHARACTERS_KEPT_MAX / 10_000 + 7; i++) {
            log.add(line(wide));
        }
        await(log.flush());

        assertThat(written.lines).hasSize(JobLog.CHARACTERS_KEPT_MAX / 10_000 + 1);
        assertThat(written.lines.getLast()).contains("the log is full");
    }

    @Test
    void what_could_not_be_written_is_written_first_the_next_time_under_the_same_numbers() {
        log.add(line("a"));
        written.away = true;
        assertThatThrownBy(() -> await(log.flush())).hasMessage("away");
        log.add(line("b"));
        written.away = false;

        await(log.flush());

        assertThat(written.lines).containsExactly("2000000 a", "2000001 b");
    }

    /** Keeps what is written, and is no desk otherwise. */
    private static final class Written implements Desk {

        final List<String> lines = new ArrayList<>();
        boolean away;

        @Override
        public Uni<Void> log(Lease lease, int seq, List<LogLine> batch) {
            if (away) {
                return Uni.createFrom().failure(new IllegalStateException("away"));
            }
            for (int i = 0; i < batch.size(); i++) {
                lines.add((seq + i) + " " + batch.get(i).line());
            }
            return Uni.createFrom().voidItem();
        }

        @Override
        public Uni<Entered> enter(WorkerEntry entry) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Uni<Given> take(UUID worker, int slots, Set<UUID> running) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Uni<Optional<Pulse>> beat(UUID worker) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Uni<Void> giveUp(UUID worker, Set<UUID> jobs) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Uni<Optional<JobStatus>> finish(Lease lease, JobOutcome outcome) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Uni<Boolean> handBack(Lease lease) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Uni<Verdict> report(UUID worker, Inventory.Part part) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Uni<Void> leave(UUID worker) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void onWork(Runnable ring) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void onCancel(Runnable ring) {
            throw new UnsupportedOperationException();
        }
    }
}
