package dev.larder.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.Certificates;
import dev.larder.testing.Databases;
import dev.larder.testing.EmbeddedPostgres;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.Server;
import io.vertx.mutiny.pgclient.PgBuilder;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.sqlclient.PoolOptions;
import java.io.IOException;
import java.net.Socket;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A PostgreSQL that takes encrypted connections only, with a certificate that an authority of the test signed. */
class TlsIT {

    private static final Path FOLDER = Path.of("target", "tls").toAbsolutePath();
    private static final String DECLARATION = """
            backend: postgres
            files: {01.sql: CREATE TABLE t (id integer)}
            presets: [{name: one, prebuilds: {instances: 1}}]
            """;

    private static final Certificates TRUSTED = new Certificates(FOLDER.resolve("trusted"), "ip:127.0.0.1");
    private static final Certificates STRANGER = new Certificates(FOLDER.resolve("stranger"), "ip:127.0.0.1");

    @SuppressWarnings("NullAway.Init")
    private static EmbeddedPostgres postgres;

    @SuppressWarnings("NullAway.Init")
    private static Pool admin;

    @BeforeAll
    static void start() throws Exception {
        postgres = EmbeddedPostgres.crashable(FOLDER.resolve("postgres"), TRUSTED.settings());
        admin = PgBuilder.pool()
                .with(new PoolOptions().setMaxSize(1))
                .connectingTo(postgres.options("postgres"))
                .using(Databases.vertx())
                .build();
        // What a workspace's role must not be able to enter.
        for (String statement : List.of(
                "CREATE DATABASE larder",
                "REVOKE ALL ON DATABASE larder FROM PUBLIC",
                "REVOKE ALL ON DATABASE postgres FROM PUBLIC",
                "REVOKE ALL ON DATABASE template1 FROM PUBLIC")) {
            var done = admin.query(statement).executeAndAwait();
        }
        // The test's own connection is open; all that come after it must be encrypted.
        Files.writeString(
                postgres.folder().resolve("data").resolve("pg_hba.conf"), "hostssl all all all scram-sha-256\n");
        var reloaded = admin.query("SELECT pg_reload_conf()").executeAndAwait();
    }

    @AfterAll
    static void stop() {
        admin.closeAndAwait();
        postgres.discard();
    }

    private static String url(String database, String parameters) {
        return "postgresql://127.0.0.1:" + postgres.port() + "/" + database + "?" + parameters;
    }

    private static Server server(String name, String parameters) {
        PgConnectOptions options = postgres.options("larder");
        Map<String, String> settings = new HashMap<>(Map.of(
                "QUARKUS_DATASOURCE_REACTIVE_URL", url("larder", parameters),
                "LARDER_BACKEND_POSTGRES_URL", url("postgres", parameters),
                "LARDER_BACKEND_POSTGRES_USERNAME", postgres.user(),
                "LARDER_BACKEND_POSTGRES_PASSWORD", postgres.password()));
        return Server.start(name, options, settings);
    }

    @Test
    void with_verify_full_every_connection_is_encrypted_and_all_of_it_works() throws Exception {
        try (Server server = server("tls", "sslmode=verify-full&sslrootcert=" + TRUSTED.authority())) {
            server.awaitReady();
            Pool larder = PgBuilder.pool()
                    .with(new PoolOptions().setMaxSize(1))
                    .connectingTo(dev.larder.database.Connections.of(
                                    "url", url("larder", "sslmode=verify-full&sslrootcert=" + TRUSTED.authority()))
                            .setUser(postgres.user())
                            .setPassword(postgres.password()))
                    .using(Databases.vertx())
                    .build();
            LarderTestResource.insertOwner(larder);
            larder.closeAndAwait();
            assertThat(put(server, "/api/v1/organizations", "{\"name\":\"acme\"}", "POST"))
                    .isEqualTo(201);
            assertThat(put(server, "/api/v1/organizations/acme/templates/tiny", DECLARATION, "PUT"))
                    .isEqualTo(201);

            // The backend has built; requests, the reconciler's lock, the listener and the probe have connected.
            int claimed = Eventually.see(
                    () -> put(
                            server,
                            "/api/v1/claims",
                            "{\"organization\":\"acme\",\"template\":\"tiny\",\"preset\":\"one\"}",
                            "POST"),
                    status -> status == 201);

            assertThat(claimed).isEqualTo(201);
            assertThat(sessions("s.ssl AND a.datname = 'larder'")).isGreaterThanOrEqualTo(3);
            assertThat(sessions("s.ssl AND a.query LIKE 'LISTEN%' OR s.ssl AND a.query = 'SELECT 1'"))
                    .isPositive();
            // A session that is refused is listed for a moment; one that works without TLS would stay.
            Eventually.see(() -> sessions("NOT s.ssl AND a.pid <> pg_backend_pid()"), open -> open == 0);
        }
    }

    @Test
    void a_certificate_of_another_authority_is_refused_in_a_plain_sentence() {
        try (Server server = server("tls-stranger", "sslmode=verify-full&sslrootcert=" + STRANGER.authority())) {
            Eventually.see(server::said, said -> said.contains("certificate is not accepted"));

            assertThat(server.said())
                    .contains("signed by the authority in sslrootcert")
                    .doesNotContain("\tat ");
            awaitHttp(server);
            assertThat(put(server, "/q/health/ready", "", "GET")).isEqualTo(503);
        }
    }

    @Test
    void a_server_that_wants_tls_and_a_client_without_it_are_told_apart_from_a_database_that_is_away() {
        try (Server server = server("tls-none", "sslmode=disable")) {
            Eventually.see(server::said, said -> said.contains("does not let the configured user in"));
            awaitHttp(server);

            assertThat(put(server, "/q/health/ready", "", "GET")).isEqualTo(503);
        }
    }

    private static long sessions(String which) {
        return admin.query("SELECT count(*) AS n FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)"
                        + " WHERE a.backend_type = 'client backend' AND (" + which + ")")
                .executeAndAwait()
                .iterator()
                .next()
                .getLong("n");
    }

    /** HTTP opens a few seconds after the start where the database cannot be reached. */
    private static void awaitHttp(Server server) {
        Eventually.see(() -> listens(server), Boolean::booleanValue);
    }

    private static boolean listens(Server server) {
        try (Socket socket = new Socket("127.0.0.1", server.port())) {
            return socket.isConnected();
        } catch (IOException notYet) {
            return false;
        }
    }

    private static int put(Server server, String path, String body, String method) {
        HttpRequest request = HttpRequest.newBuilder(server.uri(path))
                .header("Authorization", "Bearer " + LarderTestResource.OWNER_TOKEN)
                .header("Content-Type", body.startsWith("{") ? "application/json" : "application/yaml")
                .method(method, BodyPublishers.ofString(body))
                .build();
        try (HttpClient client =
                HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()) {
            HttpResponse<String> answer = client.send(request, BodyHandlers.ofString());
            return answer.statusCode();
        } catch (java.io.IOException failed) {
            throw new java.io.UncheckedIOException(failed);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(interrupted);
        }
    }
}
