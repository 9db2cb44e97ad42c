package dev.larder.events;

import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.subscription.Cancellable;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Reads what a follower is told, and notes what must never be: a gap, or the same event twice. */
final class Reader {

    private final List<String> faults = new ArrayList<>();
    private final Consumer<Event> seen;
    private final Cancellable subscription;
    private long last;
    private int resets;
    private int events;

    /** @param seen is told each event */
    Reader(long after, Multi<List<Told>> told, Consumer<Event> seen) {
        last = after;
        this.seen = seen;
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
        seen.accept(event);
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

    void stop() {
        subscription.cancel();
    }
}
