package dev.larder.lifecycle;

/**
 * What is known of infrastructure, while it changes: the parts of the statement that begins a job's mutation of its
 * workspace's state (decision 0033). A mutation begins in the statement that leases the job, and ends in the one that
 * completes, requeues or takes back the job ({@link MutationEnd}): so the job's lease is the mutation's, and no second
 * protocol is needed.
 *
 * <p>Every statement locks jobs, workspaces, mutations and states in this order.
 */
public final class Mutations {

    private Mutations() {}

    /** A condition: a worker changes the job's infrastructure through a state of its own. */
    public static String stateful(String job) {
        return job + ".backend IN ('terraform', 'terraform_check')";
    }

    /**
     * A condition on a state {@code s} that no mutation changes now: a job of a backend with a state may not build on
     * it. A job that deletes the workspace may always begin; one that looks at what is there needs a state that can be
     * read.
     */
    static String bars(String job) {
        return "(NOT %1$s.deletes AND (s.status = 'corrupt' OR (s.status = 'unreliable' AND %1$s.backend <> 'terraform_check')))"
                .formatted(job);
    }

    /**
     * A condition on a waiting job: no other mutation of its state is open, and the job may build on the state.
     */
    public static String mayBegin(String job) {
        return """
                (NOT (%2$s) OR NOT EXISTS (
                          SELECT FROM states s
                           WHERE s.workspace_id = %1$s.workspace_id
                             AND (s.status = 'in_flight' OR %3$s)))""".formatted(job, stateful(job), bars(job));
    }

    /**
     * The CTEs {@code prior}, {@code entered} and {@code begun}: the jobs of {@code taken}, which have a new
     * {@code mutation_id}, begin their mutations at {@code :at}. A state that was never used begins to exist,
     * and one that was deleted exists again: its last version tells what to destroy.
     * {@code entered} has the columns {@code workspace_id}, {@code state_id}, {@code fence}, {@code current_version}
     * and {@code state_token}, the mutation's secret.
     *
     * <p>The job was chosen by what the statement saw when it began. What is true is in the locked row: the statement
     * fails where another mutation of the state began meanwhile, or left it in a status on which the job may not build.
     * Then {@code previous_status} is NULL, which the table refuses.
     */
    public static final String BEGUN = """
            prior AS MATERIALIZED (
                SELECT s.workspace_id, s.status_reason, s.status_since,
                       CASE WHEN NOT {barred} THEN s.status END AS status
                  FROM taken t JOIN states s ON s.workspace_id = t.workspace_id
                 WHERE t.mutation_id IS NOT NULL
                   FOR NO KEY UPDATE OF s),
            entered AS (
                INSERT INTO states AS s (id, organization_id, workspace_id, created_at, status, status_since, fence)
                SELECT gen_random_uuid(), t.organization_id, t.workspace_id, :at::timestamptz, 'in_flight',
                       :at::timestamptz, 1
                  FROM taken t WHERE t.mutation_id IS NOT NULL AND (SELECT count(*) FROM prior) >= 0
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
                                               WHEN 'changeset' THEN 'plan' WHEN 'apply' THEN 'update' ELSE 'create' END END,
                       t.id, t.attempt, sha256(convert_to(e.state_token, 'UTF8')), e.current_version,
                       CASE WHEN p.workspace_id IS NULL AND e.fence = 1 THEN 'new' ELSE p.status END, p.status_reason, coalesce(p.status_since, :at::timestamptz),
                       :at::timestamptz
                  FROM taken t
                  JOIN entered e ON e.workspace_id = t.workspace_id
                  JOIN builds b ON b.id = t.build_id
                  LEFT JOIN prior p ON p.workspace_id = t.workspace_id)""".replace("{barred}", bars("t"));
}
