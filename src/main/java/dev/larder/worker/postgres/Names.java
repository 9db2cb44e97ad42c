package dev.larder.worker.postgres;

import dev.larder.model.Assignment;
import java.util.HexFormat;
import java.util.UUID;

/**
 * What a job's databases and roles are called. Each name is a fixed word and hexadecimal digits, so that it can stand in a
 * statement as it is and is below PostgreSQL's 63 characters.
 *
 * @param workspace the workspace's database, and its role
 * @param template the finished template database of the version, for these values of its parameters
 * @param building the same while it is being built; may be dropped by a job that holds {@code lock}
 * @param session the application name of this workspace's jobs
 * @param lock the advisory lock under which the template is built and dropped
 */
record Names(String workspace, String template, String building, String session, long lock) {

    /** Databases of workspaces, and their roles. */
    static final String WORKSPACE = "larder_w_[0-9a-f]{32}";

    /** Template databases: of a version, then of values of its parameters where it has any, then half-built or whole. */
    static final String TEMPLATE = "larder_t_[0-9a-f]{32}(_[0-9a-f]{16})?(_new)?";

    /** Roles that run a version's files and own what the files make. */
    static final String BUILDER = "larder_b_[0-9a-f]{32}";

    /** Roles whose sessions run what claimers and template admins write. */
    static final String TENANT = "larder_[wb]_[0-9a-f]{32}";

    /** How the name of a template ends while it is being built. */
    static final String NEW = "_new";

    private static final int DIGITS_OF_AN_ID = 32;

    /** @param values a digest of the values of the version's parameters; empty where it has none */
    static Names of(Assignment assignment, String values) {
        String template = "larder_t_" + hex(assignment.version().id()) + (values.isEmpty() ? "" : "_" + values);
        return new Names(
                workspace(assignment.workspaceId()),
                template,
                template + NEW,
                session(assignment.workspaceId()),
                lock(template));
    }

    /** The database of a workspace, and its role. */
    static String workspace(UUID id) {
        return "larder_w_" + hex(id);
    }

    /** A role for one build of one template: no earlier workspace is a member of it. */
    static String newBuilder() {
        return "larder_b_" + hex(UUID.randomUUID());
    }

    /** The builder role of a template database that has no comment; such are older than the comments. */
    static String oldBuilder(UUID version) {
        return "larder_b_" + hex(version);
    }

    /** The id of the workspace or version in a name of {@link #WORKSPACE} or {@link #TEMPLATE}. */
    static UUID idOf(String name) {
        int digits = "larder_w_".length();
        return new UUID(
                HexFormat.fromHexDigitsToLong(name, digits, digits + 16),
                HexFormat.fromHexDigitsToLong(name, digits + 16, digits + DIGITS_OF_AN_ID));
    }

    /** What all template databases of a version match, half-built ones too. */
    static String templatesOf(UUID version) {
        return "^larder_t_" + hex(version) + "(_[0-9a-f]{16})?(_new)?$";
    }

    /** The lock of a template database by its name, half-built or whole. */
    static long lock(String template) {
        String whole = template.endsWith(NEW) ? template.substring(0, template.length() - NEW.length()) : template;
        UUID version = idOf(whole);
        long lock = version.getMostSignificantBits() ^ version.getLeastSignificantBits();
        int digits = "larder_t_".length() + DIGITS_OF_AN_ID + 1;
        return whole.length() < digits ? lock : lock ^ HexFormat.fromHexDigitsToLong(whole, digits, digits + 16);
    }

    /** The application name of a workspace's jobs. */
    static String session(UUID id) {
        return "larder job " + hex(id);
    }

    private static String hex(UUID id) {
        return id.toString().replace("-", "");
    }
}
