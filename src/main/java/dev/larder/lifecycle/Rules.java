package dev.larder.lifecycle;

import dev.larder.model.SystemUser;
import java.util.UUID;

/** The rules that several statements share, as SQL: each stands here once. */
public final class Rules {

    /** A condition: the database is not held to be older than what was answered from it (decision 0029). */
    public static final String TRUSTED = "NOT EXISTS (SELECT FROM settings WHERE suspect_since IS NOT NULL)";

    /** The scope of the job limits that every job is in. */
    public static final UUID DEPLOYMENT = new UUID(0, 0);

    private Rules() {}

    /**
     * A condition: the preset is active. Its version is the template's active one, and the template is neither
     * deleted nor deprecated.
     *
     * @param preset what the statement calls the preset's row
     * @param template what it calls the template's row
     */
    public static String active(String preset, String template) {
        return "%2$s.active_version_id = %1$s.version_id AND %3$s".formatted(preset, template, offered(template));
    }

    /**
     * A condition: the preset's stock is handed out. It is active and past its canary, or a rollout has not
     * replaced it yet (decision 0046). The template is neither deleted nor deprecated.
     *
     * @param preset what the statement calls the preset's row
     * @param template what it calls the template's row
     */
    public static String served(String preset, String template) {
        return ("((%2$s.active_version_id = %1$s.version_id AND %1$s.rollout_role IS DISTINCT FROM 'canary')"
                        + " OR %1$s.rollout_role = 'before') AND %3$s")
                .formatted(preset, template, offered(template));
    }

    /**
     * A condition: the preset may have stock. It is active, also while it is tried, or a rollout has not yet replaced
     * it. What looks after stock and its past asks for this; what hands stock out asks for {@link #served}.
     *
     * @param preset what the statement calls the preset's row
     * @param template what it calls the template's row
     */
    public static String stocked(String preset, String template) {
        return current(preset, template) + " AND " + offered(template);
    }

    /** The same, also of a template that is deleted or deprecated. */
    public static String current(String preset, String template) {
        return "(%2$s.active_version_id = %1$s.version_id OR %1$s.rollout_role = 'before')".formatted(preset, template);
    }

    /**
     * A condition: a version takes these late values in the same way as another version, which they were given for.
     *
     * @param given the id of the version that they were given for
     * @param other the id of the version
     * @param values a JSON object, by the names of the parameters; NULL counts as none
     */
    public static String takesAlike(String given, String other, String values) {
        return """
                NOT EXISTS (
                            SELECT FROM version_parameters q
                              LEFT JOIN version_parameters r ON r.version_id = %2$s AND r.name = q.name
                             WHERE q.version_id = %1$s AND %3$s ? q.name
                               AND (r.type, r.late, r.sensitive, r.limits)
                                   IS DISTINCT FROM (q.type, q.late, q.sensitive, q.limits))""".formatted(given, other, values);
    }

    /**
     * A condition: stock of the preset has these values of its parameters.
     *
     * @param preset what the statement calls the preset's row; its id and version suffice
     * @param values a JSON object of texts, by the names of the parameters; NULL counts as none
     */
    public static String fits(String preset, String values) {
        return "NOT EXISTS (%s)".formatted(misfits(preset, values));
    }

    /** A query: the names of those values that stock of the preset does not have, as {@code key}. */
    static String misfits(String preset, String values) {
        return """
                SELECT g.key
                              FROM jsonb_each_text(%2$s) g
                              LEFT JOIN preset_parameters own ON own.preset_id = %1$s.id AND own.name = g.key
                              LEFT JOIN version_parameters q ON q.version_id = %1$s.version_id AND q.name = g.key
                             WHERE g.value IS DISTINCT FROM CASE WHEN own.name IS NULL THEN q.default_value ELSE own.value END""".formatted(preset, values);
    }

    /**
     * A condition: the preset is tried before it is served (decision 0046).
     *
     * @param preset what the statement calls the preset's row
     * @param template what it calls the template's row
     */
    public static String tried(String preset, String template) {
        return "%2$s.active_version_id = %1$s.version_id AND %1$s.rollout_role = 'canary' AND %3$s"
                .formatted(preset, template, offered(template));
    }

    /**
     * A condition: a client made the claim. Those of the system user try a version, and count in no quota and no
     * figure.
     *
     * @param claim what the statement calls the claim's row
     */
    public static String ofClient(String claim) {
        return "%s.user_id <> '%s'".formatted(claim, SystemUser.ID);
    }

    /** A condition: workspaces of the template are built. It is neither deleted nor deprecated. */
    public static String offered(String template) {
        return "%1$s.deleted_at IS NULL AND %1$s.deprecated_reason IS NULL".formatted(template);
    }

    /** A condition, with a parameter {@code :deployment}: a job limit applies to the job, in one scope or more. */
    static String limited(String job) {
        return "EXISTS (SELECT FROM job_limits l"
                + " WHERE l.scope IN (:deployment::uuid, %1$s.organization_id, %1$s.preset_id))".formatted(job);
    }

    /**
     * A condition: a claim may be given the workspace, as long as it is fresh.
     *
     * @param workspace what the statement calls the workspace's row
     */
    public static String claimable(String workspace) {
        return ("%1$s.prebuild AND %1$s.ready_at IS NOT NULL AND %1$s.transition = 'start' AND %1$s.build_status = 'succeeded'"
                        + " AND %1$s.deletion_wanted_at IS NULL AND " + reliable("%1$s"))
                .formatted(workspace);
    }

    /**
     * A condition: the prebuild is in stock, or is being built or deleted. What has failed is no stock, and neither is
     * what was stopped for good.
     *
     * @param workspace what the statement calls the workspace's row
     */
    public static String left(String workspace) {
        return ("%1$s.prebuild AND %1$s.deleted_at IS NULL AND %1$s.build_status IN ('pending', 'canceling', 'succeeded')"
                        + " AND NOT (%1$s.transition = 'stop' AND %1$s.build_status = 'succeeded')")
                .formatted(workspace);
    }

    /** A condition: what is known of the workspace's infrastructure is true (decision 0033). */
    public static String reliable(String workspace) {
        return "(%1$s.state_status IS NULL OR %1$s.state_status = 'reliable')".formatted(workspace);
    }

    /**
     * A value: prebuilds of the preset that were created before it have expired. NULL where none has. The
     * statement has a parameter {@code :at}: now.
     *
     * @param preset what the statement calls the preset's row
     */
    public static String freshFrom(String preset) {
        return "greatest(%1$s.last_invalidated_at, :at::timestamptz - make_interval(secs => %1$s.ttl_seconds))"
                .formatted(preset);
    }

    /**
     * A condition: the prebuild has not expired. The statement has a parameter {@code :at}: now.
     *
     * @param workspace what the statement calls the workspace's row
     * @param freshFrom the value of {@link #freshFrom}
     */
    public static String fresh(String workspace, String freshFrom) {
        return ("(%1$s.created_at >= coalesce(%2$s, '-infinity')"
                        + " AND (%1$s.stock_until IS NULL OR %1$s.stock_until > :at::timestamptz))")
                .formatted(workspace, freshFrom);
    }

    /**
     * A condition: the caller may see the row. Parameter {@code :organization}: the caller's own; null for
     * a caller of the whole deployment, who sees every row.
     *
     * @param organization the column that holds the row's organization
     */
    public static String visibleTo(String organization) {
        return within(":organization::uuid", organization);
    }

    /**
     * A value: the id of an organization. Parameter {@code :organization_name}: its name or its id; no name reads as
     * an id. NULL where no organization has the name.
     */
    public static final String ORGANIZATION_ID = """
            coalesce((SELECT id FROM organizations WHERE name = :organization_name AND deleted_at IS NULL),
                     CASE WHEN :organization_name ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                          THEN :organization_name::text::uuid END)
            """;

    /**
     * A condition: a worker, a place or a caller is for the organization. One without an organization is for all.
     *
     * @param row what the statement calls its row
     * @param organization an expression: the organization's id
     */
    public static String serves(String row, String organization) {
        return within(row + ".organization_id", organization);
    }

    private static String within(String scope, String organization) {
        return "(%1$s IS NULL OR %1$s = %2$s)".formatted(scope, organization);
    }

    /**
     * A condition: the row is on the next page of a list that is ordered by this column, the greatest value first.
     * Parameter {@code :before}: the last value of the page before; null for the first page.
     */
    public static String before(String column) {
        return "(:before::uuid IS NULL OR %s < :before)".formatted(column);
    }
}
