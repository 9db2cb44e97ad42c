package dev.larder.access;

import dev.larder.database.CleanupRows;
import dev.larder.database.CleanupRows.Walk;
import dev.larder.database.CleanupType;
import dev.larder.database.CleanupType.Retention;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.time.Duration;

/** Removes revoked and expired tokens after their retention (decision 0036). */
class TokenCleanupStore {

    // A token that made others, which still exist, stays: revoking it can revoke them.
    private static final String MADE_NONE = "NOT EXISTS (SELECT FROM tokens c WHERE c.parent_id = t.id)";

    @Produces
    @Singleton
    CleanupType tokens() {
        return CleanupRows.walking(
                Retention.of(Duration.ofDays(90), Duration.ofDays(1)),
                new Walk(
                        "tokens",
                        "least(t.revoked_at, t.expires_at) < :before::timestamptz AND " + MADE_NONE,
                        """
                SELECT min(least(t.revoked_at, t.expires_at)) AS at FROM (SELECT * FROM tokens ORDER BY id LIMIT 1000) t
                 WHERE %s HAVING min(least(t.revoked_at, t.expires_at)) IS NOT NULL""".formatted(MADE_NONE)));
    }
}
