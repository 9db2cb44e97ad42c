package dev.larder.lifecycle;

/** What became of a trial claim and of the workspaces that a version is tried with, as SQL (decision 0046). */
final class Trials {

    private Trials() {}

    /**
     * The last start of a workspace, of those that it was built, verified or prepared with: one row or none, for a
     * {@code LATERAL}. Its columns are {@code job}, {@code reason}, {@code status}, {@code error_code},
     * {@code number} and {@code blame}, which is {@code template}, {@code place}, {@code quota} or {@code worker}.
     *
     * @param workspace an expression: its id
     */
    static String lastStart(String workspace) {
        return """
                (SELECT j.id AS job, b.reason, j.status, j.error_code, b.number,
                        CASE coalesce(j.blame, 'template') WHEN 'passing' THEN 'worker' ELSE coalesce(j.blame, 'template') END AS blame
                   FROM builds b JOIN jobs j ON j.build_id = b.id
                  WHERE b.workspace_id = %s AND b.transition = 'start'
                    AND b.reason NOT IN ('drift_check', 'refresh', 'changeset', 'apply')
                  ORDER BY b.number DESC LIMIT 1)""".formatted(workspace);
    }

    /**
     * A condition: the trial claim has passed. It was given back after the last step that the version has.
     *
     * @param claim the claim's row
     * @param version the row of its template version
     * @param last the row of {@link #lastStart}
     */
    static String passed(String claim, String version, String last) {
        return ("(%1$s.ended_reason = 'released'"
                        + " AND (NOT %2$s.claim_step OR (%3$s.reason = 'claim' AND %3$s.status = 'succeeded'))"
                        + " AND (NOT %2$s.verify_step OR (%3$s.reason IN ('verify', 'claim') AND %3$s.status = 'succeeded')))")
                .formatted(claim, version, last);
    }
}
