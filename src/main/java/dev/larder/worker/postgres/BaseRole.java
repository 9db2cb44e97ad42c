package dev.larder.worker.postgres;

import java.util.Locale;

/**
 * Parts of statements for a configured role that is no superuser, but may make databases and roles, as managed servers
 * give it. They change nothing for a superuser.
 */
final class BaseRole {

    private BaseRole() {}

    // The member of a role may end its sessions and give it databases. A superuser needs no membership.
    private static final String JOIN = """
            DO $larder$ BEGIN
            IF current_setting('is_superuser') <> 'on' THEN GRANT %1$s TO CURRENT_USER; END IF;
            END $larder$;
            """;

    /** Makes the configured role a member of a role that it has just made. */
    static String join(String role) {
        return JOIN.formatted(role);
    }

    private static final String LIMIT = """
            DO $larder$ BEGIN
            IF has_parameter_privilege('%2$s', 'SET') THEN ALTER ROLE %1$s SET %2$s = %3$d; END IF;
            END $larder$;
            """;

    /** Sets what only a superuser may set, unless an operator has granted it. Otherwise the role has no such limit. */
    static String limit(String role, String parameter, long value) {
        return String.format(Locale.ROOT, LIMIT, role, parameter, value);
    }
}
