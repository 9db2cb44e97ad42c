package dev.larder.worker.postgres;

import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.pgclient.PgException;
import java.time.Duration;
import java.util.List;
import java.util.stream.StreamSupport;

/**
 * Closes and drops a database and its role, even if the tenant keeps transactions open, reconnects again and again, or
 * has left prepared transactions, grants, objects in other databases or subscriptions.
 *
 * <p>Sessions are terminated before anything is locked, so a drop seldom waits for one ({@link AdminSession}). A
 * session cannot be terminated while it runs C code that never checks for interrupts, such as an endless loop in
 * PL/Perl. Then the drop fails with {@code backend_busy}.
 */
final class DatabaseRemoval {

    private static final Duration DROP_WITHIN = Duration.ofMinutes(1);
    private static final Duration LOOK_EVERY = Duration.ofMillis(50);
    private static final int LOOKS_MAX = 100;
    private static final String STILL_REFERRED_TO = "2BP01";
    private static final String NO_DATABASE = "3D000";
    private static final String NOT_THERE = "42704";
    private static final String IN_USE = "55006";

    /** FORCE needs the right to end autovacuum, which PostgreSQL ends by itself without FORCE. */
    private static final String NO_RIGHT = "42501";

    private DatabaseRemoval() {}

    /** @param interrupted whether a drop was interrupted; the database can then only be dropped */
    private record Found(boolean role, boolean database, boolean interrupted) {}

    private static final String LOOK = """
            SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = '%2$s') AS role,
                   EXISTS (SELECT FROM pg_database WHERE datname = '%1$s') AS database,
                   EXISTS (SELECT FROM pg_database WHERE datname = '%1$s' AND datconnlimit = -2) AS interrupted""";

    private static Uni<Found> look(AdminSession admin, String database, String role) {
        return admin.query(LOOK.formatted(database, role))
                .map(rows -> found(rows.iterator().next()));
    }

    private static Found found(Row row) {
        return new Found(
                Boolean.TRUE.equals(row.getBoolean("role")),
                Boolean.TRUE.equals(row.getBoolean("database")),
                Boolean.TRUE.equals(row.getBoolean("interrupted")));
    }

    /** Ends all sessions and refuses new ones. Keeps the data. */
    static Uni<Void> close(AdminSession admin, String database, String role) {
        return look(admin, database, role)
                .chain(found -> lockOut(admin, database, role, found)
                        .chain(() -> found.database() && !found.interrupted()
                                ? admin.execute("ALTER DATABASE " + database + " ALLOW_CONNECTIONS false")
                                : Uni.createFrom().voidItem())
                        .chain(() -> awaitEnd(admin, database, role)));
    }

    /** Drops a template database. Keeps its builder role, which owns objects in workspaces copied from the template. */
    static Uni<Void> dropTemplate(AdminSession admin, String database) {
        return drop(admin, database, "");
    }

    /** Drops a database and its role. Succeeds if they do not exist. */
    static Uni<Void> drop(AdminSession admin, String database, String role) {
        return look(admin, database, role)
                .chain(found -> lockOut(admin, database, role, found)
                        .chain(() -> removeBindings(admin, database, role, found))
                        .chain(() -> found.database() ? dropDatabase(admin, database, role, found) : nothing())
                        .chain(() -> found.role() ? dropRole(admin, database, role) : nothing()));
    }

    private static Uni<Void> nothing() {
        return Uni.createFrom().voidItem();
    }

    private static final String END_SESSIONS = """
            SELECT pg_terminate_backend(pid)
              FROM pg_stat_activity
             WHERE (datname = '%1$s' OR usename = '%2$s') AND pid <> pg_backend_pid()
               AND (current_setting('is_superuser') = 'on' OR pg_has_role(usesysid, 'USAGE'))""";

    private static Uni<Void> lockOut(AdminSession admin, String database, String role, Found found) {
        return admin.query(END_SESSIONS.formatted(database, role))
                .chain(() -> found.role() ? admin.execute("ALTER ROLE " + role + " NOLOGIN PASSWORD NULL") : nothing());
    }

    /** Ends new sessions and waits up to 5 s until none is left. */
    private static Uni<Void> awaitEnd(AdminSession admin, String database, String role) {
        return Uni.createFrom()
                .deferred(() -> admin.query(END_SESSIONS.formatted(database, role)))
                .repeat()
                .withDelay(LOOK_EVERY)
                .whilst(rows -> rows.size() > 0)
                .select()
                .first(LOOKS_MAX)
                .collect()
                .last()
                .replaceWithVoid();
    }

    // A role that is a member of the owner could open the database again.
    private static final String DISOWN = """
            ALTER DATABASE %1$s ALLOW_CONNECTIONS false IS_TEMPLATE false;
            ALTER DATABASE %1$s OWNER TO CURRENT_USER""";

    private static Uni<Void> dropDatabase(AdminSession admin, String database, String role, Found found) {
        Uni<Void> closed = found.interrupted()
                ? nothing()
                : admin.execute(DISOWN.formatted(database))
                        .onFailure(failure -> hasState(failure, NO_DATABASE))
                        .recoverWithNull();
        String drop = "DROP DATABASE IF EXISTS " + database;
        return closed.chain(() -> awaitEnd(admin, database, role))
                .chain(() -> admin.executeWithin(DROP_WITHIN, drop + " WITH (FORCE)")
                        .onFailure(failure -> hasState(failure, IN_USE))
                        .retry()
                        .atMost(1))
                .onFailure(failure -> hasState(failure, NO_RIGHT))
                .recoverWithUni(() -> admin.executeWithin(DROP_WITHIN, drop));
    }

    // A subscription that still names its slot cannot be dropped while the publisher is away.
    private static final String BINDINGS = """
            SELECT database, 'ROLLBACK PREPARED ' || quote_literal(gid) AS statement, 0 AS step
              FROM pg_prepared_xacts WHERE database = '%1$s' OR owner = '%2$s'
             UNION ALL
            SELECT d.datname, format(s.statement, b.subname), s.step
              FROM pg_subscription b
              JOIN pg_database d ON d.oid = b.subdbid AND d.datname = '%1$s'
             CROSS JOIN (VALUES ('ALTER SUBSCRIPTION %%I DISABLE', 1), ('ALTER SUBSCRIPTION %%I SET (slot_name = NONE)', 2),
                                ('DROP SUBSCRIPTION %%I', 3)) AS s (statement, step)
             ORDER BY step""";

    /**
     * Removes prepared transactions and subscriptions, which prevent a drop and can be removed only inside the
     * database. First resets the settings of the owner, such as a time limit of transactions, which could end that
     * session.
     */
    private static Uni<Void> removeBindings(AdminSession admin, String database, String role, Found found) {
        return admin.query(BINDINGS.formatted(database, role))
                .call(rows -> rows.size() > 0 && found.database() && !found.interrupted()
                        ? admin.execute("ALTER DATABASE " + database + " RESET ALL; ALTER DATABASE " + database
                                + " ALLOW_CONNECTIONS true")
                        : nothing())
                .onItem()
                .transformToMulti(Multi.createFrom()::iterable)
                .onItem()
                .transformToUniAndConcatenate(row -> undo(admin, row.getString("database"), row.getString("statement")))
                .collect()
                .last();
    }

    /** Ignores an object that does not exist: the watch of a blocked statement may have removed it. */
    private static Uni<Void> undo(AdminSession admin, String database, String statement) {
        return runIn(admin, database, statement)
                .onFailure(failure -> hasState(failure, NOT_THERE))
                .recoverWithNull();
    }

    private static Uni<Void> runIn(AdminSession admin, String database, String statement) {
        return admin.server()
                .asSuperuserIn(database, own -> PostgresServer.run(own, statement))
                .replaceWithVoid();
    }

    private static List<String> column(RowSet<Row> rows, String name) {
        return StreamSupport.stream(rows.spliterator(), false)
                .map(row -> row.getString(name))
                .toList();
    }

    private static boolean hasState(Throwable failure, String state) {
        return failure instanceof PgException told && state.equals(told.getSqlState());
    }

    private static final String DROP_ROLE = "DROP OWNED BY %1$s; DROP ROLE %1$s";

    /**
     * Drops the role with its grants, so that a grant of one tenant does not keep another's role. If the role owns
     * objects or has rights in another tenant's database, they are removed there. If that fails, the role stays
     * without a login until {@link #dropUnusedRoles}.
     */
    private static Uni<Void> dropRole(AdminSession admin, String database, String role) {
        String drop = DROP_ROLE.formatted(role);
        return awaitEnd(admin, database, role)
                .chain(() -> admin.execute(drop))
                .onFailure(failure -> hasState(failure, STILL_REFERRED_TO))
                .recoverWithUni(() -> dropOwnedElsewhere(admin, role).chain(() -> admin.execute(drop)))
                .onFailure(failure -> hasState(failure, STILL_REFERRED_TO))
                .recoverWithUni(() -> admin.execute("COMMENT ON ROLE " + role + " IS '" + DELETED + "'"))
                .onFailure(failure -> hasState(failure, NOT_THERE))
                .recoverWithNull();
    }

    private static final String DATABASES_WITH_OBJECTS_OF = """
            SELECT DISTINCT d.datname
              FROM pg_shdepend s
              JOIN pg_database d ON d.oid = s.dbid AND d.datallowconn AND d.datname ~ '^%2$s$'
             WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = (SELECT oid FROM pg_roles WHERE rolname = '%1$s')
             LIMIT 100""";

    /** Only for a workspace's role: objects of a builder role belong to the workspaces copied from its template. */
    private static Uni<Void> dropOwnedElsewhere(AdminSession admin, String role) {
        if (!role.matches(Names.WORKSPACE)) {
            return nothing();
        }
        return admin.query(DATABASES_WITH_OBJECTS_OF.formatted(role, Names.WORKSPACE))
                .map(rows -> column(rows, "datname"))
                .onItem()
                .transformToMulti(Multi.createFrom()::iterable)
                .onItem()
                .transformToUniAndConcatenate(database -> runIn(admin, database, "DROP OWNED BY " + role + " CASCADE")
                        .onFailure()
                        .recoverWithNull())
                .collect()
                .last()
                .replaceWithVoid();
    }

    private static final String DELETED = "larder deleted";

    private static final String UNUSED = """
            SELECT r.rolname
              FROM pg_roles r
             WHERE r.rolname ~ '^%3$s$' AND NOT r.rolcanlogin
               AND NOT EXISTS (SELECT FROM pg_shdepend s
                                WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid)
               AND CASE WHEN r.rolname ~ '^%2$s$'
                        THEN NOT EXISTS (SELECT FROM pg_database d
                                          WHERE d.datname ~ '^%1$s$'
                                            AND (shobj_description(d.oid, 'pg_database') = r.rolname
                                                 OR substr(d.datname, 10, 32) = substr(r.rolname, 10)))
                        ELSE shobj_description(r.oid, 'pg_authid') = '%4$s' END
             LIMIT 20""".formatted(Names.TEMPLATE, Names.BUILDER, Names.TENANT, DELETED);

    /**
     * Drops builder roles whose template and last workspace are gone, and roles of deleted workspaces to which no
     * database refers any more. At most 20 per call.
     */
    static Uni<Void> dropUnusedRoles(AdminSession admin) {
        return admin.query(UNUSED)
                .map(rows -> column(rows, "rolname"))
                .onItem()
                .transformToMulti(Multi.createFrom()::iterable)
                .onItem()
                .transformToUniAndConcatenate(role ->
                        admin.execute("DROP ROLE IF EXISTS " + role).onFailure().recoverWithNull())
                .collect()
                .last()
                .replaceWithVoid();
    }
}
