package dev.larder.wakeup;

import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Tells loops that there may be work. To be called after the transaction has committed, never inside: a
 * NOTIFY in a hot transaction costs most of its throughput (design, section 3.7).
 */
@ApplicationScoped
public class WakeUps {

    private final boolean enabled;
    private final Map<Channel, List<Runnable>> here = new EnumMap<>(Channel.class);
    private final List<Consumer<Channel>> elsewhere = new CopyOnWriteArrayList<>();

    public WakeUps() {
        this(true);
    }

    /**
     * @param enabled false leaves every loop to its own backstop: what waking costs is measured against
     *     that
     */
    @Inject
    public WakeUps(@ConfigProperty(name = "larder.wake.enabled", defaultValue = "true") boolean enabled) {
        this.enabled = enabled;
        for (Channel channel : Channel.values()) {
            here.put(channel, new CopyOnWriteArrayList<>());
        }
    }

    /**
     * Says what a transaction has changed, once it has committed; {@link Change} says which loops that
     * wakes.
     */
    public void changed(Change change) {
        change.channels().forEach(this::ring);
    }

    /**
     * Wakes the loops of this process at once and those of the others within some ten milliseconds, or not
     * at all.
     */
    public void ring(Channel channel) {
        ringHere(channel);
        if (enabled) {
            elsewhere.forEach(ring -> ring.accept(channel));
        }
    }

    /** Wakes the loops of this process only: another process has told of it. */
    void ringHere(Channel channel) {
        if (enabled) {
            here.getOrDefault(channel, List.of()).forEach(Runnable::run);
        }
    }

    /** @param ring must return at once */
    public void onRing(Channel channel, Runnable ring) {
        here.computeIfAbsent(channel, unseen -> new CopyOnWriteArrayList<>()).add(ring);
    }

    void forward(Consumer<Channel> ring) {
        elsewhere.add(ring);
    }
}
