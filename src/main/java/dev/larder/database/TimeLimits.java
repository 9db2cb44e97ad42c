package dev.larder.database;

import dev.larder.model.MisconfiguredException;
import java.time.Duration;

/**
 * Time limits of Larder's database sessions (decision 0024). The server enforces them, so they hold even if the
 * client has given up or is frozen.
 *
 * @param statement one statement, including its waits
 * @param lock the wait for one lock
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
     * The statements that set the limits when a session begins. Poolers refuse startup parameters. The server
     * checks a silent client after 10 s and ends the session of a vanished one 15 s later.
     */
    String set() {
        return """
                SET statement_timeout = %d; SET lock_timeout = %d; SET idle_in_transaction_session_timeout = %d;
                SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3""".formatted(statement.toMillis(), lock.toMillis(), idleTransaction.toMillis());
    }

    /**
     * The same as defaults of the role in this database, for a transaction pooler, whose sessions belong to no
     * client. A role may change its own defaults. The lock keeps servers that start together from failing on the
     * same row.
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
