package dev.larder.lifecycle;

/**
 * What is known of infrastructure, while it changes: the parts of the statements that begin and end a job's mutation
 * of its workspace's state (decision 0033). A mutation begins in the statement that leases the job, and ends in the
 * one that completes, requeues or takes back the job: so the job's lease is the mutation's, and no second protocol is
 * needed.
 *
 * <p>Every statement locks jobs, workspaces, mutations and states in this order.
 */
public final class Mutations {

    private Mutations() {}

    /** A condition: a worker changes the job's infrastructure through a state of its own. */
    public static String stateful(String job) {
        return job + ".backend IN ('terraform', 'terraform_check')";
    }

    /** A condition on a job of a backend with a state: it needs a state that can be trusted. */
    static String needsTrust(String job) {
        return "NOT %1$s.deletes AND %1$s.backend <> 'terraform_check'".formatted(job);
    }

    /**
     * A condition on a waiting job: no other mutation of its state is open, and the state can be trusted, unless the
     * job deletes the workspace, or looks at what is there.
     */
    public static String mayBegin(String job) {
        return """
                (NOT (%2$s) OR NOT EXISTS (
                          SELECT FROM states s
                           WHERE s.workspace_id = %1$s.workspace_id
                             AND (s.status = 'in_flight' OR (s.status = 'unreliable' AND %3$s) OR (s.status = 'corrupt' AND NOT %1$s.deletes))))""".formatted(job, stateful(job), needsTrust(job));
    }

    /**
     * The CTEs {@code prior}, {@code entered} and {@code begun}: the jobs of {@code taken}, which have a new
     * {@code mutation_id}, begin their mutations at {@code :at}. A state that was never used begins to exist,
     * and one that was deleted exists again: its last version tells what to destroy.
     * {@code entered} has the columns {@code workspace_id}, {@code state_id}, {@code fence}, {@code current_version}
     * and {@code state_token}, the mutation's secret. The statement fails where another mutation of a state began
     * meanwhile.
     */
    public static final String BEGUN = """
            prior AS (
                SELECT s.workspace_id, s.status, s.status_reason, s.status_since
                  FROM taken t JOIN states s ON s.workspace_id = t.workspace_id
                 WHERE t.mutation_id IS NOT NULL),
            entered AS (
                INSERT INTO states AS s (id, organization_id, workspace_id, created_at, status, status_since, fence)
                SELECT gen_random_uuid(), t.organization_id, t.workspace_id, :at::timestamptz, 'in_flight',
                       :at::timestamptz, 1
                  FROM taken t WHERE t.mutation_id IS NOT NULL
                    ON CONFLICT (workspace_id)
                    DO UPDATE SET fence = s.fence + 1, status = 'in_flight', status_reason = NULL,
                                  status_since = excluded.status_since, tombstoned_at = NULL
                RETURNING s.workspace_id, s.id AS state_id, s.fence, s.current_version,
                          gen_random_uuid()::text AS state_token),
            begun AS (
                INSERT INTO state_mutations (id, state_id, fence, kind, job_id, attempt, token_hash, base_version,
                                             previous_status, previous_reason, previous_since, opened_at)
                SELECT t.mutation_id, e.state_id, e.fence,
                       CASE WHEN t.deletes THEN 'destroy'
                            ELSE CASE b.reason WHEN 'claim' THEN 'claim' WHEN 'recycle' THEN 'update' WHEN 'refresh' THEN 'refresh'
                                               WHEN 'verify' THEN 'plan' WHEN 'drift_check' THEN 'plan'
                                               WHEN 'changeset' THEN 'plan' ELSE 'create' END END,
                       t.id, t.attempt, sha256(convert_to(e.state_token, 'UTF8')), e.current_version,
                       coalesce(p.status, 'new'), p.status_reason, coalesce(p.status_since, :at::timestamptz),
                       :at::timestamptz
                  FROM taken t
                  JOIN entered e ON e.workspace_id = t.workspace_id
                  JOIN builds b ON b.id = t.build_id
                  LEFT JOIN prior p ON p.workspace_id = t.workspace_id)""";

    /**
     * A condition: the mutation has changed nothing, so that what was known before is as true as it was. A refresh that
     * failed has read a part of what exists at most.
     */
    private static final String QUIET = "m.kind = 'plan' OR (d.status <> 'succeeded' AND d.tool <> 'unknown'"
            + " AND (m.writes + m.failed_writes = 0 OR (m.kind = 'refresh' AND m.failed_writes = 0))"
            + " AND d.error_code IS DISTINCT FROM 'destroy_incomplete')";

    /**
     * A value: what a state is after its mutation. {@code m} is the mutation's row; the row {@code d} says how the
     * job ended, with columns {@code status}, {@code tool} and {@code error_code}.
     */
    private static final String VERDICT = """
            CASE WHEN {quiet} THEN m.previous_status
                 WHEN m.failed_writes > 0 THEN 'unreliable'
                 WHEN d.status = 'succeeded' THEN CASE m.kind WHEN 'destroy' THEN 'tombstoned' ELSE 'reliable' END
                 WHEN d.tool <> 'unknown' AND d.error_code IS DISTINCT FROM 'destroy_incomplete' THEN 'reliable'
                 ELSE 'unreliable' END""";

    private static final String REASON = """
            CASE WHEN {quiet} THEN m.previous_reason
                 WHEN m.failed_writes > 0 THEN 'write_failed'
                 WHEN d.error_code IN ('destroy_incomplete', 'worker_lost') THEN d.error_code
                 WHEN d.status = 'canceled' THEN 'canceled'
                 ELSE 'job_failed' END""";

    /** The CTE {@code interrupted}: what a mutation may have left that ended without a true record is a result. */
    private static final String INTERRUPTED = """
            ,
            interrupted AS (
                INSERT INTO reconciliation_results (id, organization_id, workspace_id, preset_id, job_id, mutation_id, kind,
                                                    scope, state_version, claimed, reason, recommended, created_at)
                SELECT time_ordered_id(v.at), w.organization_id, w.id, w.preset_id, v.job_id, v.id, 'interrupted', 'interrupted',
                       s.current_version, NOT w.prebuild, v.reason,
                       CASE WHEN v.kind = 'destroy' OR w.prebuild THEN 'replace' ELSE 'refresh' END, v.at
                  FROM mutation v
                  JOIN states s ON s.id = v.state_id
                  JOIN workspaces w ON w.id = s.workspace_id
                 WHERE v.verdict = 'unreliable' AND NOT v.quiet AND v.reason <> 'destroy_incomplete'
                    ON CONFLICT (mutation_id, kind) DO NOTHING)""";

    /**
     * The CTEs {@code mutation}, {@code state} and {@code interrupted}: the mutations of the rows of {@code jobs} end.
     * {@code state} has the columns {@code workspace_id}, {@code status}, {@code status_reason} and
     * {@code status_since}.
     *
     * @param jobs a CTE with the columns {@code mutation_id}, {@code status} of the job, {@code tool},
     *     {@code error_code} and {@code at}: when it ended
     * @param outcome a value: the mutation's outcome, of the row {@code d}
     */
    static String end(String jobs, String outcome) {
        return """
                mutation AS (
                    UPDATE state_mutations m
                       SET ended_at = d.at, outcome = %2$s,
                           end_version = (SELECT s.current_version FROM states s WHERE s.id = m.state_id)
                      FROM %1$s d WHERE m.id = d.mutation_id AND m.ended_at IS NULL
                    RETURNING m.id, m.state_id, m.kind, m.job_id, d.at, %5$s AS quiet, %3$s AS verdict,
                              %4$s AS reason),
                state AS (
                    UPDATE states s
                       SET status = v.verdict,
                           status_reason = CASE WHEN v.verdict IN ('unreliable', 'corrupt') THEN v.reason END,
                           status_since = v.at,
                           reliable_version = CASE WHEN v.verdict IN ('reliable', 'tombstoned') THEN s.current_version
                                                   ELSE s.reliable_version END,
                           tombstoned_at = CASE WHEN v.verdict = 'tombstoned' THEN v.at END
                      FROM mutation v WHERE s.id = v.state_id
                    RETURNING s.workspace_id, s.status, s.status_reason, s.status_since)""".formatted(jobs, outcome, VERDICT.replace("{quiet}", QUIET), REASON.replace("{quiet}", QUIET), QUIET)
                + INTERRUPTED;
    }

    /** A value: the outcome of a mutation whose job has ended as the row {@code d} says. */
    static final String OF_JOB = "CASE WHEN d.status IN ('succeeded', 'canceled') THEN d.status ELSE 'failed' END";

    /**
     * Assignments of an {@code UPDATE workspaces}: what is known of the workspace after a job. The row {@code d} is
     * the job's as in {@link #end}; {@code s} is the row of {@code state}, NULL where the backend keeps none: then
     * how the tool ended tells.
     */
    static final String KNOWN = """
            state_status = CASE WHEN s.status IS NULL AND d.mutation_id IS NOT NULL THEN w.state_status
                                WHEN s.status IS NULL
                                THEN CASE WHEN d.status = 'succeeded' OR d.tool <> 'unknown' THEN 'reliable' ELSE 'unreliable' END
                                WHEN s.status = 'tombstoned' THEN 'reliable'
                                ELSE nullif(s.status, 'new') END,
                       state_reason = CASE WHEN s.status IS NULL AND d.mutation_id IS NOT NULL THEN w.state_reason
                                           WHEN s.status IS NULL
                                           THEN CASE WHEN d.status = 'succeeded' OR d.tool <> 'unknown' THEN NULL
                                                     WHEN d.status = 'canceled' THEN 'canceled'
                                                     WHEN d.error_code = 'worker_lost' THEN 'worker_lost'
                                                     ELSE 'job_failed' END
                                           ELSE s.status_reason END,
                       state_since = CASE WHEN s.status IS NULL AND d.mutation_id IS NOT NULL THEN w.state_since
                                          WHEN s.status IS NULL THEN d.at WHEN s.status <> 'new' THEN s.status_since END""";

    /**
     * A condition: after a destroy of the state, resources of it may still exist. Its last version lists some, or has a
     * format in which they cannot be counted. Or no upload was ever accepted, and one of a writer was rejected. A state
     * that the client encrypted is left to the tool's word.
     *
     * @param state the name of its row in the statement
     */
    public static String mayListResources(String state) {
        return """
                (EXISTS (SELECT FROM state_versions v
                                 WHERE v.state_id = %1$s.id AND v.version = %1$s.current_version
                                   AND (v.managed > 0 OR (v.managed IS NULL AND NOT v.client_encrypted)))
                       OR (%1$s.current_version = 0
                           AND EXISTS (SELECT FROM state_rejects r WHERE r.state_id = %1$s.id AND r.mutation_id IS NOT NULL)))""".formatted(state);
    }

    /**
     * A condition on a job {@code j} that deletes its workspace: resources of its state may still exist. Such a job has
     * failed, whatever its worker reports.
     */
    static final String INCOMPLETE = """
            (j.deletes AND j.mutation_id IS NOT NULL AND EXISTS (
                          SELECT FROM states s WHERE s.workspace_id = j.workspace_id AND %s))""".formatted(mayListResources("s"));
}
