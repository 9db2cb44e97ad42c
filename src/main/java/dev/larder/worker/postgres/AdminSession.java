package dev.larder.worker.postgres;

import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.pgclient.PgConnection;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.pgclient.PgException;
import java.time.Duration;
import java.util.Set;
import org.jboss.logging.Logger;

/**
 * A superuser's session. No statement of it waits for a tenant (decision 0020): each has a time limit, on locks and in all;
 * where one waits for longer than {@link #PATIENCE}, a second session ends the tenants' sessions that hold it up, and rolls
 * back their prepared transactions. Sessions of an operator are never ended: for them a statement waits, is tried a few
 * times, and fails with {@code backend_busy}.
 */
final class Admin {

    /** How long a statement may wait before the tenants that hold it up are ended. */
    static final Duration PATIENCE = Duration.ofMillis(250);

    /** How long a statement waits for one lock; only an operator's session is ever waited for this long. */
    static final Duration LOCK_WAIT = Duration.ofSeconds(2);

    /** The time limit of a statement that copies and drops nothing. */
    static final Duration SHORT = Duration.ofSeconds(30);

    private static final Logger LOG = Logger.getLogger(Admin.class);
    private static final Duration LOOK_EVERY = Duration.ofMillis(200);
    private static final Duration PAUSE_MIN = Duration.ofMillis(50);
    private static final Duration PAUSE_MAX = Duration.ofMillis(500);
    private static final int RETRIES = 3;

    private final Server server;
    private final PgConnection connection;

    Admin(Server server, PgConnection connection) {
        this.server = server;
        this.connection = connection;
    }

    Server server() {
        return server;
    }

    /** A question that takes no lock; asked once. */
    Uni<RowSet<Row>> ask(String statements) {
        return Server.run(connection, statements);
    }

    /**
     * Runs one simple-protocol message: several statements are one transaction. What fails because another session was in
     * its way is tried again, three times.
     *
     * @throws Refused {@code backend_busy} where that does not do
     */
    Uni<Void> run(String statements) {
        return Uni.createFrom()
                .deferred(() -> attempt(statements))
                .onFailure(Admin::mayPass)
                .retry()
                .withBackOff(PAUSE_MIN, PAUSE_MAX)
                .atMost(RETRIES)
                .onFailure(Admin::mayPass)
                .transform(Admin::refusal);
    }

    /** The same for one statement that may take as long as this. */
    Uni<Void> runFor(Duration longest, String statement) {
        return limited(longest, run(statement));
    }

    private Uni<Void> limited(Duration longest, Uni<Void> work) {
        return ask("SET statement_timeout = " + longest.toMillis())
                .chain(() -> work)
                .onItemOrFailure()
                .call(() -> ask("RESET statement_timeout").onFailure().recoverWithNull());
    }

    /** The statement, with a watch beside it. The watch never completes, and is cancelled with the end of the statement. */
    private Uni<Void> attempt(String statements) {
        return Uni.combine().any().of(ask(statements).replaceWithVoid(), watch());
    }

    private Uni<Void> watch() {
        return Uni.createFrom()
                .voidItem()
                .onItem()
                .delayIt()
                .by(PATIENCE)
                .chain(() -> server.asAdmin("larder watch", SHORT, this::endHolders))
                .onFailure()
                .invoke(cause ->
                        LOG.warnf("what holds up a statement could not be looked for cause=%s", cause.getMessage()))
                .onFailure()
                .recoverWithNull()
                .chain(() -> Uni.createFrom().nothing());
    }

    private Uni<Void> endHolders(Admin watch) {
        int pid = connection.processId();
        return Uni.createFrom()
                .deferred(() -> endHolders(watch, pid))
                .repeat()
                .withDelay(LOOK_EVERY)
                .indefinitely()
                .collect()
                .last();
    }

    private Uni<Void> endHolders(Admin watch, int pid) {
        return watch.ask(END_SESSIONS.formatted(pid, Names.TENANT))
                .invoke(rows -> tell("sessions", rows.size()))
                .chain(() -> watch.ask(PREPARED.formatted(pid, Names.TENANT)))
                .chain(rows -> rollBack(watch, rows));
    }

    private static void tell(String what, int count) {
        if (count > 0) {
            LOG.infof("ended what held up an administrative statement %s=%d", what, count);
        }
    }

    // Two ways to hold up: a lock, and not taking part when the server asks every session to close its
    // files, which a drop waits for. A session takes no part while it waits for its client: to take what it
    // sends, or to send what it copies. A client that is merely slow takes part with each step, so a drop
    // waits 3 s for it first.
    private static final String END_SESSIONS = """
            SELECT pg_terminate_backend(a.pid)
              FROM pg_stat_activity w, pg_stat_activity a
             WHERE w.pid = %1$d AND a.pid <> w.pid AND a.backend_type = 'client backend'
               AND (a.usename ~ '^%2$s$' OR a.usename IS NULL)
               AND (a.pid = ANY (pg_blocking_pids(w.pid))
                    OR (w.wait_event = 'ProcSignalBarrier' AND w.query_start < clock_timestamp() - interval '3 seconds'
                        AND coalesce(a.query_start, a.backend_start) < w.query_start
                        AND (a.usename IS NULL OR a.state = 'active') AND a.wait_event_type = 'Client'))""";

    // A prepared transaction has locks and no session. One of its locks is on its own id, which tells which it is.
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

    private static Uni<Void> rollBack(Admin watch, RowSet<Row> prepared) {
        tell("prepared", prepared.size());
        return Multi.createFrom()
                .iterable(prepared)
                .onItem()
                .transformToUniAndConcatenate(
                        row -> rollBack(watch, row.getString("database"), row.getString("statement")))
                .collect()
                .last();
    }

    /** Its database may be closed; where that cannot be undone either, the statement beside fails by its limit. */
    private static Uni<Void> rollBack(Admin watch, String database, String statement) {
        return inside(watch, database, statement)
                .onFailure()
                .recoverWithUni(() -> watch.ask("ALTER DATABASE " + database + " ALLOW_CONNECTIONS true")
                        .chain(() -> inside(watch, database, statement)))
                .onFailure()
                .invoke(cause -> LOG.warnf("not rolled back database=%s cause=%s", database, cause.getMessage()))
                .onFailure()
                .recoverWithNull();
    }

    private static Uni<Void> inside(Admin watch, String database, String statement) {
        return watch.server.inside(database, own -> Server.run(own, statement)).replaceWithVoid();
    }

    // 23505: two sessions wrote one catalog index at once, seen once in creating a role; a name that is taken is 42710.
    private static final Set<String> LOCKED = Set.of("23505", "55P03", "40P01", "40001");
    private static final Set<String> OUT_OF_TIME_OR_IN_USE = Set.of("57014", "55006");

    /** Locked or in a deadlock; or a row of the catalog was changed by another session at the same time. */
    private static boolean mayPass(Throwable failure) {
        return failure instanceof PgException told
                && (LOCKED.contains(String.valueOf(told.getSqlState()))
                        || String.valueOf(told.getErrorMessage()).startsWith("tuple concurrently "));
    }

    static boolean busy(Throwable failure) {
        return mayPass(failure)
                || (failure instanceof PgException told
                        && OUT_OF_TIME_OR_IN_USE.contains(String.valueOf(told.getSqlState())));
    }

    static Refused refusal(Throwable failure) {
        String said = failure instanceof PgException told ? told.getSqlState() + " " + told.getErrorMessage() : "";
        return new Refused(
                "backend_busy",
                "The server did not get to it within the limits for administrative statements: " + said);
    }
}
