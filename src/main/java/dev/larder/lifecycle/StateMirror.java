package dev.larder.lifecycle;

/**
 * How far a state can be trusted, in the row of its workspace too: a claim reads it there (decision 0033). As
 * SQL.
 */
public final class StateMirror {

    private StateMirror() {}

    /** Locks the state's workspace, which is locked before the state. Parameter {@code :state}. */
    public static final String LOCK =
            "SELECT w.id FROM states s JOIN workspaces w ON w.id = s.workspace_id WHERE s.id = :state::uuid FOR UPDATE OF w";

    /**
     * An UPDATE of the workspace, which returns {@code preset_id} and {@code prebuild}.
     *
     * @param changed the relation with rows of {@code states} as they are now: new, reliable, unreliable, corrupt
     *     or in_flight
     */
    public static String of(String changed) {
        return """
                UPDATE workspaces w
                   SET state_status = nullif(c.status, 'new'), state_reason = c.status_reason,
                       state_since = CASE WHEN c.status <> 'new' THEN c.status_since END
                  FROM %s c WHERE w.id = c.workspace_id
                RETURNING w.preset_id, w.prebuild""".formatted(changed);
    }
}
