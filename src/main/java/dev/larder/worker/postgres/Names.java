package dev.larder.worker.postgres;

import dev.larder.model.Assignment;
import java.util.HexFormat;
import java.util.UUID;

/**
 * The names of a job's databases and roles. Each is a fixed prefix and hexadecimal digits, so it needs no quoting
 * and stays below PostgreSQL's limit of 63 characters.
 *
 * @param workspace the workspace's database, and its role
 * @param template the finished template database of the version, for these values of its parameters
 * @param building the template database while it is being built; a job that holds {@code lock} may drop it
 * @param session the application name of this workspace's jobs
 * @param lock the advisory lock for building and dropping the template
 */
record Names(String workspace, String template, String building, String session, long lock) {

    /** The names of workspaces' databases and roles. */
    static final String WORKSPACE = "larder_w_[0-9a-f]{32}";

    /**
     * The names of template databases: the version, a digest of parameter values if there are any, {@link #NEW}
     * while being built.
     */
    static final String TEMPLATE = "larder_t_[0-9a-f]{32}(_[0-9a-f]{16})?(_new)?";

    /** The names of roles that run a version's files and own the objects that the files create. */
    static final String BUILDER = "larder_b_[0-9a-f]{32}";

    /** The names of roles whose sessions run SQL of clients and template admins. */
    static final String TENANT = "larder_[wb]_[0-9a-f]{32}";

    /** The end of a template's name while it is being built. */
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

    /** A new role for one build of one template, so that no earlier workspace is a member of it. */
    static String newBuilder() {
        return "larder_b_" + hex(UUID.randomUUID());
    }

    /** The builder role of a template database without a comment, which an older release built. */
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

    /** A pattern for all template databases of a version, including those being built. */
    static String templatesOf(UUID version) {
        return "^larder_t_" + hex(version) + "(_[0-9a-f]{16})?(_new)?$";
    }

    /** The lock of a template database by its name, finished or being built. */
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
