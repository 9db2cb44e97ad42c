package dev.larder.events;

import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Queue;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * One follower of one partition: tells every event after a number once, in order. Events come from the feed, and from
 * the table where the follower begins, was too slow or missed one.
 */
final class Follower implements Feed.Watcher {

    /** Events that wait for a slow follower; more are read from the table later. */
    static final int BUFFER_MAX = 256;

    private static final int READ_AT_ONCE = 200;

    private final Feed feed;
    private final EventReads reads;
    private final Partition partition;
    private final Function<Uni<Void>, Uni<Void>> wait;
    private final Signal signal = new Signal();
    private final Queue<Event> buffer = new ArrayDeque<>();
    private boolean behind = true;
    private long last;
    private boolean begun;

    /**
     * @param after the number of the last event that the follower has seen
     * @param wait ends a wait for the next event early: after a time, or when the process stops
     */
    Follower(Feed feed, EventReads reads, Partition partition, long after, Function<Uni<Void>, Uni<Void>> wait) {
        this.feed = feed;
        this.reads = reads;
        this.partition = partition;
        this.last = after;
        this.wait = wait;
    }

    /** As a wait of a follower: at most this long. */
    static Function<Uni<Void>, Uni<Void>> atMost(Duration time) {
        return next -> next.ifNoItem().after(time).recoverWithItem(() -> null);
    }

    /**
     * What happens from now on, until the subscriber cancels. {@link Told.Silent} where a wait ended early. Subscribe
     * once.
     *
     * @param newest the number of the partition's newest event, as far as it is known
     * @param answer what becomes of that which the follower is told; the first time it may be nothing
     * @param more whether the stream goes on after this answer
     */
    <T> Multi<T> follow(OptionalLong newest, Function<List<Told>, Uni<T>> answer, Predicate<T> more) {
        return Multi.createBy()
                .repeating()
                .uni(() -> next(newest).chain(answer::apply))
                .whilst(more)
                .onSubscription()
                .invoke(() -> feed.join(this, Set.of(partition)))
                .onTermination()
                .invoke(() -> feed.leave(this, Set.of(partition)));
    }

    private Uni<List<Told>> next(OptionalLong newest) {
        List<Told> told = buffered();
        if (!told.isEmpty()) {
            return Uni.createFrom().item(told);
        }
        if (caughtUp()) {
            return wait.apply(signal.raised()).map(waited -> orSilent(buffered()));
        }
        return reads.after(partition, last, READ_AT_ONCE).map(page -> read(page, newest));
    }

    /** A follower that is behind and was only just told so has no silence to tell. */
    private List<Told> orSilent(List<Told> told) {
        return told.isEmpty() && isCaughtUp() ? List.of(new Told.Silent()) : told;
    }

    private synchronized boolean isCaughtUp() {
        return !behind;
    }

    /** Said before the table is read, so that what the feed misses meanwhile causes another read. */
    private synchronized boolean caughtUp() {
        boolean was = !behind;
        behind = false;
        return was;
    }

    /** A number that is left out was removed: a page is read at one moment, and numbers are given without gaps. */
    private synchronized List<Told> read(List<Event> page, OptionalLong newest) {
        List<Told> told = new ArrayList<>(page.size() + 1);
        for (Event event : page) {
            tellReset(event.seq(), told);
            told.add(new Told.Happened(event));
            last = event.seq();
        }
        if (page.isEmpty() && !begun) {
            tellReset(newest.orElse(last) + 1, told);
        }
        begun = true;
        behind = behind || page.size() == READ_AT_ONCE;
        return told;
    }

    private void tellReset(long oldest, List<Told> told) {
        if (oldest > last + 1) {
            told.add(new Told.Reset(oldest));
            last = oldest - 1;
        }
    }

    private synchronized List<Told> buffered() {
        List<Told> told = new ArrayList<>();
        for (Event next = buffer.peek(); next != null && !behind; next = buffer.peek()) {
            if (next.seq() > last + 1) {
                behind = true;
            } else {
                buffer.remove();
                if (next.seq() == last + 1) {
                    told.add(new Told.Happened(next));
                    last = next.seq();
                }
            }
        }
        return told;
    }

    @Override
    public void told(Event event) {
        synchronized (this) {
            if (buffer.size() == BUFFER_MAX) {
                buffer.clear();
                behind = true;
            }
            buffer.add(event);
        }
        signal.raise();
    }

    @Override
    public void missed() {
        synchronized (this) {
            behind = true;
        }
        signal.raise();
    }
}
