package dev.larder.provision.postgres;

import dev.larder.pool.Assignment;
import java.util.HexFormat;
import java.util.UUID;

/**
 * What a job's databases and roles are called. Each name is a fixed word and 32 hexadecimal digits, so that it can stand
 * in a statement as it is and is below PostgreSQL's 63 characters.
 *
 * @param workspace the workspace's database, and its role
 * @param template the version's finished template database
 * @param building the same while it is being built; whoever finds one may drop it under the version's lock
 * @param builder the role that runs the version's files and owns what they make
 * @param session the application name of this workspace's jobs
 * @param lock the advisory lock under which the version's template is built
 */
record Names(String workspace, String template, String building, String builder, String session, long lock) {

    /** Databases that Larder may close to everybody; {@code postgres} and {@code template1} hold nobody's data. */
    static final String MAY_BE_CLOSED = "^(postgres|template1|larder_[tw]_[0-9a-f]{32}(_new)?)$";

    /** Databases of workspaces, closed to all but their owners when they were made. */
    static final String WORKSPACE = "larder_w_[0-9a-f]{32}";

    static Names of(Assignment assignment) {
        UUID version = assignment.versionId();
        String template = "larder_t_" + hex(version);
        return new Names(
                workspace(assignment.workspaceId()),
                template,
                template + "_new",
                "larder_b_" + hex(version),
                session(assignment.workspaceId()),
                version.getMostSignificantBits() ^ version.getLeastSignificantBits());
    }

    /** The database of a workspace, and its role. */
    static String workspace(UUID id) {
        return "larder_w_" + hex(id);
    }

    /** The reverse of {@link #workspace}, for what matches {@link #WORKSPACE}. */
    static UUID workspaceOf(String name) {
        int digits = name.length() - 32;
        return new UUID(
                HexFormat.fromHexDigitsToLong(name, digits, digits + 16),
                HexFormat.fromHexDigitsToLong(name, digits + 16, digits + 32));
    }

    /** The application name of a workspace's jobs. */
    static String session(UUID id) {
        return "larder job " + hex(id);
    }

    private static String hex(UUID id) {
        return id.toString().replace("-", "");
    }
}
