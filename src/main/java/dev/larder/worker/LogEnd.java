package dev.larder.worker;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Keeps the end of a log within a limit. New entries displace the oldest ones: those of {@code stdout} first, those
 * of {@code stderr} last. Other streams never push a stream below a quarter of the limit. Not thread-safe.
 */
public final class LogEnd<T> {

    private static final List<String> GIVE_WAY = List.of("stdout", "larder", "stderr");

    private final long room;
    private final Consumer<T> leftOut;
    private final Map<String, Kept<T>> streams =
            Map.of("stdout", new Kept<>(), "larder", new Kept<>(), "stderr", new Kept<>());
    private long used;
    private long sequence;

    private record Entry<T>(long sequence, T value, long cost) {}

    private static final class Kept<T> {
        final Deque<Entry<T>> entries = new ArrayDeque<>();
        long cost;
    }

    /**
     * @param room the limit of the sum of costs
     * @param leftOut receives each displaced entry
     */
    public LogEnd(long room, Consumer<T> leftOut) {
        this.room = room;
        this.leftOut = leftOut;
    }

    /** @param stream {@code stdout}, {@code stderr} or {@code larder} */
    public void add(String stream, T value, long cost) {
        Kept<T> kept = of(stream);
        kept.entries.add(new Entry<>(sequence++, value, cost));
        kept.cost += cost;
        used += cost;
        while (used > room) {
            giveWay();
        }
    }

    private Kept<T> of(String stream) {
        Kept<T> kept = streams.get(stream);
        if (kept == null) {
            throw new IllegalArgumentException("no stream: " + stream);
        }
        return kept;
    }

    /** If three streams exceed the limit together, one of them uses more than a quarter of it. */
    private void giveWay() {
        for (String stream : GIVE_WAY) {
            Kept<T> kept = of(stream);
            if (kept.cost > room / 4) {
                Entry<T> oldest = kept.entries.remove();
                kept.cost -= oldest.cost();
                used -= oldest.cost();
                leftOut.accept(oldest.value());
                return;
            }
        }
    }

    public boolean isEmpty() {
        return used == 0;
    }

    /** Removes and returns all kept entries, in their order of arrival. */
    public List<T> take() {
        List<Entry<T>> all = new ArrayList<>();
        streams.values().forEach(kept -> {
            all.addAll(kept.entries);
            kept.entries.clear();
            kept.cost = 0;
        });
        used = 0;
        return all.stream()
                .sorted(Comparator.comparingLong(Entry::sequence))
                .map(Entry::value)
                .toList();
    }
}
