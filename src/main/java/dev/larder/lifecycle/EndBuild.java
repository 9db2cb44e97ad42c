package dev.larder.lifecycle;

/** Ends builds that no worker reports on: the parts that several statements share. */
public final class EndBuild {

    private static final String FIRST_START = "c.status = 'canceled' AND w.transition = 'start' AND w.build_number = 1";

    private static final String CANCEL = """
            canceled AS (
                UPDATE jobs j
                   SET canceled_at = coalesce(j.canceled_at, :at::timestamptz),
                       completed_at = CASE WHEN j.started_at IS NULL THEN :at::timestamptz END
                  FROM {jobs} l WHERE j.id = l.id
                RETURNING j.workspace_id, j.build_id, j.status, j.completed_at, j.attempt),
            dropped AS (
                UPDATE workspaces w
                   SET build_status = c.status, build_finished_at = c.completed_at,
                       deleted_at = CASE WHEN {first} AND {untouched} THEN :at::timestamptz END,
                       deletion_wanted_at = CASE WHEN {first} AND NOT ({untouched})
                                                 THEN coalesce(w.deletion_wanted_at, :at::timestamptz)
                                                 ELSE w.deletion_wanted_at END
                  FROM canceled c WHERE w.id = c.workspace_id AND w.build_id = c.build_id
                RETURNING w.id, w.preset_id, w.prebuild, w.deleted_at, w.build_status)""";

    private EndBuild() {}

    /**
     * Two CTEs. {@code canceled} cancels jobs: a waiting one ends at once, a leased one is asked to stop.
     * {@code dropped} ends the builds of their workspaces, and returns {@code id}, {@code preset_id},
     * {@code prebuild}, {@code deleted_at} and {@code build_status}.
     *
     * <p>Where the first start of a workspace is canceled and no worker had begun it, nothing was made: the
     * workspace is deleted at once. Where a worker had begun it and lost it, or a person has used its state,
     * parts may exist: the workspace is to be deleted, which {@link StartBuildStore#deleteWanted} begins. The
     * statement has a parameter {@code :at}: now.
     *
     * @param jobs what follows {@code FROM}: the jobs that the statement has locked, by {@code id}
     * @param unwanted a condition: whether the workspace {@code w} is of no use without its first start
     */
    public static String cancel(String jobs, String unwanted) {
        return CANCEL.replace("{jobs}", jobs)
                .replace("{first}", FIRST_START + " AND " + unwanted)
                .replace("{untouched}", "c.attempt = 0 AND " + StateMirror.UNTOUCHED);
    }
}
