package dev.larder.catalog;

import dev.larder.database.CleanupRows;
import dev.larder.database.CleanupRows.Walk;
import dev.larder.database.CleanupType;
import dev.larder.database.CleanupType.Retention;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.time.Duration;

/** Removes validations after their retention (decision 0036). */
class ValidationCleanupStore {

    @Produces
    @Singleton
    CleanupType validations() {
        return CleanupRows.walking(
                Retention.of(Duration.ofDays(30), Duration.ofHours(1)),
                new Walk("validations", "true", "SELECT created_at AS at FROM validations ORDER BY id LIMIT 1"));
    }
}
