package dev.larder.lifecycle;

import java.util.List;

/**
 * Whether a worker has the latest build of a workspace, said once for all statements. Its job says so and the
 * workspace does not: a lease is given without writing a second row and its indexes (decision 0019).
 */
public final class BuildProgress {

    private BuildProgress() {}

    /**
     * A condition. Not EXISTS: where many rows are expected PostgreSQL would look through the whole history instead.
     *
     * @param workspace what the statement calls the workspace's row
     */
    static String isBegun(String workspace) {
        return "(SELECT begun.started_at IS NOT NULL FROM jobs begun WHERE begun.build_id = %s.build_id)"
                .formatted(workspace);
    }

    /**
     * A value: when the first start of the workspace succeeded. NULL where it did not, and where clean-up has removed
     * it.
     *
     * @param workspace what the statement calls the workspace's row
     */
    public static String firstBuiltAt(String workspace) {
        return """
                (SELECT built.completed_at FROM builds first JOIN jobs built ON built.build_id = first.id
                                WHERE first.workspace_id = %s.id AND first.number = 1 AND built.status = 'succeeded')""".formatted(workspace);
    }

    /**
     * Values with the names {@code state_status}, {@code state_reason} and {@code state_since}: how far what is known
     * of the workspace's infrastructure can be trusted. While a worker has its latest build, that build changes it.
     *
     * @param workspace what the statement calls the workspace's row
     */
    public static String state(String workspace) {
        return """
                CASE WHEN {begun} THEN 'in_flight' ELSE {w}.state_status END AS state_status,
                       CASE WHEN NOT {begun} THEN {w}.state_reason END AS state_reason,
                       CASE WHEN {begun} THEN (SELECT j.started_at FROM jobs j WHERE j.build_id = {w}.build_id)
                            ELSE {w}.state_since END AS state_since""".replace("{begun}", "({w}.build_finished_at IS NULL AND coalesce(" + isBegun("{w}") + ", false))")
                .replace("{w}", workspace);
    }

    /**
     * A value: the status of the workspace, in the one vocabulary that the API has for it (design, section 1.1).
     *
     * @param workspace what the statement calls the workspace's row
     */
    public static String word(String workspace) {
        return """
                CASE WHEN {w}.deleted_at IS NOT NULL THEN 'deleted'
                        WHEN {w}.quarantined_at IS NOT NULL THEN 'quarantined'
                        WHEN {w}.transition <> 'start' OR {w}.build_status <> 'succeeded' OR {w}.ready_at IS NULL
                        THEN {w}.transition || '_' || {status}
                        WHEN {w}.deletion_wanted_at IS NOT NULL THEN 'returned'
                        WHEN {w}.verifying OR {w}.claim_step_wanted_at IS NOT NULL THEN 'start_pending'
                        ELSE 'ready' END""".replace("{w}", workspace).replace("{status}", status(workspace));
    }

    /** Whether the workspace of this word will change soon, by itself. */
    public static boolean underWay(String word) {
        return word.equals("returned")
                || word.endsWith("_pending")
                || word.endsWith("_running")
                || word.endsWith("_canceling");
    }

    /** The words of {@link #word}. */
    public static final List<String> WORDS = List.of(
            "start_pending",
            "start_running",
            "start_canceling",
            "start_canceled",
            "start_failed",
            "ready",
            "returned",
            "stop_pending",
            "stop_running",
            "stop_canceling",
            "stop_canceled",
            "stop_failed",
            "stop_succeeded",
            "delete_pending",
            "delete_running",
            "delete_canceling",
            "delete_canceled",
            "delete_failed",
            "deleted",
            "quarantined");

    /**
     * A value: the latest build's status, as {@link dev.larder.model.JobStatus} has it.
     *
     * @param workspace what the statement calls the workspace's row
     */
    public static String status(String workspace) {
        return "CASE WHEN %1$s.build_status = 'pending' AND %2$s THEN 'running' ELSE %1$s.build_status END"
                .formatted(workspace, isBegun(workspace));
    }
}
