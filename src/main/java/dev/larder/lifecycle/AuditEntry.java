package dev.larder.lifecycle;

/**
 * The audit entry that belongs to a change, as SQL. A statement that changes something writes its entry
 * itself: neither is ever committed without the other.
 */
public final class AuditEntry {

    private AuditEntry() {}

    /**
     * An INSERT of one entry. Parameters: {@code :entry}, a new id; {@code :at}; {@code :actor}, the user who
     * makes the change.
     *
     * @param action what was done, such as {@code user.create}
     * @param detail an expression of type jsonb over the columns of {@code changed}
     * @param changed the relation with what was changed, one row or none: {@code id} is the entry's target,
     *     {@code organization_id} is null for a change of the whole deployment
     */
    public static String of(String action, String detail, String changed) {
        return """
                INSERT INTO audit (id, at, organization_id, actor_id, action, target_id, detail)
                SELECT :entry::uuid, :at::timestamptz, organization_id, :actor::uuid, '%s', id, %s FROM %s
                """.formatted(action, detail, changed);
    }

    /**
     * The same for a change that has no target of its own.
     *
     * @param organization an expression: the organization it concerns, or null for the whole deployment
     */
    public static String withoutTarget(String action, String detail, String organization) {
        return of(action, detail, "(SELECT NULL::uuid AS id, %s AS organization_id) nothing".formatted(organization));
    }
}
