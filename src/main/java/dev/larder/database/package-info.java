/**
 * The database as a tool: everything about Larder's PostgreSQL that is not a rule of the domain.
 *
 * <p><b>Owns</b> the schema's versions ({@code database.Migrator}, {@code db/migration}), statements with
 * named parameters ({@code database.Sql}), row mapping ({@code database.Rows}), connections and their sharing
 * ({@code database.RequestPool}, {@code database.SharedPool}, {@code database.Direct}), the hosts and which
 * is the primary ({@code database.Hosts}), time limits ({@code database.TimeLimits}), the database's time
 * ({@code database.DatabaseClock}), the reconciler's lock ({@code database.ReconcilerLock}), encryption
 * ({@code database.Encryption}, {@code database.KeyStore}), faults in plain words
 * ({@code database.DatabaseFaults}) and the batching of equal questions ({@code database.Batcher}).
 *
 * <p><b>Authoritative</b>: PostgreSQL. Its time is the deployment's time (decision 0023).
 *
 * <p><b>States.</b> A migration is applied or not; all pending ones run in one transaction under an advisory
 * lock. The reconciler's lock is held, or lost for good: a holder that the database has not heard of for 10 s
 * has lost it, and its own monotonic counter tells it so.
 *
 * <p><b>Failures.</b> A limit that is met, or a full line, is 503 {@code database_busy}. A database that is
 * away fails calls and makes loops try again; a start waits for it. Another encryption key ends the start
 * with exit code 2 (decision 0027).
 *
 * <p><b>Bounds</b> (decision 0024). A statement 10 s, a lock 5 s, an idle transaction 10 s, all kept by the
 * server. Of the pool's connections, at most a quarter run the same statement about the same row, at most three
 * quarters run the same statement, and at most half are in transactions. At most 2,000 calls wait for a connection,
 * and at most 200 wait for their turn at one row; further calls get 503 {@code database_busy} at once.
 */
@NullMarked
package dev.larder.database;

import org.jspecify.annotations.NullMarked;
