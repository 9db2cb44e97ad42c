package dev.larder.model;

import java.util.Locale;
import java.util.Set;

/**
 * What caused a job's failure, derived from its error code (decision 0025). Only failures that the template
 * caused count towards its hard limit.
 */
public enum FailureCause {
    /** The template's own files caused it. An unknown code counts as the template's. */
    TEMPLATE,
    /** The place where it was to be built caused it: its server is away, unsuitable or refuses. */
    PLACE,
    /** The place has no room: disk, connections. Holds the place like {@link #PLACE}. */
    QUOTA,
    /** A passing trouble of Larder's own. It delays the next creation, and never stops a pool for good. */
    PASSING;

    private static final Set<String> PLACES =
            Set.of("backend_unavailable", "backend_unsuitable", "backend_missing", "not_isolated", "database_refused");
    private static final Set<String> QUOTAS = Set.of("backend_full");
    private static final Set<String> PASSINGS = Set.of(
            "superseded",
            "backend_busy",
            "backend_fault",
            "file_unavailable",
            "worker_lost",
            "worker_stopped",
            "state_locked",
            "state_not_kept",
            "state_access_missing");
    private static final Set<String> PROVING =
            Set.of("sql_failed", "script_failed", "module_invalid", "plan_failed", "plan_deletes", "apply_failed");

    /**
     * The cause that a code stands for. {@code parameters_unreadable} counts as the template's: a server with a
     * wrong key does not start, so no server can open such a value.
     */
    public static FailureCause of(String code) {
        if (PLACES.contains(code)) {
            return PLACE;
        }
        if (QUOTAS.contains(code)) {
            return QUOTA;
        }
        return PASSINGS.contains(code) ? PASSING : TEMPLATE;
    }

    /** Whether this code shows that the place works: a script, SQL or module of the template ran there and failed. */
    public static boolean provesPlace(String code) {
        return PROVING.contains(code);
    }

    /** Whether the worker's place is held after it. */
    public boolean holdsPlace() {
        return this == PLACE || this == QUOTA;
    }

    /** The word the database uses. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
