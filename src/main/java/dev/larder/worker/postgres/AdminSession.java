package dev.larder.worker.postgres;

import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.pgclient.PgConnection;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.pgclient.PgException;
import java.time.Duration;
import java.util.Set;
import java.util.function.Function;
import org.jboss.logging.Logger;

/**
 * A session of the configured role, a superuser or not. Its statements do not wait for tenants (decision 0020). Each
 * statement has a limit on lock waits and on its whole time. If a statement waits longer than {@link #PATIENCE}, a
 * second session terminates the tenants' sessions that block it and rolls back their prepared transactions. Sessions
 * of an operator are never terminated: a statement that waits for one is retried three times and then fails with
 * {@code backend_busy}.
 */
final class AdminSession {

    /** How long a statement may wait before the sessions of tenants that block it are terminated. */
    static final Duration PATIENCE = Duration.ofMillis(250);

    private static final Logger LOG = Logger.getLogger(AdminSession.class);
    private static final Duration LOOK_EVERY = Duration.ofMillis(200);
    private static final Duration PAUSE_MIN = Duration.ofMillis(50);
    private static final Duration PAUSE_MAX = Duration.ofMillis(500);
    private static final int RETRIES = 3;

    private final PostgresServer server;
    private final PgConnection connection;

    private AdminSession(PostgresServer server, PgConnection connection) {
        this.server = server;
        this.connection = connection;
    }

    PostgresServer server() {
        return server;
    }

    /**
     * Works in a new session.
     *
     * @param within how long the work may take; the server ends the session if it is idle a minute after that
     */
    static <T> Uni<T> open(
            PostgresServer server, String applicationName, Duration within, Function<AdminSession, Uni<T>> work) {
        return server.asSuperuser(
                applicationName, within, connection -> work.apply(new AdminSession(server, connection)));
    }

    /** Runs statements once, without a retry. For queries that take no lock. */
    Uni<RowSet<Row>> query(String statements) {
        return PostgresServer.run(connection, statements);
    }

    /** Works with the connection itself, once. For what takes no lock. */
    Uni<Void> inSession(Function<PgConnection, Uni<Void>> work) {
        return Uni.createFrom().deferred(() -> work.apply(connection));
    }

    /**
     * Runs one simple-protocol message: several statements are one transaction. Retries three times if another
     * session is in the way.
     *
     * @throws BackendFailure {@code backend_busy} if the last try fails in the same way
     */
    Uni<Void> execute(String statements) {
        return Uni.createFrom()
                .deferred(() -> attempt(statements))
                .onFailure(AdminSession::isTransient)
                .retry()
                .withBackOff(PAUSE_MIN, PAUSE_MAX)
                .atMost(RETRIES)
                .onFailure(AdminSession::isTransient)
                .transform(AdminSession::refusal);
    }

    /** The same for one statement with a time limit of its own. */
    Uni<Void> executeWithin(Duration longest, String statement) {
        return limited(longest, execute(statement));
    }

    private Uni<Void> limited(Duration longest, Uni<Void> work) {
        return query("SET statement_timeout = " + longest.toMillis())
                .chain(() -> work)
                .onItemOrFailure()
                .call(() -> query("RESET statement_timeout").onFailure().recoverWithNull());
    }

    /** Runs the statement and a watch beside it. The watch never completes; the end of the statement cancels it. */
    private Uni<Void> attempt(String statements) {
        return Uni.combine().any().of(query(statements).replaceWithVoid(), watch());
    }

    private Uni<Void> watch() {
        return Uni.createFrom()
                .voidItem()
                .onItem()
                .delayIt()
                .by(PATIENCE)
                .chain(() -> open(server, "larder watch", PostgresServer.STATEMENT_LIMIT, this::endBlockers))
                .onFailure()
                .invoke(cause -> LOG.warnf(
                        "the sessions that block a statement could not be found cause=%s", cause.getMessage()))
                .onFailure()
                .recoverWithNull()
                .chain(() -> Uni.createFrom().nothing());
    }

    private Uni<Void> endBlockers(AdminSession watch) {
        int pid = connection.processId();
        return Uni.createFrom()
                .deferred(() -> endBlockers(watch, pid))
                .repeat()
                .withDelay(LOOK_EVERY)
                .indefinitely()
                .collect()
                .last();
    }

    private Uni<Void> endBlockers(AdminSession watch, int pid) {
        return watch.query(END_SESSIONS.formatted(pid, Names.TENANT))
                .invoke(rows -> logEnded("sessions", rows.size()))
                .chain(() -> watch.query(PREPARED.formatted(pid, Names.TENANT)))
                .chain(rows -> rollBack(watch, rows));
    }

    private static void logEnded(String what, int count) {
        if (count > 0) {
            LOG.infof("ended tenants that blocked an administrative statement %s=%d", what, count);
        }
    }

    // A session blocks a statement by a lock, or by not answering the ProcSignalBarrier for which a drop waits.
    // It does not answer while it waits for its client to read or to send data. A slow client answers after each
    // step, so a drop waits 3 s for it first.
    private static final String END_SESSIONS = """
            SELECT pg_terminate_backend(a.pid)
              FROM pg_stat_activity w, pg_stat_activity a
             WHERE w.pid = %1$d AND a.pid <> w.pid AND a.backend_type = 'client backend'
               AND (current_setting('is_superuser') = 'on' OR pg_has_role(a.usesysid, 'USAGE'))
               AND (a.usename ~ '^%2$s$' OR a.usename IS NULL)
               AND (a.pid = ANY (pg_blocking_pids(w.pid))
                    OR (w.wait_event = 'ProcSignalBarrier' AND w.query_start < clock_timestamp() - interval '3 seconds'
                        AND coalesce(a.query_start, a.backend_start) < w.query_start
                        AND (a.usename IS NULL OR a.state = 'active') AND a.wait_event_type = 'Client'))""";

    // A prepared transaction holds locks without a session. One of its locks is on its own transaction id, which
    // identifies it.
    private static final String PREPARED = """
            SELECT DISTINCT p.database, 'ROLLBACK PREPARED ' || quote_literal(p.gid) AS statement
              FROM pg_locks w
              JOIN pg_locks h ON h.granted AND h.pid IS NULL AND h.locktype = w.locktype
               AND (h.database, h.relation, h.page, h.tuple, h.classid, h.objid, h.objsubid, h.transactionid::text)
                   IS NOT DISTINCT FROM
                   (w.database, w.relation, w.page, w.tuple, w.classid, w.objid, w.objsubid, w.transactionid::text)
              JOIN pg_locks x ON x.pid IS NULL AND x.virtualtransaction = h.virtualtransaction
              JOIN pg_prepared_xacts p ON p.transaction = x.transactionid
             WHERE w.pid = %1$d AND NOT w.granted AND p.owner ~ '^%2$s$'""";

    private static Uni<Void> rollBack(AdminSession watch, RowSet<Row> prepared) {
        logEnded("prepared", prepared.size());
        return Multi.createFrom()
                .iterable(prepared)
                .onItem()
                .transformToUniAndConcatenate(
                        row -> rollBack(watch, row.getString("database"), row.getString("statement")))
                .collect()
                .last();
    }

    /** Opens the database first if it is closed. If that fails too, the blocked statement fails by its time limit. */
    private static Uni<Void> rollBack(AdminSession watch, String database, String statement) {
        return runIn(watch, database, statement)
                .onFailure()
                .recoverWithUni(() -> watch.query("ALTER DATABASE " + database + " ALLOW_CONNECTIONS true")
                        .chain(() -> runIn(watch, database, statement)))
                .onFailure()
                .invoke(cause -> LOG.warnf("not rolled back database=%s cause=%s", database, cause.getMessage()))
                .onFailure()
                .recoverWithNull();
    }

    private static Uni<Void> runIn(AdminSession watch, String database, String statement) {
        return watch.server
                .asSuperuserIn(database, own -> PostgresServer.run(own, statement))
                .replaceWithVoid();
    }

    // 23505: two sessions wrote to one catalog index, seen once when a role was created. An existing name is 42710.
    private static final Set<String> BLOCKED = Set.of("23505", "55P03", "40P01", "40001");
    private static final Set<String> OUT_OF_TIME_OR_IN_USE = Set.of("57014", "55006");

    /** A lock timeout, a deadlock, or a change of a catalog row by another session at the same time. */
    private static boolean isTransient(Throwable failure) {
        return failure instanceof PgException told
                && (BLOCKED.contains(String.valueOf(told.getSqlState()))
                        || String.valueOf(told.getErrorMessage()).startsWith("tuple concurrently "));
    }

    static boolean isBusy(Throwable failure) {
        return isTransient(failure)
                || (failure instanceof PgException told
                        && OUT_OF_TIME_OR_IN_USE.contains(String.valueOf(told.getSqlState())));
    }

    static BackendFailure refusal(Throwable failure) {
        String said = failure instanceof PgException told ? told.getSqlState() + " " + told.getErrorMessage() : "";
        return new BackendFailure(
                "backend_busy",
                "The server did not get to it within the limits for administrative statements: " + said);
    }
}
