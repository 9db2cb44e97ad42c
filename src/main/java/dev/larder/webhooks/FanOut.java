package dev.larder.webhooks;

import dev.larder.wakeup.Loop;
import dev.larder.wakeup.Ticker;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.InstantSource;

/**
 * Looks for events without deliveries: after wake-ups, at most five times a second, and each second. Where no webhook
 * is enabled it makes one small query a second and ignores wake-ups.
 */
@ApplicationScoped
class FanOut {

    private static final Duration REST = Duration.ofMillis(200);
    private static final Duration BACKSTOP = Duration.ofSeconds(1);
    private static final int EVENTS_AT_ONCE = 200;

    private final FanOutStore store;
    private final Sender sender;
    private final InstantSource clock;
    private final Duration giveUpAfter;
    private final Ticker pace;
    private final Loop loop = new Loop("webhooks", this::look, REST);
    private volatile boolean wanted;

    FanOut(
            FanOutStore store,
            Sender sender,
            InstantSource clock,
            WebhookSettings settings,
            WakeUps wakeUps,
            Ticker pace) {
        this.store = store;
        this.sender = sender;
        this.clock = clock;
        this.giveUpAfter = settings.giveUpAfter();
        this.pace = pace;
        wakeUps.onAnyChange(this::wakeIfWanted);
    }

    /** Once this process serves. */
    void start() {
        pace.keep("webhooks", BACKSTOP, this::backstop);
    }

    private void wakeIfWanted() {
        if (wanted) {
            loop.wake();
        }
    }

    private Uni<Void> backstop() {
        loop.wake();
        return Uni.createFrom().voidItem();
    }

    private Uni<Boolean> look() {
        return store.signs().chain(signs -> {
            wanted = signs.webhooks();
            sender.wakeIf(wanted);
            return signs.news() ? turn() : Uni.createFrom().item(false);
        });
    }

    /** @return whether there may be more */
    private Uni<Boolean> turn() {
        return store.turn(EVENTS_AT_ONCE, clock.instant(), giveUpAfter)
                .invoke(turn -> sender.wakeIf(turn.added() > 0))
                .map(FanOutStore.Turn::more);
    }

    /** Ends the loop; waits for a turn that is under way at most this long. */
    Uni<Void> stop(Duration within) {
        return loop.stop(within);
    }
}
