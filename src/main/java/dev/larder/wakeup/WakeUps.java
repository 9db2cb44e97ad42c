package dev.larder.wakeup;

import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Wakes loops when there may be work. Call it after the transaction has committed, never inside: a NOTIFY in a hot
 * transaction costs most of its throughput (design, section 3.7).
 */
@ApplicationScoped
public class WakeUps {

    private final boolean enabled;
    private final Map<Channel, List<Runnable>> listeners = new EnumMap<>(Channel.class);
    private final List<Consumer<Channel>> senders = new CopyOnWriteArrayList<>();
    private final List<Runnable> anyListeners = new CopyOnWriteArrayList<>();
    private final List<Runnable> gapListeners = new CopyOnWriteArrayList<>();
    private final List<Consumer<Set<UUID>>> logListeners = new CopyOnWriteArrayList<>();
    private final List<Consumer<UUID>> logSenders = new CopyOnWriteArrayList<>();

    public WakeUps() {
        this(true);
    }

    /** @param enabled false leaves every loop to its poll; benchmarks measure the cost of waking against that */
    @Inject
    public WakeUps(@ConfigProperty(name = "larder.wake.enabled", defaultValue = "true") boolean enabled) {
        this.enabled = enabled;
        for (Channel channel : Channel.values()) {
            listeners.put(channel, new CopyOnWriteArrayList<>());
        }
    }

    /** Wakes the loops that {@link Change} names, after a transaction with this change has committed. */
    public void changed(Change change) {
        change.channels().forEach(this::wake);
    }

    /** Wakes the loops of this process at once, and those of other processes within some 10 ms. May be lost. */
    public void wake(Channel channel) {
        wakeLocal(channel);
        if (enabled) {
            senders.forEach(sender -> sender.accept(channel));
        }
    }

    /** Wakes only the loops of this process, after a notification of another process. */
    void wakeLocal(Channel channel) {
        if (enabled) {
            listeners.getOrDefault(channel, List.of()).forEach(Runnable::run);
            anyListeners.forEach(Runnable::run);
        }
    }

    /** Wakes every loop of this process: notifications were lost while the listener was not connected. */
    void wakeAfterGap() {
        gapListeners.forEach(Runnable::run);
        for (Channel channel : Channel.values()) {
            wakeLocal(channel);
        }
        loggedElsewhere(Set.of());
    }

    /** Tells the followers of this job's log, here and in other processes, that it has new lines or has ended. */
    public void logged(UUID job) {
        loggedElsewhere(Set.of(job));
        if (enabled) {
            logSenders.forEach(sender -> sender.accept(job));
        }
    }

    /** @param jobs empty: any */
    void loggedElsewhere(Set<UUID> jobs) {
        if (enabled) {
            logListeners.forEach(listener -> listener.accept(jobs));
        }
    }

    /** @param listener must return at once */
    public void onChange(Channel channel, Runnable listener) {
        listeners
                .computeIfAbsent(channel, unseen -> new CopyOnWriteArrayList<>())
                .add(listener);
    }

    /** @param listener is called at every wake-up of any channel, and must return at once */
    public void onAnyChange(Runnable listener) {
        anyListeners.add(listener);
    }

    /** @param listener is called when this process may have missed notifications, and must return at once */
    public void onGap(Runnable listener) {
        gapListeners.add(listener);
    }

    /** @param listener is given the jobs whose logs have new lines, none: any job's; it must return at once */
    public void onLogged(Consumer<Set<UUID>> listener) {
        logListeners.add(listener);
    }

    void forward(Consumer<Channel> sender, Consumer<UUID> logSender) {
        senders.add(sender);
        logSenders.add(logSender);
    }
}
