package dev.larder.database;

import io.vertx.core.AsyncResult;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Promise;
import io.vertx.pgclient.PgPool;
import io.vertx.sqlclient.Pool;
import io.vertx.sqlclient.PrepareOptions;
import io.vertx.sqlclient.PreparedQuery;
import io.vertx.sqlclient.PreparedStatement;
import io.vertx.sqlclient.Query;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.SqlResult;
import io.vertx.sqlclient.Transaction;
import io.vertx.sqlclient.Tuple;
import io.vertx.sqlclient.spi.DatabaseMetadata;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collector;
import org.jspecify.annotations.Nullable;

/**
 * A pool of which no single lock or slow statement can occupy all connections (decision 0024). At most a quarter of
 * the connections run the same statement about the same row, which its first UUID identifies. At most three
 * quarters run the same statement. At most half are in transactions. The number of waiting calls and their time are
 * bounded.
 */
// PgPool is deprecated, and Quarkus casts to it.
@SuppressWarnings("deprecation")
final class SharedPool implements PgPool {

    /** Calls that wait for a connection. In a longer queue an answer would come too late to be of use. */
    private static final int LINE_MAX = 2_000;

    /** Calls that wait for one row. */
    private static final int ROW_LINE_MAX = 200;

    private static final String ANY = "any";

    private final Pool pool;
    private final Bulkhead<String> connections;
    private final Bulkhead<String> transactions;
    private final Bulkhead<String> statements;
    private final Bulkhead<Aim> rows;

    /** A statement and its row. */
    private record Aim(String statement, UUID row) {}

    /**
     * @param size connections of the pool
     * @param patience how long a task waits for each of its turns
     */
    SharedPool(Pool pool, int size, Duration patience) {
        this.pool = pool;
        this.connections = new Bulkhead<>(size, LINE_MAX, patience);
        this.transactions = new Bulkhead<>(size / 2, LINE_MAX, patience);
        this.statements = new Bulkhead<>(size - size / 4, LINE_MAX, patience);
        this.rows = new Bulkhead<>(size / 4, ROW_LINE_MAX, patience);
    }

    private <K, T> Future<T> within(Bulkhead<K> bulkhead, K key, Supplier<Future<T>> task) {
        Promise<T> answered = Promise.promise();
        bulkhead.enter(
                key,
                () -> task.get().onComplete(ended -> {
                    bulkhead.leave(key);
                    answered.handle(ended);
                }),
                answered::fail);
        return answered.future();
    }

    private <T> Future<T> statement(String sql, @Nullable UUID row, Supplier<Future<T>> task) {
        Supplier<Future<T>> connected = () -> within(statements, sql, () -> within(connections, ANY, task));
        return row == null ? connected.get() : within(rows, new Aim(sql, row), connected);
    }

    private static @Nullable UUID row(Tuple values) {
        for (int position = 0; position < values.size(); position++) {
            if (values.getValue(position) instanceof UUID row) {
                return row;
            }
        }
        return null;
    }

    @Override
    public Query<RowSet<Row>> query(String sql) {
        return new Shared(sql, pool.query(sql));
    }

    @Override
    public PreparedQuery<RowSet<Row>> preparedQuery(String sql) {
        return new SharedPrepared(sql, pool.preparedQuery(sql));
    }

    @Override
    public PreparedQuery<RowSet<Row>> preparedQuery(String sql, PrepareOptions options) {
        return new SharedPrepared(sql, pool.preparedQuery(sql, options));
    }

    @Override
    public Future<SqlConnection> getConnection() {
        Promise<SqlConnection> given = Promise.promise();
        transactions.enter(
                ANY,
                () -> connections.enter(ANY, () -> lease(given), refused -> {
                    transactions.leave(ANY);
                    given.fail(refused);
                }),
                given::fail);
        return given.future();
    }

    private void lease(Promise<SqlConnection> given) {
        var unused = pool.getConnection()
                .onFailure(failed -> giveBack())
                .<SqlConnection>map(Leased::new)
                .onComplete(given);
    }

    private void giveBack() {
        connections.leave(ANY);
        transactions.leave(ANY);
    }

    @Override
    public void getConnection(Handler<AsyncResult<SqlConnection>> handler) {
        var unused = getConnection().onComplete(handler);
    }

    @Override
    public PgPool connectHandler(Handler<SqlConnection> handler) {
        throw new UnsupportedOperationException("set when the pool is built");
    }

    @Override
    public PgPool connectionProvider(Function<Context, Future<SqlConnection>> provider) {
        throw new UnsupportedOperationException("set when the pool is built");
    }

    @Override
    public int size() {
        return pool.size();
    }

    @Override
    public Future<Void> close() {
        return pool.close();
    }

    @Override
    public void close(Handler<AsyncResult<Void>> handler) {
        pool.close(handler);
    }

    /** Not supported: the stores map rows themselves. */
    private static UnsupportedOperationException mappedByStores() {
        return new UnsupportedOperationException("rows are mapped by the stores");
    }

    private class Shared implements Query<RowSet<Row>> {

        final String sql;
        private final Query<RowSet<Row>> query;

        Shared(String sql, Query<RowSet<Row>> query) {
            this.sql = sql;
            this.query = query;
        }

        @Override
        public Future<RowSet<Row>> execute() {
            return statement(sql, null, query::execute);
        }

        @Override
        public void execute(Handler<AsyncResult<RowSet<Row>>> handler) {
            var unused = execute().onComplete(handler);
        }

        @Override
        public <R> Query<SqlResult<R>> collecting(Collector<Row, ?, R> collector) {
            throw mappedByStores();
        }

        @Override
        public <U> Query<RowSet<U>> mapping(Function<Row, U> mapper) {
            throw mappedByStores();
        }
    }

    private final class SharedPrepared extends Shared implements PreparedQuery<RowSet<Row>> {

        private final PreparedQuery<RowSet<Row>> query;

        SharedPrepared(String sql, PreparedQuery<RowSet<Row>> query) {
            super(sql, query);
            this.query = query;
        }

        @Override
        public Future<RowSet<Row>> execute(Tuple values) {
            return statement(sql, row(values), () -> query.execute(values));
        }

        @Override
        public void execute(Tuple values, Handler<AsyncResult<RowSet<Row>>> handler) {
            var unused = execute(values).onComplete(handler);
        }

        @Override
        public Future<RowSet<Row>> executeBatch(java.util.List<Tuple> batch) {
            return statement(sql, null, () -> query.executeBatch(batch));
        }

        @Override
        public void executeBatch(java.util.List<Tuple> batch, Handler<AsyncResult<RowSet<Row>>> handler) {
            var unused = executeBatch(batch).onComplete(handler);
        }

        @Override
        public <R> PreparedQuery<SqlResult<R>> collecting(Collector<Row, ?, R> collector) {
            throw mappedByStores();
        }

        @Override
        public <U> PreparedQuery<RowSet<U>> mapping(Function<Row, U> mapper) {
            throw mappedByStores();
        }
    }

    /** A connection that frees its place in the pool when it is closed. */
    private final class Leased implements SqlConnection {

        private final SqlConnection connection;
        private final AtomicBoolean closed = new AtomicBoolean();

        Leased(SqlConnection connection) {
            this.connection = connection;
        }

        @Override
        public Future<Void> close() {
            return connection.close().onComplete(given -> {
                if (closed.compareAndSet(false, true)) {
                    giveBack();
                }
            });
        }

        @Override
        public void close(Handler<AsyncResult<Void>> handler) {
            var unused = close().onComplete(handler);
        }

        @Override
        public SqlConnection prepare(String sql, Handler<AsyncResult<PreparedStatement>> handler) {
            connection.prepare(sql, handler);
            return this;
        }

        @Override
        public Future<PreparedStatement> prepare(String sql) {
            return connection.prepare(sql);
        }

        @Override
        public SqlConnection prepare(
                String sql, PrepareOptions options, Handler<AsyncResult<PreparedStatement>> handler) {
            connection.prepare(sql, options, handler);
            return this;
        }

        @Override
        public Future<PreparedStatement> prepare(String sql, PrepareOptions options) {
            return connection.prepare(sql, options);
        }

        @Override
        public SqlConnection exceptionHandler(Handler<Throwable> handler) {
            connection.exceptionHandler(handler);
            return this;
        }

        @Override
        public SqlConnection closeHandler(Handler<Void> handler) {
            connection.closeHandler(handler);
            return this;
        }

        @Override
        public void begin(Handler<AsyncResult<Transaction>> handler) {
            connection.begin(handler);
        }

        @Override
        public Future<Transaction> begin() {
            return connection.begin();
        }

        @Override
        public Transaction transaction() {
            return connection.transaction();
        }

        @Override
        public boolean isSSL() {
            return connection.isSSL();
        }

        @Override
        public DatabaseMetadata databaseMetadata() {
            return connection.databaseMetadata();
        }

        @Override
        public Query<RowSet<Row>> query(String sql) {
            return connection.query(sql);
        }

        @Override
        public PreparedQuery<RowSet<Row>> preparedQuery(String sql) {
            return connection.preparedQuery(sql);
        }

        @Override
        public PreparedQuery<RowSet<Row>> preparedQuery(String sql, PrepareOptions options) {
            return connection.preparedQuery(sql, options);
        }
    }
}
