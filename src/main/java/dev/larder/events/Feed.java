package dev.larder.events;

import dev.larder.events.EventReads.Look;
import dev.larder.events.EventReads.Position;
import dev.larder.wakeup.Loop;
import dev.larder.wakeup.Ticker;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Tells the followers of this process what happens, by one statement after each wake-up however many they are. It
 * looks after every notification of any channel, and each second, for a lost one. Without followers it does nothing.
 *
 * <p>A follower that begins is told to read its partition once the feed has its first snapshot: what commits before
 * that, it finds there; what commits after it, the feed finds.
 */
@ApplicationScoped
public class Feed {

    private static final Duration REST = Duration.ofMillis(10);
    private static final Duration BACKSTOP = Duration.ofSeconds(1);
    private static final int EVENTS_AT_ONCE = 1_000;

    private final EventReads reads;
    private final Map<Partition, Set<Watcher>> watchers = new ConcurrentHashMap<>();
    private final Loop loop = new Loop("events", this::look, REST);
    private volatile boolean gap;

    // Of the loop alone: one step runs at a time.
    private @Nullable Position position;

    public Feed(EventReads reads, WakeUps wakeUps) {
        this.reads = reads;
        wakeUps.onAnyChange(this::wake);
        wakeUps.onGap(this::noteGap);
    }

    @Inject
    void keepPace(Ticker pace) {
        pace.keep("events", BACKSTOP, this::backstop);
    }

    /** What a follower is told. Called on a thread of the feed; must return at once. */
    public interface Watcher {

        /** The event may have been told before. */
        void told(Event event);

        /** Events may be missing: read the partition. */
        void missed();
    }

    /** From now on the watcher is told what happens in these partitions, until {@link #leave}. */
    public void join(Watcher watcher, Set<Partition> partitions) {
        partitions.forEach(partition -> watchers.computeIfAbsent(partition, unseen -> ConcurrentHashMap.newKeySet())
                .add(watcher));
        loop.wake();
    }

    /** Idempotent. */
    public void leave(Watcher watcher, Set<Partition> partitions) {
        partitions.forEach(partition -> watchers.computeIfPresent(partition, (same, all) -> {
            all.remove(watcher);
            return all.isEmpty() ? null : all;
        }));
    }

    private void wake() {
        if (!watchers.isEmpty()) {
            loop.wake();
        }
    }

    private void noteGap() {
        gap = true;
        wake();
    }

    private Uni<Void> backstop() {
        wake();
        return Uni.createFrom().voidItem();
    }

    /** Ends the loop; waits for a look that is under way at most this long. */
    public Uni<Void> stop(Duration within) {
        return loop.stop(within);
    }

    private Uni<Boolean> look() {
        if (watchers.isEmpty()) {
            position = null;
            return Uni.createFrom().item(false);
        }
        // The promoted standby behind a gap may use again the transaction numbers that the primary had used.
        Position from = position;
        if (from == null || gap) {
            gap = false;
            position = null;
            return reads.now().map(this::begin);
        }
        Set<UUID> subjects = watchers.keySet().stream().map(Partition::subject).collect(Collectors.toSet());
        return reads.since(from, subjects, EVENTS_AT_ONCE).map(this::tell);
    }

    private boolean begin(Position now) {
        position = now;
        watchers.values().forEach(all -> all.forEach(Watcher::missed));
        return false;
    }

    private boolean tell(Look look) {
        position = look.next();
        look.events().forEach(this::tell);
        return look.more();
    }

    private void tell(Event event) {
        watchers.getOrDefault(event.partition(), Set.of()).forEach(watcher -> watcher.told(event));
    }
}
