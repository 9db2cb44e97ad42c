package dev.larder.events;

import io.smallrye.mutiny.Uni;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Waits for something to happen in partitions, for a follower that shows a subject as it is now and not its events.
 * One waiter at a time; what happens while none waits ends the next wait at once.
 */
public final class Watch implements Feed.Watcher, AutoCloseable {

    private final Feed feed;
    private final Signal signal = new Signal();
    private final Set<Partition> partitions = ConcurrentHashMap.newKeySet();

    /** Of no partition yet. Close it at the end. */
    public Watch(Feed feed) {
        this.feed = feed;
    }

    /** From now on events of this partition end the wait. So does this call the first time: look again. Idempotent. */
    public void add(Partition partition) {
        if (partitions.add(partition)) {
            feed.join(this, Set.of(partition));
            signal.raise();
        }
    }

    /** Ends the wait for another reason. */
    public void wake() {
        signal.raise();
    }

    /** Completes when something has happened since the last wait. */
    public Uni<Void> next() {
        return signal.raised();
    }

    @Override
    public void told(Event event) {
        signal.raise();
    }

    @Override
    public void missed() {
        signal.raise();
    }

    /** Idempotent. */
    @Override
    public void close() {
        feed.leave(this, partitions);
    }
}
