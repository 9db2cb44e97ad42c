package dev.larder.webhooks;

import dev.larder.database.CleanupRows;
import dev.larder.database.CleanupRows.Walk;
import dev.larder.database.CleanupType;
import dev.larder.database.CleanupType.Retention;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.time.Duration;

/** Removes deliveries that have ended, after their retention (decision 0036). */
class WebhookCleanupStore {

    private static final String ENDED = "t.status <> 'pending'";

    // An event whose delivery is gone could be sent a second time where a restored database reads its events again. So
    // deliveries stay at least as long as events do.
    @Produces
    @Singleton
    CleanupType deliveries() {
        return CleanupRows.walking(
                Retention.of(Duration.ofDays(30), Duration.ofDays(7)),
                new Walk("webhook_deliveries", ENDED, CleanupRows.oldestOf("webhook_deliveries", "created_at", ENDED)));
    }
}
