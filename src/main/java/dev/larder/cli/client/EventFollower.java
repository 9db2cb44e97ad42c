package dev.larder.cli.client;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Follows a stream of events. After a cut connection it goes on behind the last event that it has seen, so that no
 * event is missed and none is told twice.
 */
final class EventFollower {

    /** The server says every 15 s that it is still there. */
    private static final Duration SILENCE_MAX = Duration.ofSeconds(60);

    private static final Duration AGAIN = Duration.ofSeconds(1);
    private static final Duration UNREACHABLE_MAX = Duration.ofMinutes(1);

    private final Source source;
    private final Consumer<String> notice;
    private final LongSupplier nanos;
    private final Duration again;

    /** Where the events come from. */
    interface Source {

        /** @param headers {@code Accept}, and {@code Last-Event-ID} after a cut connection */
        InputStream open(Map<String, String> headers);
    }

    /** @param notice is told when the connection was cut */
    EventFollower(Source source, Consumer<String> notice) {
        this(source, notice, System::nanoTime, AGAIN);
    }

    /** @param again the pause before the next connection */
    EventFollower(Source source, Consumer<String> notice, LongSupplier nanos, Duration again) {
        this.source = source;
        this.notice = notice;
        this.nanos = nanos;
        this.again = again;
    }

    /**
     * Returns when an event was the last one. Fails where the server refuses, and where it cannot be reached for a
     * minute.
     *
     * @param taken takes each event; false after the last one
     */
    void follow(Predicate<EventLines.Event> taken) {
        @Nullable String lastId = null;
        long aliveAt = nanos.getAsLong();
        while (true) {
            try {
                Followed followed = stream(lastId, taken);
                if (followed.ended()) {
                    return;
                }
                lastId = followed.lastId();
                aliveAt = nanos.getAsLong();
                notice.accept("the connection was cut, following again");
            } catch (Failure failure) {
                if (!mayPass(failure) || nanos.getAsLong() - aliveAt > UNREACHABLE_MAX.toNanos()) {
                    throw failure;
                }
            }
            pause();
        }
    }

    private static boolean mayPass(Failure failure) {
        return failure.exit() == ExitCode.UNREACHABLE
                || failure.exit() == ExitCode.TIMED_OUT
                || failure.code().equals("too_many_followers");
    }

    private void pause() {
        if (!Waits.pause(again)) {
            throw Failure.of(ExitCode.FAILED, "interrupted");
        }
    }

    /** @param lastId of the last event that was taken; null where none was */
    private record Followed(boolean ended, @Nullable String lastId) {}

    private Followed stream(@Nullable String after, Predicate<EventLines.Event> taken) {
        Map<String, String> headers = new HashMap<>(Map.of("Accept", "text/event-stream"));
        if (after != null) {
            headers.put("Last-Event-ID", after);
        }
        @Nullable String lastId = after;
        EventLines lines = new EventLines(after);
        try (InputStream stream = source.open(headers);
                Silence silence = new Silence(stream, SILENCE_MAX, nanos);
                BufferedReader reader = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                silence.broken();
                Optional<EventLines.Event> event = lines.line(line);
                if (event.isPresent()) {
                    if (!taken.test(event.get())) {
                        return new Followed(true, null);
                    }
                    lastId = event.get().id();
                }
            }
        } catch (IOException cut) {
            // Followed again behind the last event.
            return new Followed(false, lastId);
        }
        return new Followed(false, lastId);
    }

    /** Closes a stream that says nothing for too long: the other end of its connection may be gone. */
    private static final class Silence implements AutoCloseable {

        private final Thread watch;
        private volatile long heardAt;

        Silence(InputStream stream, Duration most, LongSupplier nanos) {
            this.nanos = nanos;
            this.heardAt = nanos.getAsLong();
            this.watch = new Thread(() -> watch(stream, most), "larder-silence");
            watch.setDaemon(true);
            watch.start();
        }

        private final LongSupplier nanos;

        private void watch(InputStream stream, Duration most) {
            try {
                long left = most.toNanos();
                while (left > 0) {
                    TimeUnit.NANOSECONDS.sleep(left);
                    left = most.toNanos() - (nanos.getAsLong() - heardAt);
                }
                stream.close();
            } catch (InterruptedException closed) {
                Thread.currentThread().interrupt();
            } catch (IOException broken) {
                // The reader sees it.
                return;
            }
        }

        void broken() {
            heardAt = nanos.getAsLong();
        }

        @Override
        public void close() {
            watch.interrupt();
        }
    }
}
