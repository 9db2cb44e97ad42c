package dev.larder.events;

import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.subscription.Cancellable;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Reads what a follower is told, and notes what must never be: a gap, or the same event twice. */
final class Reader {

    private final List<String> faults = new ArrayList<>();
    private final Cancellable subscription;
    private long last;
    private int resets;
    private int events;
    private long[] nanos = new long[64];
    private int timed;

    Reader(long after, Multi<List<Told>> told) {
        last = after;
        subscription = told.subscribe().with(all -> all.forEach(this::read), failed -> fault("failed: " + failed));
    }

    private synchronized void read(Told told) {
        switch (told) {
            case Told.Happened(Event event) -> happened(event);
            case Told.Reset(long oldest) -> {
                if (oldest <= last + 1) {
                    fault("reset to " + oldest + " after " + last);
                }
                resets++;
                last = oldest - 1;
            }
            case Told.Silent() -> {}
        }
    }

    private void happened(Event event) {
        if (event.seq() != last + 1) {
            fault(event.seq() + " after " + last);
        }
        last = event.seq();
        events++;
        JsonObject data = event.data();
        if (data.containsKey("nanos")) {
            nanos = timed == nanos.length ? Arrays.copyOf(nanos, timed * 2) : nanos;
            nanos[timed++] = System.nanoTime() - data.getLong("nanos");
        }
    }

    private synchronized void fault(String what) {
        faults.add(what);
    }

    synchronized List<String> faults() {
        return List.copyOf(faults);
    }

    synchronized long last() {
        return last;
    }

    synchronized int resets() {
        return resets;
    }

    synchronized int events() {
        return events;
    }

    /** From just before each commit until the follower had the event. */
    synchronized long[] nanos() {
        return Arrays.copyOf(nanos, timed);
    }

    void stop() {
        subscription.cancel();
    }
}
