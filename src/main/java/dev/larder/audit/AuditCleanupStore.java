package dev.larder.audit;

import dev.larder.database.CleanupRows;
import dev.larder.database.CleanupRows.Walk;
import dev.larder.database.CleanupType;
import dev.larder.database.CleanupType.Retention;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.time.Duration;

/** Removes entries of the audit log and notifications after their retention (decision 0036). */
class AuditCleanupStore {

    private static final Duration DAY = Duration.ofDays(1);

    @Produces
    @Singleton
    CleanupType audit() {
        return CleanupRows.walking(
                Retention.of(Duration.ofDays(365), DAY),
                new Walk("audit", "true", "SELECT at FROM audit ORDER BY id LIMIT 1"));
    }

    // The occasion of a notification is an event of its own: its removal lets none be told a second time.
    @Produces
    @Singleton
    CleanupType notifications() {
        return CleanupRows.walking(
                Retention.of(Duration.ofDays(90), DAY),
                new Walk("notifications", "true", "SELECT created_at AS at FROM notifications ORDER BY id LIMIT 1"));
    }
}
