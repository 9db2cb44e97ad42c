package dev.larder.wake;

import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Tells loops that there may be work. Ring it after the transaction has committed, never inside: a NOTIFY in a hot
 * transaction costs most of its throughput (design, section 3.7).
 */
@ApplicationScoped
public class Bell {

    private final boolean enabled;
    private final Map<Topic, List<Runnable>> here = new EnumMap<>(Topic.class);
    private final List<Consumer<Topic>> elsewhere = new CopyOnWriteArrayList<>();

    public Bell() {
        this(true);
    }

    /** @param enabled false leaves every loop to its own backstop: what waking costs is measured against that */
    @Inject
    public Bell(@ConfigProperty(name = "larder.wake.enabled", defaultValue = "true") boolean enabled) {
        this.enabled = enabled;
        for (Topic topic : Topic.values()) {
            here.put(topic, new CopyOnWriteArrayList<>());
        }
    }

    /** Wakes the loops of this process at once and those of the others within some ten milliseconds, or not at all. */
    public void ring(Topic topic) {
        ringHere(topic);
        if (enabled) {
            elsewhere.forEach(ring -> ring.accept(topic));
        }
    }

    /** Wakes the loops of this process only: another process has rung. */
    void ringHere(Topic topic) {
        if (enabled) {
            here.getOrDefault(topic, List.of()).forEach(Runnable::run);
        }
    }

    /** @param ring must return at once */
    public void onRing(Topic topic, Runnable ring) {
        here.computeIfAbsent(topic, unseen -> new CopyOnWriteArrayList<>()).add(ring);
    }

    void forward(Consumer<Topic> ring) {
        elsewhere.add(ring);
    }
}
