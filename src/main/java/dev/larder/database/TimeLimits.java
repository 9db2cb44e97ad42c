package dev.larder.database;

import dev.larder.model.MisconfiguredException;
import java.time.Duration;

/**
 * How long the server lets a session of Larder's work, wait and stay idle inside a transaction (decision 0024). The server
 * keeps the limits, so that they hold although the client has given up or is frozen.
 *
 * @param statement one statement, its waiting included
 * @param lock waiting for one lock
 * @param idleTransaction between two statements of one transaction
 */
public record TimeLimits(Duration statement, Duration lock, Duration idleTransaction) {

    public TimeLimits {
        for (Duration limit : new Duration[] {statement, lock, idleTransaction}) {
            if (limit.toMillis() < 1) {
                throw new MisconfiguredException("larder.database: a time limit must be at least 1 ms");
            }
        }
    }

    /**
     * Statements for a session's begin. They are no startup parameters, because poolers refuse those. The server looks for a
     * client that has vanished after 10 s of silence and ends the session 15 s later.
     */
    String set() {
        return """
                SET statement_timeout = %d; SET lock_timeout = %d; SET idle_in_transaction_session_timeout = %d;
                SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3""".formatted(statement.toMillis(), lock.toMillis(), idleTransaction.toMillis());
    }

    /**
     * The same as defaults of the role in this database, for a transaction pooler, whose sessions belong to no client. A role
     * may set its own. The lock keeps servers that start together from failing over the same row.
     */
    String setForRole() {
        return """
                DO $$
                BEGIN
                    PERFORM pg_advisory_xact_lock(7210517264003);
                    EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %%I SET statement_timeout = %1$d', current_database());
                    EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %%I SET lock_timeout = %2$d', current_database());
                    EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %%I SET idle_in_transaction_session_timeout = %3$d',
                                   current_database());
                END $$""".formatted(statement.toMillis(), lock.toMillis(), idleTransaction.toMillis());
    }
}
