package dev.larder.launch;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import dev.larder.testing.EmbeddedPostgres;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.Server;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** The packaged application with both backends, on an embedded PostgreSQL, for programs that are tried against it. */
final class Trial implements AutoCloseable {

    private final Database database;
    private final Server server;
    private final Api owner;

    private Trial(Database database, Server server) {
        this.database = database;
        this.server = server;
        this.owner = new Api(url(), ownerToken());
    }

    /** Starts one that is ready. @param further settings, as variables */
    static Trial start(String name, Map<String, String> further) throws InterruptedException {
        Database database = Databases.fresh();
        LarderTestResource.insertOwner(database);
        // A workspace whose role can connect to another database is not handed out.
        for (String other : databases(database)) {
            var unused = database.pool()
                    .query("REVOKE ALL ON DATABASE " + other + " FROM PUBLIC")
                    .executeAndAwait();
        }
        EmbeddedPostgres postgres = Databases.server();
        Map<String, String> settings = new HashMap<>(Map.of(
                "LARDER_BACKEND_POSTGRES_URL",
                postgres.url("postgres"),
                "LARDER_BACKEND_POSTGRES_USERNAME",
                postgres.user(),
                "LARDER_BACKEND_POSTGRES_PASSWORD",
                postgres.password(),
                "LARDER_BACKEND_EXEC_ENABLED",
                "true",
                "LARDER_WORKER_SLOTS",
                "4"));
        settings.putAll(further);
        return new Trial(database, Server.start(name, database, settings).awaitReady());
    }

    String url() {
        return "http://127.0.0.1:" + server.port();
    }

    static String ownerToken() {
        return LarderTestResource.OWNER_TOKEN;
    }

    Api owner() {
        return owner;
    }

    /** All databases of the PostgreSQL but those that Larder keeps to copy workspaces from: it drops them later. */
    Set<String> databases() {
        return databases(database);
    }

    private static Set<String> databases(Database database) {
        String all = "SELECT datname FROM pg_database WHERE datname NOT LIKE 'larder\\_t\\_%'";
        Set<String> names = new TreeSet<>();
        for (Row row : database.pool().query(all).executeAndAwait()) {
            names.add(row.getString("datname"));
        }
        return names;
    }

    long count(String statement) {
        return database.pool()
                .preparedQuery(statement)
                .executeAndAwait(Tuple.tuple())
                .iterator()
                .next()
                .getLong(0);
    }

    @CanIgnoreReturnValue
    static JsonNode expect(Api.Answer answer) throws IOException {
        if (answer.status() >= 300) {
            throw new IOException("answered with " + answer.status() + ": " + answer.body());
        }
        return answer.body();
    }

    @Override
    public void close() {
        server.close();
        database.close();
    }
}
