package dev.larder.lifecycle;

/** Changes of a workspace's owner, as SQL. Each grows the workspace's version. */
public final class Ownership {

    /** A value: the system user, who owns every prebuild. */
    public static final String SYSTEM = "(SELECT id FROM users WHERE role = 'system')";

    /**
     * Assignments of an {@code UPDATE workspaces w}: a claimed workspace becomes a prebuild again. The statement also
     * assigns {@code deletion_wanted_at}: a trigger then erases the values that its last claim gave late.
     */
    static final String TO_STOCK = """
            owner_id = %s, prebuild = true, version = w.version + 1, claimed_at = NULL,
                       claim_step_wanted_at = NULL, verifying = false, trial = false""".formatted(SYSTEM);

    /**
     * An UPDATE without RETURNING: ready prebuilds {@code w} are handed over to the clients that claimed them, at
     * {@code :at}. The janitor begins their verification and their claim build where the version has them.
     *
     * <p>The statement has two CTEs: {@code matched}, with the workspace's {@code id}, the client's {@code user_id}
     * and {@code late}, the values of late parameters as a text of JSON or null; and {@code preset}, one row with the
     * version's {@code claim_step}, {@code verify_step} and {@code late_step} (whether late values need a claim build).
     * Its own CTE is called {@code moved}, and the statement has {@link #HAND_OVER_TOLD} as well. {@code {trial}}
     * stands for {@code , trial = true} where the system user tries a version, or for nothing.
     */
    public static final String HAND_OVER = """
            UPDATE workspaces w
                   SET owner_id = m.user_id, prebuild = false{trial}, version = w.version + 1, claimed_at = :at::timestamptz,
                       verifying = p.verify_step, late_parameters = m.late::jsonb,
                       claim_step_wanted_at = CASE WHEN p.claim_step OR p.verify_step OR (p.late_step AND m.late IS NOT NULL)
                                                   THEN :at::timestamptz END,
                       {next}
                  FROM matched m, preset p
                 WHERE w.id = m.id""".replace("{next}", WorkspaceEvents.NEXT);

    /** The body of a CTE of the same statement: tells the event of each workspace that was handed over. */
    public static final String HAND_OVER_TOLD = WorkspaceEvents.told(
            "'workspace.claimed'", "claimed_at", "jsonb_build_object('version', version)", "moved");

    private Ownership() {}
}
