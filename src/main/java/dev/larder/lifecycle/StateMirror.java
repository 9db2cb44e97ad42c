package dev.larder.lifecycle;

/**
 * How far a state can be trusted, in the row of its workspace too: a claim reads it there (decision 0033). As
 * SQL.
 */
public final class StateMirror {

    private StateMirror() {}

    /**
     * A condition on a workspace {@code w} that was never built: no person has used its state. The beginning of a
     * person's mutation writes the workspace's row.
     */
    static final String UNTOUCHED = "w.state_status IS NULL";

    /** Locks the state's workspace, which is locked before the state. Parameter {@code :state}. */
    public static final String LOCK =
            "SELECT w.id FROM states s JOIN workspaces w ON w.id = s.workspace_id WHERE s.id = :state::uuid FOR UPDATE OF w";

    /**
     * Assignments of an {@code UPDATE workspaces}: the row {@code c} says what is known, with the columns
     * {@code status}, {@code status_reason} and {@code status_since}. Its status is NULL where nothing new is known.
     */
    static final String ASSIGNED = """
            state_status = CASE WHEN c.status IS NULL THEN w.state_status ELSE nullif(c.status, 'new') END,
                       state_reason = CASE WHEN c.status IS NULL THEN w.state_reason ELSE c.status_reason END,
                       state_since = CASE WHEN c.status IS NULL THEN w.state_since
                                          WHEN c.status <> 'new' THEN c.status_since END""";

    /**
     * An UPDATE of the workspace, which returns {@code preset_id} and {@code prebuild}.
     *
     * @param changed the relation with rows of {@code states} as they are now: new, reliable, unreliable, corrupt
     *     or in_flight
     */
    public static String of(String changed) {
        return """
                UPDATE workspaces w
                   SET %s
                  FROM %s c WHERE w.id = c.workspace_id
                RETURNING w.preset_id, w.prebuild""".formatted(ASSIGNED, changed);
    }
}
