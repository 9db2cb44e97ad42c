package dev.larder.worker.postgres;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.Assignment;
import dev.larder.model.JobOutcome;
import dev.larder.model.LogLine;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.ContextPropagation;
import dev.larder.testing.EmbeddedPostgres;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.pgclient.PgConnection;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.pgclient.PgConnectOptions;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/** A server that runs jobs, and queries about its state. */
record Place(Vertx vertx, EmbeddedPostgres server, List<String> log) implements AutoCloseable {

    static final Duration LONG = Duration.ofSeconds(60);

    Place(EmbeddedPostgres server) {
        this(vertxWithContext(), server, new CopyOnWriteArrayList<>());
    }

    /** Mutiny's context manager is looked up before sessions and loads do it at once. */
    private static Vertx vertxWithContext() {
        ContextPropagation.prepare();
        return Vertx.vertx();
    }

    PostgresBackend backend() {
        return backend(Given.on(address()));
    }

    PostgresBackend backend(PostgresSettings settings) {
        return new PostgresBackend(vertx, settings, InstantSource.fixed(Work.NOON));
    }

    String address() {
        return "postgresql://%s:%s@%s:%d/postgres"
                .formatted(server.user(), server.password(), server.host(), server.port());
    }

    JobOutcome perform(Assignment assignment) {
        return backend().perform(assignment, this::hear).await().atMost(LONG);
    }

    private void hear(LogLine line) {
        log.add(line.line());
    }

    /** The outputs of a start, which must succeed. */
    @CanIgnoreReturnValue
    Map<String, String> built(Work work) {
        JobOutcome outcome = perform(work.start());
        assertThat(outcome).isInstanceOf(JobOutcome.Succeeded.class);
        return ((JobOutcome.Succeeded) outcome).outputs();
    }

    JobOutcome.Failed failed(Work work) {
        JobOutcome outcome = perform(work.start());
        assertThat(outcome).isInstanceOf(JobOutcome.Failed.class);
        return (JobOutcome.Failed) outcome;
    }

    static PgConnectOptions options(Map<String, String> outputs) {
        return PgConnectOptions.fromUri(outputs.getOrDefault("url", ""));
    }

    PgConnection connect(PgConnectOptions options) {
        PgConnection connection = PgConnection.connect(vertx, options).await().atMost(LONG);
        return connection.exceptionHandler(ended -> {});
    }

    /** The first column of a superuser's query in the maintenance database. */
    @CanIgnoreReturnValue
    List<String> admin(String statement) {
        return admin("postgres", statement);
    }

    @CanIgnoreReturnValue
    List<String> admin(String database, String statement) {
        return ask(server.options(database), statement);
    }

    /** The first column of a query of a workspace's role in its database. */
    List<String> ask(Map<String, String> outputs, String statement) {
        return ask(options(outputs), statement);
    }

    private List<String> ask(PgConnectOptions options, String statement) {
        PgConnection connection = connect(options);
        try {
            List<String> values = new ArrayList<>();
            for (Row row : connection.query(statement).execute().await().atMost(LONG)) {
                values.add(String.valueOf(row.getValue(0)));
            }
            return values;
        } finally {
            connection.close().await().atMost(LONG);
        }
    }

    @Override
    public void close() {
        server.close();
        vertx.closeAndAwait();
    }
}
