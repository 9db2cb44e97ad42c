package dev.larder.webhooks;

import dev.larder.model.MisconfiguredException;
import io.smallrye.mutiny.Uni;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.mutiny.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Disposes;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;

/** Starts and stops the room's loops, and makes what they send with. */
@ApplicationScoped
public class Webhooks {

    private final FanOut fanOut;
    private final Sender sender;

    Webhooks(FanOut fanOut, Sender sender) {
        this.fanOut = fanOut;
        this.sender = sender;
    }

    @Produces
    @Singleton
    static Networks networks(WebhookSettings settings) {
        return new Networks(settings.allowedNetworks().orElse(List.of()));
    }

    @Produces
    @Singleton
    static Transport transport(Vertx vertx, WebhookSettings settings, Networks networks, InstantSource clock) {
        return new Transport(
                vertx,
                new HttpClientOptions(),
                settings.atOnce(),
                settings.timeout(),
                networks,
                Transport.Resolver::system,
                clock);
    }

    static void close(@Disposes Transport transport) {
        transport.close();
    }

    /** Fails with {@link MisconfiguredException} if a setting cannot be used. */
    public static void refuseUnusable(WebhookSettings settings) {
        Networks unused = networks(settings);
        for (int number : new int[] {settings.atOnce(), settings.atOncePerWebhook(), settings.pendingMax()}) {
            refuseUnless(number >= 1, "larder.webhooks.at-once, at-once-per-webhook and pending-max must be 1 or more");
        }
        refuseUnless(settings.perOrganization() >= 0, "larder.webhooks.per-organization must be 0 or more");
        for (Duration time : List.of(settings.timeout(), settings.giveUpAfter(), settings.disableAfter())) {
            refuseUnless(
                    time.compareTo(Duration.ofSeconds(1)) >= 0,
                    "larder.webhooks.timeout, give-up-after and disable-after must be 1s or more");
        }
    }

    private static void refuseUnless(boolean usable, String sentence) {
        if (!usable) {
            throw new MisconfiguredException(sentence);
        }
    }

    /** Once this process serves. */
    public void start() {
        fanOut.start();
        sender.start();
    }

    /** Waits for attempts that are under way; one that is cut is sent again by another server. */
    public Uni<Void> stop(Duration within) {
        return fanOut.stop(within).chain(() -> sender.stop(within));
    }
}
