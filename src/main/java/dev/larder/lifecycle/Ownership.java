package dev.larder.lifecycle;

/**
 * Changes of a workspace's owner, as assignments of an {@code UPDATE workspaces w}. Each grows the workspace's
 * version.
 */
public final class Ownership {

    /** A value: the system user, who owns every prebuild. */
    public static final String SYSTEM = "(SELECT id FROM users WHERE role = 'system')";

    /** A claimed workspace becomes a prebuild again. */
    static final String TO_STOCK = """
            owner_id = %s, prebuild = true, version = w.version + 1, claimed_at = NULL,
                       claim_step_wanted_at = NULL, verifying = false""".formatted(SYSTEM);

    /**
     * A ready prebuild is handed over to the client that claimed it, at {@code :at}. The janitor begins its
     * verification and its claim build where the version has them.
     *
     * <p>The statement names the claim's row {@code m}, with a column {@code user_id}, and the preset's
     * {@code p}, with the version's {@code claim_step} and {@code verify_step}.
     */
    public static final String TO_CLIENT = """
            owner_id = m.user_id, prebuild = false, version = w.version + 1, claimed_at = :at::timestamptz,
                       verifying = p.verify_step,
                       claim_step_wanted_at = CASE WHEN p.claim_step OR p.verify_step THEN :at::timestamptz END""";

    private Ownership() {}
}
