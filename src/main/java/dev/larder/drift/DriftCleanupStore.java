package dev.larder.drift;

import dev.larder.database.CleanupRows;
import dev.larder.database.CleanupRows.Walk;
import dev.larder.database.CleanupType;
import dev.larder.database.CleanupType.Retention;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.time.Duration;

/** Removes reconciliation results and changesets after their retention (decision 0036). */
class DriftCleanupStore {

    private static final Retention MONTH = Retention.of(Duration.ofDays(30), Duration.ofDays(1));

    // A resource shows what the newest check found, also where a lost worker has left a result of its own since.
    private static final String RESULT_IS_OVER = """
            (EXISTS (SELECT FROM reconciliation_results n
                                 WHERE n.workspace_id = t.workspace_id AND n.kind = t.kind AND n.id > t.id)
                        OR EXISTS (SELECT FROM workspaces w WHERE w.id = t.workspace_id AND w.deleted_at IS NOT NULL))""";

    /** Results with the resources that they name. The newest of each kind stays until its workspace is deleted. */
    @Produces
    @Singleton
    CleanupType results() {
        return CleanupRows.walking(
                MONTH,
                new Walk(
                                "reconciliation_results",
                                RESULT_IS_OVER,
                                CleanupRows.oldestOf("reconciliation_results", "created_at", RESULT_IS_OVER))
                        .with("resource_drift", "result_id"));
    }

    private static final String JOB_HAS_ENDED =
            "NOT EXISTS (SELECT FROM jobs j WHERE j.id IN (t.job_id, t.apply_job_id) AND j.completed_at IS NULL)";

    /** Changesets whose jobs have ended. */
    @Produces
    @Singleton
    CleanupType changesets() {
        return CleanupRows.walking(
                MONTH,
                new Walk("changesets", JOB_HAS_ENDED, CleanupRows.oldestOf("changesets", "created_at", JOB_HAS_ENDED)));
    }
}
