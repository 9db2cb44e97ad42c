package dev.larder.events;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLongArray;

/** From just before the commit of an event until a follower that was there by then has it. */
final class Latency {

    private static final int BUCKETS = 100_000;
    private static final long BUCKET_NANOS = 100_000;

    /** An event, before it is there. */
    record Key(Partition partition, long seq) {}

    private final Map<Partition, AtomicLongArray> committed = new ConcurrentHashMap<>();
    private final AtomicLongArray buckets = new AtomicLongArray(BUCKETS);

    private final int eventsMax;

    /** @param eventsMax of one partition */
    Latency(int eventsMax) {
        this.eventsMax = eventsMax;
    }

    private AtomicLongArray of(Partition partition) {
        return committed.computeIfAbsent(partition, unseen -> new AtomicLongArray(eventsMax));
    }

    /** The event is committed now. */
    void commits(Key event) {
        of(event.partition()).set((int) event.seq(), System.nanoTime());
    }

    /** @param since when the follower began, by {@link System#nanoTime}: what was committed before is not counted */
    void arrived(Event event, long since) {
        long at = of(event.partition()).get((int) event.seq());
        if (at - since > 0) {
            long took = Math.max(0, (System.nanoTime() - at) / BUCKET_NANOS);
            buckets.incrementAndGet((int) Math.min(BUCKETS - 1, took));
        }
    }

    long count() {
        long count = 0;
        for (int i = 0; i < BUCKETS; i++) {
            count += buckets.get(i);
        }
        return count;
    }

    /** In milliseconds. */
    double percentile(double percent) {
        long left = (long) (count() * percent / 100);
        int bucket = 0;
        while (bucket < BUCKETS - 1 && left >= buckets.get(bucket)) {
            left -= buckets.get(bucket);
            bucket++;
        }
        return (bucket + 1) * BUCKET_NANOS / 1e6;
    }
}
