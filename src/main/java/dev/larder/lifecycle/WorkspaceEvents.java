package dev.larder.lifecycle;

/**
 * Events of workspaces that a statement appends itself, as SQL. The triggers of V21 append the events of every other
 * statement. An event appended by a trigger costs 27 µs, one appended by its statement 8 µs; claims and ends of builds
 * are frequent enough for that to count (decision 0035, V23).
 */
public final class WorkspaceEvents {

    /**
     * An assignment of an {@code UPDATE workspaces w}: takes the next number of the workspace's partition. The triggers
     * then append nothing, so the statement appends exactly one event of that number with {@link #told}.
     */
    public static final String NEXT = "event_seq = w.event_seq + 1";

    private WorkspaceEvents() {}

    /** {@link #NEXT} where a condition over the updated row and its sources holds. */
    static String nextWhere(String condition) {
        return "event_seq = CASE WHEN " + condition + " THEN w.event_seq + 1 ELSE w.event_seq END";
    }

    /**
     * A statement, or the body of a CTE: appends an event for each of these rows. The rows have the workspace's
     * {@code id} and its new {@code event_seq}.
     *
     * @param type an expression over the rows: the event's type
     * @param at an expression over the rows: when it happened
     * @param data an expression over the rows: what else is told
     * @param rows what follows {@code FROM}, with its condition
     */
    public static String told(String type, String at, String data, String rows) {
        return "INSERT INTO events (kind, subject, seq, type, at, data) SELECT 'workspace', id, event_seq, %s, %s, %s FROM %s"
                .formatted(type, at, data, rows);
    }
}
