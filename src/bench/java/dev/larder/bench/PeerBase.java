package dev.larder.bench;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.vertx.mutiny.sqlclient.Pool;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** What the other queues stand on: the same server, a database of their own that is made anew for each measurement. */
final class PeerBase {

    static final String DATABASE = "peer";

    private final Base base;

    PeerBase(Base base) {
        this.base = base;
    }

    void fresh() {
        base.run("DROP DATABASE IF EXISTS " + DATABASE + " WITH (FORCE)");
        base.run("CREATE DATABASE " + DATABASE);
    }

    /** As {@link Base#settle}, of the peer's database. */
    void settle() {
        run("VACUUM (ANALYZE)");
        base.run("CHECKPOINT");
        base.awaitConnections(DATABASE, 0);
    }

    void run(String... statements) {
        Pool pool = base.pool(DATABASE, 1);
        for (String statement : statements) {
            var done = pool.query(statement).executeAndAwait();
        }
        pool.closeAndAwait();
    }

    /** Returns when the question, which answers with a boolean, is answered with true. */
    void await(String question) throws InterruptedException {
        Pool pool = base.pool(DATABASE, 1);
        Peer.await(
                () -> pool.query(question).executeAndAwait().iterator().next().getBoolean(0));
        pool.closeAndAwait();
    }

    String url() {
        return "postgres://" + base.server().user() + ":" + base.server().password() + "@"
                + base.server().host() + ":" + base.server().port() + "/" + DATABASE;
    }

    /** The pool that most applications have, with all its connections made. */
    HikariDataSource dataSource() throws InterruptedException {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl("jdbc:postgresql://" + base.server().host() + ":"
                + base.server().port() + "/" + DATABASE);
        config.setUsername(base.server().user());
        config.setPassword(base.server().password());
        config.setMaximumPoolSize(Peer.CONNECTIONS);
        HikariDataSource source = new HikariDataSource(config);
        Peer.await(() -> source.getHikariPoolMXBean().getTotalConnections() == Peer.CONNECTIONS);
        return source;
    }

    /** Counts the jobs that handlers were given. */
    static final class Handled {

        private final AtomicInteger first = new AtomicInteger();
        private final CountDownLatch left;
        private final Runnable begun;

        Handled(int jobs, Runnable begun) {
            this.left = new CountDownLatch(jobs);
            this.begun = begun;
        }

        void one() {
            if (first.getAndIncrement() == 0) {
                begun.run();
            }
            left.countDown();
        }

        void awaitAll() throws InterruptedException {
            if (!left.await(10, TimeUnit.MINUTES)) {
                throw new IllegalStateException("jobs left over: " + left.getCount());
            }
        }
    }
}
