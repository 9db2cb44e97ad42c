package dev.larder.provision;

import dev.larder.pool.Lease;
import dev.larder.pool.LogLine;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;

/**
 * One lease's log on its way to where it is kept: lines gather while a write is under way, and are written together. It holds
 * at most a bounded number of lines; what comes faster is dropped, and a marker says so. Of one lease no more than 100,000
 * lines or 10 million characters are kept; a marker says where it ends.
 */
final class JobLog {

    static final int LINES_WAITING_MAX = 5_000;
    static final int LINES_KEPT_MAX = 100_000;
    static final int CHARACTERS_KEPT_MAX = 10_000_000;
    private static final int LINES_AT_ONCE = 500;
    private static final int CHARACTERS_AT_ONCE = 250_000;
    static final int LINES_PER_LEASE = 1_000_000;

    private final Desk desk;
    private final Lease lease;
    private final InstantSource clock;
    private final List<LogLine> waiting = new ArrayList<>();
    private List<LogLine> unwritten = List.of();
    private int dropped;
    private int kept;
    private int characters;
    private boolean full;
    private int next;

    JobLog(Desk desk, Lease lease, InstantSource clock) {
        this.desk = desk;
        this.lease = lease;
        this.clock = clock;
        this.next = lease.attempt() * LINES_PER_LEASE;
    }

    /** From any thread; returns at once. */
    synchronized void add(LogLine line) {
        if (full) {
            return;
        }
        if (kept >= LINES_KEPT_MAX || characters >= CHARACTERS_KEPT_MAX) {
            full = true;
            note("the log is full, what follows is not kept");
        } else if (waiting.size() >= LINES_WAITING_MAX) {
            dropped++;
        } else {
            waiting.add(line);
            kept++;
            characters += line.line().length();
        }
    }

    /** From Larder itself, however full the log is. */
    synchronized void note(String line) {
        waiting.add(new LogLine(clock.instant(), "larder", line));
    }

    /** Writes what waits; must not be called while an earlier call is under way. */
    Uni<Void> flush() {
        return Multi.createBy()
                .repeating()
                .uni(this::writeBatch)
                .whilst(written -> written)
                .onItem()
                .ignoreAsUni();
    }

    /** What could not be written is what is written first the next time, under the same numbers. */
    private Uni<Boolean> writeBatch() {
        if (unwritten.isEmpty()) {
            unwritten = takeBatch();
        }
        if (unwritten.isEmpty()) {
            return Uni.createFrom().item(false);
        }
        return desk.log(lease, next, unwritten).invoke(this::written).replaceWith(true);
    }

    private void written() {
        next += unwritten.size();
        unwritten = List.of();
    }

    private synchronized List<LogLine> takeBatch() {
        int size = batchSize();
        List<LogLine> batch = new ArrayList<>(waiting.subList(0, size));
        waiting.subList(0, size).clear();
        if (waiting.isEmpty() && dropped > 0) {
            Instant at = batch.isEmpty() ? clock.instant() : batch.getLast().at();
            batch.add(new LogLine(at, "larder", dropped + " lines came too fast and were dropped"));
            dropped = 0;
        }
        return batch;
    }

    /** One request's worth. */
    private int batchSize() {
        int size = 0;
        int length = 0;
        while (size < waiting.size() && size < LINES_AT_ONCE && length < CHARACTERS_AT_ONCE) {
            length += waiting.get(size).line().length();
            size++;
        }
        return size;
    }
}
