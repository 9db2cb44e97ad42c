package dev.larder.cleanup;

import dev.larder.database.CleanupRows;
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
                "cleanup_operations",
                Retention.of(Duration.ZERO, Duration.ZERO, 50),
                "cleanup_operations",
                """
                t.status <> 'running'
                       AND :keep::integer <= (SELECT count(*) FROM (
                                     SELECT FROM cleanup_operations n WHERE n.type = t.type AND n.id > t.id
                                      LIMIT :keep) newer)""",
                "SELECT started_at AS at FROM cleanup_operations ORDER BY id LIMIT 1");
    }
}
