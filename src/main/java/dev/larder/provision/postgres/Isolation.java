package dev.larder.provision.postgres;

import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.pgclient.PgConnection;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.pgclient.PgException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * That a role can connect to its own database and to no other. PostgreSQL opens every new database to everybody, so this
 * is asked of the server for each role before anybody is given its password.
 */
final class Isolation {

    /** Two jobs that close the same database at the same time would be in each other's way. */
    private static final long CLOSING_LOCK = 0x6C61726465720001L;

    private Isolation() {}

    /**
     * Closes what Larder may close, its own databases and those that hold nobody's data, and refuses the rest.
     *
     * @throws Refused {@code not_isolated}, naming the databases that are open to the role, or its own if that is closed
     */
    static Uni<Void> ensure(PgConnection admin, String role, String builder, String own) {
        return reachable(admin, role)
                .chain(found -> found.mayBeClosed(own).isEmpty()
                        ? Uni.createFrom().item(found)
                        : close(admin, found.mayBeClosed(own), role, builder).chain(() -> reachable(admin, role)))
                .invoke(found -> found.refuseUnlessOnly(own))
                .replaceWithVoid();
    }

    /** The databases that accept connections and would accept the role's. */
    private record Reachable(List<String> ours, List<String> foreign) {

        List<String> mayBeClosed(String own) {
            return ours.stream().filter(name -> !name.equals(own)).toList();
        }

        void refuseUnlessOnly(String own) {
            // A workspace that its own owner keeps open is the owner's loss and must not stop the others' builds.
            List<String> open = new ArrayList<>(mayBeClosed(own).stream()
                    .filter(name -> !name.matches(Names.WORKSPACE))
                    .toList());
            open.addAll(foreign);
            if (!open.isEmpty()) {
                throw new Refused(
                        "not_isolated",
                        "The workspace's role could connect to " + String.join(", ", open)
                                + "; revoke CONNECT on that from PUBLIC.");
            }
            if (!ours.contains(own)) {
                throw new Refused("not_isolated", "The workspace's role could not connect to its own database.");
            }
        }
    }

    private static final String REACHABLE = """
            SELECT d.datname, d.datname ~ '%s' AS ours
              FROM pg_database d
             WHERE d.datallowconn AND has_database_privilege('%s', d.oid, 'CONNECT')
             ORDER BY d.datname""";

    private static Uni<Reachable> reachable(PgConnection admin, String role) {
        return Server.run(admin, REACHABLE.formatted(Names.MAY_BE_CLOSED, role)).map(Isolation::reachable);
    }

    private static Reachable reachable(Iterable<Row> rows) {
        List<String> ours = new ArrayList<>();
        List<String> foreign = new ArrayList<>();
        for (Row row : rows) {
            (Boolean.TRUE.equals(row.getBoolean("ours")) ? ours : foreign).add(row.getString("datname"));
        }
        return new Reachable(ours, foreign);
    }

    /** A database may be dropped meanwhile; then nothing was closed, and the second look says what is open still. */
    private static Uni<Void> close(PgConnection admin, List<String> databases, String role, String builder) {
        String revokes = databases.stream()
                .map(name -> "REVOKE ALL ON DATABASE %s FROM PUBLIC, %s, %s CASCADE;".formatted(name, role, builder))
                .collect(Collectors.joining());
        return Server.run(admin, "SELECT pg_advisory_xact_lock(" + CLOSING_LOCK + ");" + revokes)
                .onFailure(PgException.class)
                .recoverWithNull()
                .replaceWithVoid();
    }
}
