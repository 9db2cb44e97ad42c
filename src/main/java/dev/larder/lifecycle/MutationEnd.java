package dev.larder.lifecycle;

/**
 * How far what is known of infrastructure can be trusted after a mutation: the parts of the statements that end one, of
 * a job or of a person (decision 0033). The verdict stands here once.
 *
 * <p>Each statement first locks what it judges, in the order workspaces, mutations, states, and judges the locked rows.
 * An upload that commits while the statement waits is counted.
 */
public final class MutationEnd {

    private MutationEnd() {}

    /** The columns of a mutation {@code m} that the verdict needs. */
    public static final String JUDGED =
            "m.id, m.state_id, m.kind, m.previous_status, m.previous_reason, m.previous_since, m.writes, m.failed_writes";

    /**
     * A value: what a state is after the mutation {@code c}: previous, reliable, or the reason why it is unreliable. A
     * refresh that failed has at most read a part of what exists.
     */
    private static final String VERDICT = """
            CASE WHEN c.kind = 'plan' OR (c.quiet AND c.writes + c.failed_writes = 0)
                      OR (c.kind = 'refresh' AND c.quiet AND c.outcome <> 'succeeded' AND c.failed_writes = 0) THEN 'previous'
                 WHEN c.taken_away IS NOT NULL THEN c.taken_away
                 WHEN c.failed_writes > 0 THEN 'write_failed'
                 WHEN c.previous_status = 'corrupt' AND c.writes = 0 AND NOT c.buries THEN 'previous'
                 ELSE coalesce(c.doubt, 'reliable') END""";

    private static final String KNOWN = """
            known AS MATERIALIZED (
                SELECT j.*,
                       CASE j.verdict WHEN 'reliable' THEN CASE WHEN j.buries THEN 'tombstoned' ELSE 'reliable' END
                                      WHEN 'previous' THEN CASE WHEN j.previous_status = 'new' AND j.current_version > 0
                                                                THEN 'reliable' ELSE j.previous_status END
                                      ELSE 'unreliable' END AS status,
                       CASE j.verdict WHEN 'previous' THEN j.previous_reason WHEN 'reliable' THEN NULL
                                      ELSE j.verdict END AS reason,
                       CASE j.verdict WHEN 'previous' THEN j.previous_since ELSE j.at END AS since
                  FROM (SELECT c.*, {verdict} AS verdict FROM closing c) j),
            """.replace("{verdict}", VERDICT);

    /**
     * The CTEs {@code known}, {@code closed} and {@code settled}: the mutations of {@code closing} end, and their
     * states are settled. {@code closed} has the rows of the mutations, {@code settled} those of the states, and
     * {@code unchanged}: what was known before is as true as it was. Of the state's row, {@code settled} reads its
     * own {@code s}: PostgreSQL checks constraints on the row of its snapshot first, before it finds the newer one.
     *
     * <p>{@code closing} is a CTE with the columns {@link #JUDGED} of locked, open mutations;
     * {@code current_version} of the locked state; {@code at}; {@code outcome}, the word that is recorded;
     * {@code quiet}: without a write nothing has changed; {@code taken_away}, {@code doubt}: reasons why the state
     * cannot be trusted, or NULL, where a failed write is the better reason than a doubt; {@code buries}: the state
     * is deleted if it can be trusted.
     */
    public static final String SETTLED = KNOWN + """
            closed AS (
                UPDATE state_mutations m SET ended_at = k.at, outcome = k.outcome, end_version = k.current_version
                  FROM known k WHERE m.id = k.id
                RETURNING m.*),
            settled AS (
                UPDATE states s
                   SET status = k.status, status_reason = k.reason, status_since = k.since,
                       reliable_version = CASE WHEN k.status IN ('reliable', 'tombstoned') THEN s.current_version
                                               ELSE s.reliable_version END,
                       tombstoned_at = CASE WHEN k.status = 'tombstoned' THEN k.since END
                  FROM known k WHERE s.id = k.state_id
                RETURNING s.*, k.verdict = 'previous' AS unchanged)""";

    /**
     * A condition: after a destroy of a state, resources of it may still exist. Its current version lists some, or
     * has a format in which they cannot be counted. Or no upload was ever accepted, and one of a writer was rejected.
     * A version that the client encrypted is left to the tool's word. A version that is too new for this statement to
     * see counts as one that lists resources.
     *
     * @param state a value: the id of the locked state
     * @param version a value: its current version
     */
    public static String mayListResources(String state, String version) {
        return """
                CASE WHEN %2$s = 0
                     THEN EXISTS (SELECT FROM state_rejects r WHERE r.state_id = %1$s AND r.mutation_id IS NOT NULL)
                     ELSE NOT EXISTS (SELECT FROM state_versions v
                                       WHERE v.state_id = %1$s AND v.version = %2$s
                                         AND (v.managed = 0 OR (v.managed IS NULL AND v.client_encrypted))) END""".formatted(state, version);
    }

    /**
     * The CTE {@code held}: the mutations of jobs with their states and workspaces, locked.
     *
     * @param jobs a CTE with the column {@code mutation_id}, NULL where the backend has no state; its jobs are locked
     */
    static String held(String jobs) {
        return """
                held AS MATERIALIZED (
                    SELECT %s, m.ended_at, s.current_version, s.status
                      FROM %s l
                      JOIN state_mutations m ON m.id = l.mutation_id
                      JOIN states s ON s.id = m.state_id
                      JOIN workspaces w ON w.id = s.workspace_id
                       FOR NO KEY UPDATE OF w, m, s)""".formatted(JUDGED, jobs);
    }

    /**
     * A condition on a job {@code j} of {@code held} that deletes its workspace: resources of its state may still
     * exist, or a person who took the mutation away changes the state now. Such a job has failed, also where its
     * worker reports that it succeeded.
     */
    static final String INCOMPLETE = """
            (j.deletes AND EXISTS (
                 SELECT FROM held h
                  WHERE h.id = j.mutation_id
                    AND ((h.ended_at IS NOT NULL AND h.status = 'in_flight') OR {lists})))""".replace("{lists}", mayListResources("h.state_id", "h.current_version"));

    /** A value: why infrastructure that the job {@code d} changed is not known for sure; NULL where it is. */
    private static final String DOUBT = """
            CASE WHEN d.error_code = 'destroy_incomplete' THEN d.error_code
                 WHEN d.status = 'succeeded' OR d.tool <> 'unknown' THEN NULL
                 WHEN d.error_code = 'worker_lost' THEN d.error_code
                 WHEN d.status = 'canceled' THEN 'canceled'
                 ELSE 'job_failed' END""";

    /** A value: what the end of the job {@code d} tells of a workspace whose backend has no state. */
    private static final String TOLD = "CASE WHEN " + DOUBT + " IS NULL THEN 'reliable' ELSE 'unreliable' END";

    /** A value: the outcome of a mutation whose job has ended as the row {@code d} says. */
    static final String OF_JOB = "CASE WHEN d.status IN ('succeeded', 'canceled') THEN d.status ELSE 'failed' END";

    /** The CTE {@code interrupted}: what a mutation may have left that ended without a true record is a result. */
    private static final String INTERRUPTED = """
            ,
            interrupted AS (
                INSERT INTO reconciliation_results (id, organization_id, workspace_id, preset_id, job_id, mutation_id, kind,
                                                    scope, state_version, claimed, reason, recommended, created_at)
                SELECT time_ordered_id(k.at), w.organization_id, w.id, w.preset_id, m.job_id, m.id, 'interrupted', 'interrupted',
                       m.end_version, NOT w.prebuild, k.verdict,
                       CASE WHEN m.kind = 'destroy' OR w.prebuild THEN 'replace' ELSE 'refresh' END, k.at
                  FROM known k
                  JOIN closed m ON m.id = k.id
                  JOIN settled s ON s.id = k.state_id
                  JOIN workspaces w ON w.id = s.workspace_id
                 WHERE k.verdict NOT IN ('previous', 'reliable', 'destroy_incomplete')
                    ON CONFLICT (mutation_id, kind) DO NOTHING)""";

    /**
     * The CTEs of {@link #SETTLED} for the mutations of {@code held}, and {@code interrupted}. A mutation that was
     * taken away from its job has ended.
     *
     * @param jobs a CTE with the columns {@code mutation_id}, {@code status} of the job, {@code tool},
     *     {@code error_code} and {@code at}: when it ended
     * @param outcome a value: the mutation's outcome, of the row {@code d}
     */
    static String end(String jobs, String outcome) {
        return """
                closing AS MATERIALIZED (
                    SELECT {judged}, m.current_version, d.at, {outcome} AS outcome, NULL::text AS taken_away, {doubt} AS doubt,
                           d.status <> 'succeeded' AND d.tool <> 'unknown'
                               AND d.error_code IS DISTINCT FROM 'destroy_incomplete' AS quiet,
                           m.kind = 'destroy' AND d.status = 'succeeded' AS buries
                      FROM held m JOIN {jobs} d ON d.mutation_id = m.id
                     WHERE m.ended_at IS NULL),
                """.replace("{judged}", JUDGED)
                        .replace("{outcome}", outcome)
                        .replace("{doubt}", DOUBT)
                        .replace("{jobs}", jobs)
                + SETTLED
                + INTERRUPTED;
    }

    /** The CTEs {@code held} and those of {@link #end} for jobs that no worker has any more. */
    static String endOf(String jobs, String outcome) {
        return held(jobs) + ",\n" + end(jobs, outcome);
    }

    /**
     * What follows {@code FROM} in an UPDATE of the jobs' workspaces: the rows {@code d} of the jobs, and {@code c}
     * for {@link StateMirror#ASSIGNED}. Where the backend has no state, how the tool ended tells. A job whose mutation
     * was taken away tells nothing.
     *
     * @param jobs as for {@link #end}, with {@code workspace_id} too
     */
    static String known(String jobs) {
        return """
                {jobs} d
                  LEFT JOIN settled s ON s.workspace_id = d.workspace_id
                 CROSS JOIN LATERAL (
                       SELECT CASE WHEN d.mutation_id IS NULL THEN {told}
                                   WHEN s.status = 'tombstoned' THEN CASE WHEN NOT s.unchanged THEN 'reliable' END
                                   ELSE s.status END AS status,
                              CASE WHEN d.mutation_id IS NULL THEN {doubt} ELSE s.status_reason END AS status_reason,
                              CASE WHEN d.mutation_id IS NULL THEN d.at ELSE s.status_since END AS status_since) c""".replace("{jobs}", jobs).replace("{told}", TOLD).replace("{doubt}", DOUBT);
    }

    /** The same for jobs without a mutation. */
    static String knownWithoutState(String jobs) {
        return """
                {jobs} d
                 CROSS JOIN LATERAL (
                       SELECT {told} AS status, {doubt} AS status_reason, d.at AS status_since) c""".replace("{jobs}", jobs).replace("{told}", TOLD).replace("{doubt}", DOUBT);
    }
}
