package dev.larder.claim;

import dev.larder.database.CleanupRows;
import dev.larder.database.CleanupType;
import dev.larder.database.CleanupType.Retention;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.List;

/** Removes links of workspaces that have lapsed (decision 0036). */
class ChildCleanupStore {

    private static final String LAPSED =
            "NOT EXISTS (SELECT FROM " + ChildStore.LIVE + " k WHERE k.child_id = t.child_id)";

    // A link that was replaced meanwhile is young: the condition on its time is evaluated again with the lock.
    private static final String REMOVE =
            """
            WITH examined AS (
                SELECT t.child_id AS id, t.attached_at < :before::timestamptz AND {lapsed} AS removable
                  FROM workspace_children t WHERE t.child_id > :after::uuid ORDER BY t.child_id LIMIT :rows::integer),
            locked AS (
                SELECT k.child_id FROM workspace_children k
                 WHERE k.child_id = ANY (ARRAY(SELECT id FROM examined WHERE removable))
                   AND k.attached_at < :before::timestamptz FOR UPDATE SKIP LOCKED),
            deleted AS (
                DELETE FROM workspace_children k WHERE k.child_id = ANY (ARRAY(SELECT child_id FROM locked))
                RETURNING pg_column_size(k) AS bytes)
            """.replace("{lapsed}", LAPSED) + CleanupRows.COUNTED.replace("{position}", CleanupRows.LAST);

    /** A link lapses when its child or its parent is released, changes its owner or is deleted. */
    @Produces
    @Singleton
    CleanupType links() {
        return CleanupRows.by(
                "workspace_children",
                Retention.of(Duration.ofDays(1), Duration.ofHours(1)),
                List.of("workspace_children"),
                REMOVE,
                """
                SELECT min(t.attached_at) AS at FROM (SELECT * FROM workspace_children ORDER BY child_id LIMIT 1000) t
                 WHERE %s HAVING min(t.attached_at) IS NOT NULL""".formatted(LAPSED));
    }
}
