package dev.larder.cleanup;

import dev.larder.database.CleanupRows;
import dev.larder.database.CleanupRows.Walk;
import dev.larder.database.CleanupType;
import dev.larder.database.CleanupType.Retention;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.time.Duration;

/** Removes clean-up operations: the last 50 of each type stay, and those that run (decision 0036). */
class OperationCleanupStore {

    @Produces
    @Singleton
    CleanupType operations() {
        return CleanupRows.walking(
                Retention.of(Duration.ZERO, Duration.ZERO, 50),
                new Walk(
                        "cleanup_operations",
                        "t.status <> 'running' AND "
                                + CleanupRows.enoughNewer("cleanup_operations", "n.type = t.type AND n.id > t.id"),
                        "SELECT started_at AS at FROM cleanup_operations ORDER BY id LIMIT 1"));
    }
}
