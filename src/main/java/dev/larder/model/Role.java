package dev.larder.model;

import java.util.Locale;

/**
 * What a user may do (design, section 5). The constants below are for annotations, which cannot name an enum.
 */
public enum Role {
    /** Everything, in every organization. */
    OWNER,
    /** Declares and steers templates of its organization, and claims. */
    TEMPLATE_ADMIN,
    /** Claims in its organization. */
    MEMBER,
    /** Runs jobs. */
    WORKER,
    /** Reads everything it can see, changes nothing. */
    AUDITOR;

    public static final String OWNER_NAME = "owner";
    public static final String TEMPLATE_ADMIN_NAME = "template_admin";
    public static final String MEMBER_NAME = "member";
    public static final String WORKER_NAME = "worker";
    public static final String AUDITOR_NAME = "auditor";

    /** The word the database and the API use. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    public static Role of(String word) {
        return valueOf(word.toUpperCase(Locale.ROOT));
    }
}
