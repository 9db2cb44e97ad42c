package dev.larder.reconcile;

import dev.larder.database.CleanupRows;
import dev.larder.database.CleanupRows.Walk;
import dev.larder.database.CleanupType;
import dev.larder.database.CleanupType.Retention;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.time.Duration;

/** Removes ended rollouts after their retention (decision 0036). Presets refer to open ones alone. */
class RolloutCleanupStore {

    private static final String OVER = "t.ended_at < :before::timestamptz";

    /** Kept for a day at least, so that a client that follows one sees how it ended. */
    @Produces
    @Singleton
    CleanupType rollouts() {
        return CleanupRows.walking(
                Retention.of(Duration.ofDays(30), Duration.ofDays(1)),
                new Walk("rollouts", OVER, CleanupRows.oldestOf("rollouts", "ended_at", "true")));
    }
}
