package dev.larder.lifecycle;

/**
 * A message to template admins, as SQL. Each occasion is told once: a second message of the same occasion is
 * not written.
 */
public final class AdminNotification {

    private AdminNotification() {}

    /**
     * An INSERT of messages. Parameter: {@code :at}.
     *
     * @param kind what has happened, such as {@code workspace_missing}
     * @param occasion an expression of type text over the columns of {@code told}: the same for the same event
     * @param detail an expression of type jsonb over the columns of {@code told}
     * @param told the relation with one row for each message: {@code id} is a new id, {@code organization_id}
     *     that of the admins
     */
    public static String of(String kind, String occasion, String detail, String told) {
        return """
                INSERT INTO notifications (id, organization_id, audience, kind, occasion, detail, created_at)
                SELECT id, organization_id, 'template_admin', '%1$s', '%1$s:' || %2$s, %3$s, :at::timestamptz FROM %4$s
                    ON CONFLICT (occasion) DO NOTHING
                """.formatted(kind, occasion, detail, told);
    }
}
