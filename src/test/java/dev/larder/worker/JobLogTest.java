package dev.larder.worker;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.model.HeartbeatAnswer;
import dev.larder.model.Inventory;
import dev.larder.model.JobOutcome;
import dev.larder.model.JobSource;
import dev.larder.model.JobStatus;
import dev.larder.model.Lease;
import dev.larder.model.LogLine;
import dev.larder.model.ReportOutcome;
import dev.larder.model.Transition;
import dev.larder.model.WorkerEntry;
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
    private static final int CHARACTERS_KEPT_MAX = 10_000_000;

    /** What the end holds of lines of ten characters at most: 9 bytes cost 109. */
    private static final int END_LINES = JobLog.END_ROOM / (JobLog.LINE_COST + 9);

    private final Written written = new Written();
    private final JobLog log = new JobLog(
            written,
            new Lease(new UUID(0, 1), new UUID(0, 2), ATTEMPT, new UUID(0, 3), Transition.START, "prebuild", false),
            new SettableClock(Stock.NOON));

    private static LogLine line(String text) {
        return new LogLine(Stock.NOON, "stdout", text);
    }

    /** Of nine characters, so that it can be said how many fit. */
    private static String numbered(int number) {
        return "l %07d".formatted(number);
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
    void lines_that_come_faster_than_they_are_written_are_left_out_of_the_middle_and_counted() {
        int all = JobLog.LINES_WAITING_MAX + END_LINES + 7;
        for (int i = 0; i < all; i++) {
            log.add(line(numbered(i)));
        }
        await(log.flush());

        assertThat(written.lines).hasSize(JobLog.LINES_WAITING_MAX + 1 + END_LINES);
        assertThat(written.lines.get(JobLog.LINES_WAITING_MAX - 1)).endsWith(numbered(JobLog.LINES_WAITING_MAX - 1));
        assertThat(written.lines.get(JobLog.LINES_WAITING_MAX)).endsWith("7 lines were left out here");
        assertThat(written.lines.getLast()).endsWith(numbered(all - 1));
    }

    @Test
    void stderr_is_left_out_after_stdout() {
        for (int i = 0; i < JobLog.LINES_WAITING_MAX; i++) {
            log.add(line("first"));
        }
        log.add(new LogLine(Stock.NOON, "stderr", "what went wrong"));
        for (int i = 0; i < 3 * END_LINES; i++) {
            log.add(line("last"));
        }
        await(log.flush());

        assertThat(written.lines).anyMatch(line -> line.endsWith("what went wrong"));
        assertThat(written.lines.getLast()).endsWith("last");
    }

    @Test
    void of_too_many_lines_the_beginning_and_the_end_are_kept_and_larders_own_words() {
        int all = 3 * Lease.LOG_LINES_MAX;
        for (int i = 0; i < all; i++) {
            log.add(line(numbered(i)));
            if (i % 1_000 == 0) {
                await(log.flush());
            }
        }
        log.note("timed_out: too late");
        log.end();
        await(log.flush());

        assertThat(written.lines).hasSizeLessThanOrEqualTo(100_000);
        assertThat(written.lines.get(JobLog.BEGINNING_LINES_MAX - 1))
                .endsWith(numbered(JobLog.BEGINNING_LINES_MAX - 1));
        assertThat(written.lines.get(JobLog.BEGINNING_LINES_MAX)).contains("this is a long log");
        assertThat(written.lines.get(JobLog.BEGINNING_LINES_MAX + 1)).contains("lines were left out here");
        assertThat(written.lines.get(written.lines.size() - 2)).endsWith(numbered(all - 1));
        assertThat(written.lines.getLast()).endsWith("timed_out: too late");
    }

    @Test
    void the_end_of_a_long_log_is_written_when_the_job_has_ended_and_not_before() {
        for (int i = 0; i < JobLog.BEGINNING_LINES_MAX + 1; i++) {
            log.add(line(numbered(i)));
            if (i % 1_000 == 0) {
                await(log.flush());
            }
        }
        await(log.flush());
        assertThat(written.lines.getLast()).contains("this is a long log");

        log.end();
        await(log.flush());

        assertThat(written.lines.getLast()).endsWith(numbered(JobLog.BEGINNING_LINES_MAX));
    }

    @Test
    void of_too_many_characters_the_beginning_and_the_end_are_kept() {
        String wide = "x".repeat(10_000);
        for (int i = 0; i < 3 * CHARACTERS_KEPT_MAX / 10_000; i++) {
            log.add(line(wide));
            await(log.flush());
        }
        log.add(line("last"));
        log.end();
        await(log.flush());

        assertThat(written.lines.stream().mapToInt(String::length).sum()).isLessThan(CHARACTERS_KEPT_MAX);
        assertThat(written.lines.getLast()).endsWith("last");
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

    /** Keeps what is written, and is no jobSource otherwise. */
    private static final class Written implements JobSource {

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
        public Uni<Registered> register(WorkerEntry entry) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Uni<Leased> lease(UUID worker, int slots, Set<UUID> running) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Uni<Optional<HeartbeatAnswer>> heartbeat(UUID worker) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Uni<Void> releaseLost(UUID worker, Set<UUID> jobs) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Uni<Optional<JobStatus>> complete(Lease lease, JobOutcome outcome) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Uni<Boolean> requeue(Lease lease) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Uni<ReportOutcome> report(UUID worker, Inventory.Part part) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Uni<Void> stop(UUID worker) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void onWork(Runnable wakeUp) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void onCancel(Runnable wakeUp) {
            throw new UnsupportedOperationException();
        }
    }
}
