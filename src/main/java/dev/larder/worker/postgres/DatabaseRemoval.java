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
 * Closes and drops a database and its role, whatever the role's tenant did to keep them: open transactions, sessions that
 * connect again and again, prepared transactions, grants, objects in other databases, subscriptions.
 *
 * <p>Sessions end before anything is locked, so that a drop seldom has to wait for one ({@link Admin}). What cannot be ended
 * is a session that runs C code without ever looking for interrupts, such as an endless loop in PL/Perl; then the drop fails
 * with {@code backend_busy}.
 */
final class Demolition {

    private static final Duration DROP_WITHIN = Duration.ofMinutes(1);
    private static final Duration LOOK_EVERY = Duration.ofMillis(50);
    private static final int LOOKS_MAX = 100;
    private static final String STILL_REFERRED_TO = "2BP01";
    private static final String NO_DATABASE = "3D000";
    private static final String NOT_THERE = "42704";
    private static final String IN_USE = "55006";

    private Demolition() {}

    /** What there is of a database and its role. A drop that was interrupted leaves a database that can only be dropped. */
    private record Found(boolean role, boolean database, boolean half) {}

    private static final String LOOK = """
            SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = '%2$s') AS role,
                   EXISTS (SELECT FROM pg_database WHERE datname = '%1$s') AS database,
                   EXISTS (SELECT FROM pg_database WHERE datname = '%1$s' AND datconnlimit = -2) AS half""";

    private static Uni<Found> look(Admin admin, String database, String role) {
        return admin.ask(LOOK.formatted(database, role))
                .map(rows -> found(rows.iterator().next()));
    }

    private static Found found(Row row) {
        return new Found(
                Boolean.TRUE.equals(row.getBoolean("role")),
                Boolean.TRUE.equals(row.getBoolean("database")),
                Boolean.TRUE.equals(row.getBoolean("half")));
    }

    /** Ends all sessions and lets no tenant in again; the data stays. */
    static Uni<Void> close(Admin admin, String database, String role) {
        return look(admin, database, role)
                .chain(found -> lockOut(admin, database, role, found)
                        .chain(() -> found.database() && !found.half()
                                ? admin.run("ALTER DATABASE " + database + " ALLOW_CONNECTIONS false")
                                : Uni.createFrom().voidItem())
                        .chain(() -> awaitEnd(admin, database, role)));
    }

    /** Drops a template database and leaves its builder role: workspaces made from it hold what that role owns. */
    static Uni<Void> dropTemplate(Admin admin, String database) {
        return drop(admin, database, "");
    }

    /** Drops a database and its role; where there is nothing it succeeds. */
    static Uni<Void> drop(Admin admin, String database, String role) {
        return look(admin, database, role)
                .chain(found -> lockOut(admin, database, role, found)
                        .chain(() -> unbind(admin, database, role, found))
                        .chain(() -> found.database() ? dropDatabase(admin, database, role, found) : nothing())
                        .chain(() -> found.role() ? dropRole(admin, database, role) : nothing()));
    }

    private static Uni<Void> nothing() {
        return Uni.createFrom().voidItem();
    }

    private static final String END_SESSIONS = """
            SELECT pg_terminate_backend(pid)
              FROM pg_stat_activity
             WHERE (datname = '%1$s' OR usename = '%2$s') AND pid <> pg_backend_pid()""";

    private static Uni<Void> lockOut(Admin admin, String database, String role, Found found) {
        return admin.ask(END_SESSIONS.formatted(database, role))
                .chain(() -> found.role() ? admin.run("ALTER ROLE " + role + " NOLOGIN PASSWORD NULL") : nothing());
    }

    /** Ends what has connected meanwhile and waits up to 5 s until all are gone. */
    private static Uni<Void> awaitEnd(Admin admin, String database, String role) {
        return Uni.createFrom()
                .deferred(() -> admin.ask(END_SESSIONS.formatted(database, role)))
                .repeat()
                .withDelay(LOOK_EVERY)
                .whilst(rows -> rows.size() > 0)
                .select()
                .first(LOOKS_MAX)
                .collect()
                .last()
                .replaceWithVoid();
    }

    // As a member of the owner another role could open it again.
    private static final String DISOWN = """
            ALTER DATABASE %1$s ALLOW_CONNECTIONS false IS_TEMPLATE false;
            ALTER DATABASE %1$s OWNER TO CURRENT_USER""";

    private static Uni<Void> dropDatabase(Admin admin, String database, String role, Found found) {
        Uni<Void> closed = found.half()
                ? nothing()
                : admin.run(DISOWN.formatted(database))
                        .onFailure(failure -> says(failure, NO_DATABASE))
                        .recoverWithNull();
        return closed.chain(() -> awaitEnd(admin, database, role))
                .chain(() -> admin.runFor(DROP_WITHIN, "DROP DATABASE IF EXISTS " + database + " WITH (FORCE)")
                        .onFailure(failure -> says(failure, IN_USE))
                        .retry()
                        .atMost(1));
    }

    // A subscription that still names its slot could not be dropped while the publisher is away.
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

    /** Undoes what can be undone inside a database alone, and keeps it or the role from being dropped. */
    // What its owner has set for the database, such as a transaction's time limit, must not end the session
    // that unbinds it.
    private static Uni<Void> unbind(Admin admin, String database, String role, Found found) {
        return admin.ask(BINDINGS.formatted(database, role))
                .call(rows -> rows.size() > 0 && found.database() && !found.half()
                        ? admin.run("ALTER DATABASE " + database + " RESET ALL; ALTER DATABASE " + database
                                + " ALLOW_CONNECTIONS true")
                        : nothing())
                .onItem()
                .transformToMulti(Multi.createFrom()::iterable)
                .onItem()
                .transformToUniAndConcatenate(row -> undo(admin, row.getString("database"), row.getString("statement")))
                .collect()
                .last();
    }

    /** What held up a statement the watch beside it has undone already. */
    private static Uni<Void> undo(Admin admin, String database, String statement) {
        return inside(admin, database, statement)
                .onFailure(failure -> says(failure, NOT_THERE))
                .recoverWithNull();
    }

    private static Uni<Void> inside(Admin admin, String database, String statement) {
        return admin.server()
                .inside(database, own -> Server.run(own, statement))
                .replaceWithVoid();
    }

    private static List<String> column(RowSet<Row> rows, String name) {
        return StreamSupport.stream(rows.spliterator(), false)
                .map(row -> row.getString(name))
                .toList();
    }

    private static boolean says(Throwable failure, String state) {
        return failure instanceof PgException told && state.equals(told.getSqlState());
    }

    private static final String DROP_ROLE = "DROP OWNED BY %1$s; DROP ROLE %1$s";

    /**
     * Drops the role with what was granted to it, so that no tenant keeps another's role in being by a grant. What it owns or
     * may use in another tenant's database, which that one has opened to it, is taken from it there. Where even that does
     * not do, the role stays without a login until {@link #sweep}.
     */
    private static Uni<Void> dropRole(Admin admin, String database, String role) {
        String drop = DROP_ROLE.formatted(role);
        return awaitEnd(admin, database, role)
                .chain(() -> admin.run(drop))
                .onFailure(failure -> says(failure, STILL_REFERRED_TO))
                .recoverWithUni(() -> disownElsewhere(admin, role).chain(() -> admin.run(drop)))
                .onFailure(failure -> says(failure, STILL_REFERRED_TO))
                .recoverWithUni(() -> admin.run("COMMENT ON ROLE " + role + " IS '" + DELETED + "'"))
                .onFailure(failure -> says(failure, NOT_THERE))
                .recoverWithNull();
    }

    private static final String HOLDING = """
            SELECT DISTINCT d.datname
              FROM pg_shdepend s
              JOIN pg_database d ON d.oid = s.dbid AND d.datallowconn AND d.datname ~ '^%2$s$'
             WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = (SELECT oid FROM pg_roles WHERE rolname = '%1$s')
             LIMIT 100""";

    /** Of a workspace's role alone: what a builder role owns is the workspaces' that were made from its template. */
    private static Uni<Void> disownElsewhere(Admin admin, String role) {
        if (!role.matches(Names.WORKSPACE)) {
            return nothing();
        }
        return admin.ask(HOLDING.formatted(role, Names.WORKSPACE))
                .map(rows -> column(rows, "datname"))
                .onItem()
                .transformToMulti(Multi.createFrom()::iterable)
                .onItem()
                .transformToUniAndConcatenate(database -> inside(admin, database, "DROP OWNED BY " + role + " CASCADE")
                        .onFailure()
                        .recoverWithNull())
                .collect()
                .last()
                .replaceWithVoid();
    }

    private static final String DELETED = "larder deleted";

    private static final String FREE = """
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
     * Drops roles that have become free: builders of templates that are gone, once the last workspace made from one is gone
     * too, and roles of deleted workspaces that another database still referred to. What is left over the next call does.
     */
    static Uni<Void> sweep(Admin admin) {
        return admin.ask(FREE)
                .map(rows -> column(rows, "rolname"))
                .onItem()
                .transformToMulti(Multi.createFrom()::iterable)
                .onItem()
                .transformToUniAndConcatenate(role ->
                        admin.run("DROP ROLE IF EXISTS " + role).onFailure().recoverWithNull())
                .collect()
                .last()
                .replaceWithVoid();
    }
}
