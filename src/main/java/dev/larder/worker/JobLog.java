package dev.larder.worker;

import dev.larder.model.JobSource;
import dev.larder.model.Lease;
import dev.larder.model.LogLine;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;

/**
 * Carries the log of one lease to the server. Lines that arrive during a write are written together. Of one lease
 * at most 100,000 lines and 10 million characters are kept: the beginning is written at once, the end when the job
 * has ended, and a line between them says how many lines were left out. Lines that arrive faster than they can be
 * written are left out of the middle in the same way.
 */
public final class JobLog {

    static final int LINES_WAITING_MAX = 5_000;
    static final int BEGINNING_LINES_MAX = 60_000;
    static final int BEGINNING_CHARACTERS_MAX = 6_000_000;

    // The end holds up to 20,000 lines and 2 million characters. At most two such amounts are written beyond the
    // beginning: the queue when the beginning was full, and the end of the job.
    static final int END_ROOM = 2_000_000;
    static final int LINE_COST = 100;

    private static final int CHARACTERS_WAITING_MAX = 2_000_000;
    private static final int LINES_AT_ONCE = 500;
    private static final int CHARACTERS_AT_ONCE = 250_000;
    private static final String LONG =
            "this is a long log: from here on only its end is kept, and shown when the job has ended";

    private final JobSource jobSource;
    private final Lease lease;
    private final InstantSource clock;
    private final List<LogLine> waiting = new ArrayList<>();
    private final LogEnd<LogLine> end = new LogEnd<>(END_ROOM, line -> leftOut());
    private List<LogLine> unwritten = List.of();
    private long charactersWaiting;
    private int linesLeftOut;
    private int lines;
    private long characters;
    private boolean longLog;
    private boolean ended;
    private int next;

    JobLog(JobSource jobSource, Lease lease, InstantSource clock) {
        this.jobSource = jobSource;
        this.lease = lease;
        this.clock = clock;
        this.next = lease.attempt() * Lease.LOG_NUMBERS;
    }

    /** Adds a line. Thread-safe; returns at once. */
    synchronized void add(LogLine line) {
        if (!longLog && (lines >= BEGINNING_LINES_MAX || characters >= BEGINNING_CHARACTERS_MAX)) {
            longLog = true;
            keepAtEnd(new LogLine(line.at(), "larder", LONG));
            writeEnd();
        }
        boolean behind = waiting.size() >= LINES_WAITING_MAX || charactersWaiting >= CHARACTERS_WAITING_MAX;
        if (longLog || behind || !end.isEmpty()) {
            keepAtEnd(line);
        } else {
            write(line);
        }
    }

    /** Adds a line of Larder itself. */
    void note(String line) {
        add(new LogLine(clock.instant(), "larder", line));
    }

    private void keepAtEnd(LogLine line) {
        end.add(line.stream(), line, line.line().length() + LINE_COST);
    }

    private void write(LogLine line) {
        waiting.add(line);
        charactersWaiting += line.line().length();
        lines++;
        characters += line.line().length();
    }

    private void leftOut() {
        linesLeftOut++;
    }

    /** Closes the log for further lines. The next {@link #flush} writes the kept end. */
    synchronized void end() {
        ended = true;
    }

    /** Writes the waiting lines. Do not call it while an earlier call is running. */
    Uni<Void> flush() {
        return Multi.createBy()
                .repeating()
                .uni(this::writeBatch)
                .whilst(written -> written)
                .onItem()
                .ignoreAsUni();
    }

    /** Lines that could not be written come first in the next write, with the same numbers. */
    private Uni<Boolean> writeBatch() {
        if (unwritten.isEmpty()) {
            unwritten = takeBatch();
        }
        if (unwritten.isEmpty()) {
            return Uni.createFrom().item(false);
        }
        return jobSource.log(lease, next, unwritten).invoke(this::written).replaceWith(true);
    }

    private void written() {
        next += unwritten.size();
        unwritten = List.of();
    }

    private synchronized List<LogLine> takeBatch() {
        if (waiting.isEmpty() && (!longLog || ended)) {
            writeEnd();
        }
        int size = batchSize();
        List<LogLine> batch = new ArrayList<>(waiting.subList(0, size));
        waiting.subList(0, size).clear();
        batch.forEach(line -> charactersWaiting -= line.line().length());
        return batch;
    }

    /** The end, after a line that says how much was left out. */
    private void writeEnd() {
        List<LogLine> last = end.take();
        if (linesLeftOut > 0) {
            write(new LogLine(last.getFirst().at(), "larder", linesLeftOut + " lines were left out here"));
            linesLeftOut = 0;
        }
        last.forEach(this::write);
    }

    /** The lines of one request. */
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
