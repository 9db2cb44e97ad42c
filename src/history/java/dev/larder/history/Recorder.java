package dev.larder.history;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.larder.history.History.Entry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;

/** Writes a history while it happens, on one clock for all clients. */
final class Recorder implements AutoCloseable {

    /** Reading two clocks one after the other takes time, more so where processors are shared. */
    private static final Duration BETWEEN_TWO_READINGS = Duration.ofMillis(50);

    private final InstantSource wall = InstantSource.system();
    private final Instant begunWall = wall.instant();
    private final long begun = System.nanoTime();
    private final AtomicInteger operations = new AtomicInteger();
    private final AtomicLong drift = new AtomicLong();
    // A lock rather than a monitor: virtual threads wait for it without holding their carrier.
    private final ReentrantLock writing = new ReentrantLock();
    private final Writer file;

    Recorder(Path file) {
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            this.file = Files.newBufferedWriter(file);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /** Nanoseconds since the recording began. */
    long now() {
        return System.nanoTime() - begun;
    }

    /** The same for an instant of the wall clock. */
    long at(Instant instant) {
        return Duration.between(begunWall, instant).toNanos();
    }

    /** Where the wall clock is set or slewed meanwhile, what was taken from it is worth that much less. */
    void compareClocks() {
        var seen = drift.accumulateAndGet(Math.abs(at(wall.instant()) - now()), Math::max);
    }

    void record(Operation operation) {
        var number = operations.incrementAndGet();
        write(new History.Called(operation));
    }

    /** How many were recorded. */
    int operations() {
        return operations.get();
    }

    /** For lines; instants are {@link #now}. */
    void write(Entry line) {
        String text;
        try {
            text = History.WRITER.writeValueAsString(line);
        } catch (JsonProcessingException impossible) {
            throw new IllegalStateException(impossible);
        }
        writing.lock();
        try {
            file.write(text);
            file.write('\n');
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        } finally {
            writing.unlock();
        }
    }

    @Override
    public void close() {
        compareClocks();
        write(new History.Tolerance(drift.get() + BETWEEN_TWO_READINGS.toNanos()));
        try {
            file.close();
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }
}
