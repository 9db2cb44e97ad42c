package dev.larder.lifecycle;

/**
 * Starts builds: the parts of the statements that do it, each of which stands here once. A build, its job and
 * its workspace change in one statement, which has these CTEs in this order:
 *
 * <pre>{@code
 * WITH …,
 * item AS (SELECT … FROM …),          -- one row for each build
 * BUILDS,                             -- inserts the builds
 * NEW_WORKSPACES or next(…),          -- inserts the workspaces, or moves existing ones
 * …
 * JOBS                                -- inserts the jobs: the statement's own end, or the body of a last CTE
 * }</pre>
 *
 * <p>An item has the columns {@code workspace}, {@code build} and {@code job} (ids), {@code number},
 * {@code transition}, {@code initiator}, {@code reason}, {@code attempt} (of the reconciler, or
 * {@code NULL::integer}), {@code organization_id}, {@code version_id}, {@code preset_id}, {@code prebuild},
 * {@code queue_at}, {@code timeout} (seconds) and those of {@link #VERSION}. The statement has a parameter
 * {@code :at}: now.
 */
public final class StartBuild {

    /** Columns of an item, where {@code v} is the row of its template version: what kind of worker builds it. */
    public static final String VERSION = "v.backend, (SELECT s.id FROM tagsets s WHERE s.tags = v.tags) AS tagset_id";

    /** The CTE {@code build}. */
    public static final String BUILDS = """
            build AS (
                INSERT INTO builds (id, workspace_id, number, transition, initiator_id, reason, version_id, preset_id,
                                    attempt, created_at)
                SELECT i.build, i.workspace, i.number, i.transition, i.initiator, i.reason, i.version_id, i.preset_id,
                       i.attempt, :at::timestamptz
                  FROM item i)""";

    /**
     * The CTE {@code workspace} for first builds. Items have six columns more: {@code template_id},
     * {@code name}, {@code claim_step} (whether a claim build follows), {@code parameters} and
     * {@code late_parameters} (jsonb), {@code place_id} and {@code stock_until} (null for a user's). The
     * initiator is the owner.
     */
    public static final String NEW_WORKSPACES = """
            workspace AS (
                INSERT INTO workspaces (id, organization_id, owner_id, prebuild, template_id, version_id, preset_id,
                                        name,
                                        created_at, claimed_at, claim_step_wanted_at, build_id, build_number,
                                            transition,
                                        build_status, parameters, late_parameters, place_id, stock_until)
                SELECT i.workspace, i.organization_id, i.initiator, i.prebuild, i.template_id, i.version_id,
                       i.preset_id,
                       i.name, :at::timestamptz, CASE WHEN NOT i.prebuild THEN :at::timestamptz END,
                       CASE WHEN i.claim_step THEN :at::timestamptz END, i.build, i.number, i.transition, 'pending',
                       i.parameters, i.late_parameters, i.place_id, i.stock_until
                  FROM item i)""";

    /** An {@code INSERT}: users' jobs count in no preset's limits. */
    public static final String JOBS = """
            INSERT INTO jobs (id, build_id, workspace_id, organization_id, backend, tagset_id, queue_at, created_at,
                              timeout_seconds, prebuild, preset_id, deletes)
            SELECT i.job, i.build, i.workspace, i.organization_id, i.backend, i.tagset_id, i.queue_at,
                   :at::timestamptz,
                   i.timeout, i.prebuild, CASE WHEN i.prebuild THEN i.preset_id END, i.transition = 'delete'
              FROM item i""";

    private StartBuild() {}

    /**
     * The CTE {@code workspace} for further builds.
     *
     * @param assignments what else changes in the workspace's row {@code w}
     */
    public static String next(String assignments) {
        return """
                workspace AS (
                    UPDATE workspaces w
                       SET build_id = i.build, build_number = i.number, transition = i.transition,
                           build_status = 'pending',
                           build_finished_at = NULL, ready_at = NULL, %s
                      FROM item i WHERE w.id = i.workspace)""".formatted(assignments);
    }

    /**
     * What an item is selected from, where the ids are given in any order: {@code w} is the workspace's row,
     * {@code i} has the ids {@code build} and {@code job} from the parameters {@code :builds} and
     * {@code :jobs}, {@code v} is the version's row.
     *
     * @param workspaces the rows of workspaces, with a condition or without
     */
    static String numbered(String workspaces) {
        return """
                (SELECT *, row_number() OVER (ORDER BY id) AS n FROM %s) w
                      JOIN unnest(:builds::uuid[], :jobs::uuid[]) WITH ORDINALITY i (build, job, n) ON i.n = w.n
                      JOIN template_versions v ON v.id = w.version_id""".formatted(workspaces);
    }
}
