package dev.larder.worker.postgres;

import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Row;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Checks that a role can connect to its own database and to no other that Larder or an operator keeps. PostgreSQL opens
 * every new database to all roles, so the server is queried for each role before its password is given out.
 *
 * <p>Databases of other workspaces, and templates that are being built, are closed when they are created and then
 * belong to their owners. An owner may open its database to other roles; a build ignores that.
 */
final class Isolation {

    private Isolation() {}

    /**
     * Closes {@code postgres} and {@code template1}, which hold no data, and refuses any other open database. Where the
     * configured role may not close these two, they stay as they are.
     *
     * @throws BackendFailure {@code not_isolated}, naming the databases that are open to the role, or its own if
     *     that is closed
     */
    static Uni<Void> ensure(AdminSession admin, String role, String own) {
        return reachable(admin, role, own)
                .chain(found -> found.mayBeClosed().isEmpty()
                        ? Uni.createFrom().item(found)
                        : close(admin, found.mayBeClosed()).chain(() -> reachable(admin, role, own)))
                .invoke(found -> found.refuseUnlessOnly(own))
                .replaceWithVoid();
    }

    /** Databases to which the role can connect. Of tenants' databases only its own is looked at. */
    private record Reachable(List<String> mayBeClosed, List<String> others) {

        void refuseUnlessOnly(String own) {
            List<String> open = new ArrayList<>(mayBeClosed);
            others.stream().filter(name -> !name.equals(own)).forEach(open::add);
            if (!open.isEmpty()) {
                throw new BackendFailure(
                        "not_isolated",
                        "The workspace's role could connect to " + String.join(", ", open)
                                + "; revoke CONNECT on that from PUBLIC.");
            }
            if (!others.contains(own)) {
                throw new BackendFailure("not_isolated", "The workspace's role could not connect to its own database.");
            }
        }
    }

    private static final String REACHABLE = """
            SELECT d.datname, d.datname IN ('postgres', 'template1') AS may_be_closed
              FROM pg_database d
             WHERE d.datallowconn AND has_database_privilege('%1$s', d.oid, 'CONNECT')
               AND (d.datname = '%2$s' OR d.datname !~ '^(%3$s|%4$s)$')
               AND (d.datname NOT IN ('postgres', 'template1') OR pg_has_role(d.datdba, 'USAGE'))
             ORDER BY d.datname""";

    private static Uni<Reachable> reachable(AdminSession admin, String role, String own) {
        return admin.query(REACHABLE.formatted(role, own, Names.WORKSPACE, Names.TEMPLATE))
                .map(Isolation::reachable);
    }

    private static Reachable reachable(Iterable<Row> rows) {
        List<String> mayBeClosed = new ArrayList<>();
        List<String> others = new ArrayList<>();
        for (Row row : rows) {
            (Boolean.TRUE.equals(row.getBoolean("may_be_closed")) ? mayBeClosed : others).add(row.getString("datname"));
        }
        return new Reachable(mayBeClosed, others);
    }

    /** Needed once for a server. Another job may do it at the same time, so the caller queries again. */
    private static Uni<Void> close(AdminSession admin, List<String> databases) {
        return admin.execute(databases.stream()
                .map(name -> "REVOKE ALL ON DATABASE " + name + " FROM PUBLIC CASCADE")
                .collect(Collectors.joining(";")));
    }
}
