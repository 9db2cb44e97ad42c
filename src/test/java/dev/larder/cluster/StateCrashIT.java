package dev.larder.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.history.states.Journal;
import dev.larder.history.states.StateChecker;
import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.Planted;
import dev.larder.testing.Server;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import java.io.IOException;
import java.net.Socket;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * A server that is killed at each point of a mutation (S6). The body and the head of a version are written by one
 * statement, so "body stored, head not moved" is this statement while it runs: it waits for a lock that the test holds.
 * A statement that the database has received is performed even where its server has died; where its connection is
 * ended too, nothing of it remains.
 */
class StateCrashIT {

    private static final HttpClient CLIENT =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private static final int ANNOUNCED = 4_000;

    private final Database database = Databases.fresh();
    private final Pool pool = database.pool();
    private final List<Socket> unread = new ArrayList<>();

    /** A state, whose client's lock has this id. */
    private record Point(UUID state, String lock) {

        String path() {
            return "/tf/v1/states/" + state;
        }

        String info() {
            return "{\"ID\":\"%s\",\"Operation\":\"OperationTypeApply\",\"Info\":\"\",\"Who\":\"anna\",\"Version\":\"1.11.4\",\"Created\":\"2026-11-29T00:00:00Z\",\"Path\":\"\"}"
                    .formatted(lock);
        }

        static String body() {
            return "{\"version\":4,\"terraform_version\":\"1.11.4\",\"serial\":1,\"lineage\":\"l\",\"outputs\":{\"password\":{\"value\":\""
                    + Planted.SECRET + "\",\"type\":\"string\",\"sensitive\":true}},\"resources\":[]}";
        }
    }

    @AfterEach
    void close() throws IOException {
        for (Socket one : unread) {
            one.close();
        }
        // The database is used again.
        Journal.end(pool);
        database.close();
    }

    @Test
    void after_a_kill_at_any_point_the_client_repeats_its_request_and_there_is_one_effect() throws Exception {
        LarderTestResource.insertOwner(database);
        Journal.begin(pool);
        Server first = server("state-crash-a").awaitReady();
        Points points = brought(first);
        try (Server second = server("state-crash-b")) {
            var ready = second.awaitReady();
            points.converge(second);
            abandonedIsNotTrusted(points.abandoned, second);
        }
        assertThat(StateChecker.judge(Journal.read(pool))).isEmpty();
    }

    /** Ten states, each at its point when the server is killed. */
    private final class Points {

        private final Server server;
        final Point beginRuns;
        final Point afterBegin;
        final Point beforeBody;
        final Point midBody;
        final Point givenUp;
        final Point writeRuns;
        final Point writeAborted;
        final Point headMoved;
        final Point afterUpload;
        final Point endRuns;
        final Point endAborted;
        final Point afterEnd;
        final Point abandoned;

        Points(Server server) throws Exception {
            this.server = server;
            beginRuns = made("begin-runs");
            afterBegin = locked("after-begin");
            beforeBody = locked("before-body");
            midBody = locked("mid-body");
            givenUp = locked("given-up");
            writeRuns = locked("write-runs");
            writeAborted = locked("write-aborted");
            headMoved = locked("head-moved");
            afterUpload = written("after-upload");
            endRuns = written("end-runs");
            endAborted = written("end-aborted");
            afterEnd = written("after-end");
            abandoned = made("abandoned");
        }

        private Point made(String name) throws Exception {
            JsonNode made = new Calls(server.port())
                    .done("POST", "/api/v1/states", "{\"organization\":\"acme\",\"name\":\"" + name + "\"}");
            return new Point(UUID.fromString(made.path("id").asText()), "lock-" + name);
        }

        private Point locked(String name) throws Exception {
            Point point = made(name);
            assertThat(send(server, "LOCK", point.path(), point.info())).isEqualTo(200);
            return point;
        }

        private Point written(String name) throws Exception {
            Point point = locked(name);
            assertThat(upload(server, point)).isEqualTo(200);
            return point;
        }

        void converge(Server other) throws Exception {
            assertThat(send(other, "LOCK", beginRuns.path(), beginRuns.info())).isEqualTo(200);
            assertThat(send(other, "LOCK", afterBegin.path(), afterBegin.info()))
                    .isEqualTo(200);
            for (Point point :
                    List.of(beginRuns, afterBegin, beforeBody, midBody, writeRuns, writeAborted, headMoved)) {
                assertThat(upload(other, point)).as(point.toString()).isEqualTo(200);
            }
            for (Point point : List.of(
                    beginRuns,
                    afterBegin,
                    beforeBody,
                    midBody,
                    writeRuns,
                    writeAborted,
                    headMoved,
                    afterUpload,
                    endRuns,
                    endAborted,
                    afterEnd)) {
                assertThat(send(other, "UNLOCK", point.path(), point.info()))
                        .as(point.toString())
                        .isEqualTo(200);
                assertThat(known(point)).as(point.toString()).isEqualTo("reliable 1 of 1, 1 mutations, 0 rejects");
            }
            assertThat(send(other, "UNLOCK", givenUp.path(), givenUp.info())).isEqualTo(200);
            assertThat(known(givenUp)).isEqualTo("unreliable write_failed 0 of 0, 1 mutations, 0 rejects");
        }
    }

    private Points brought(Server server) throws Exception {
        JsonNode organization = new Calls(server.port()).done("POST", "/api/v1/organizations", "{\"name\":\"acme\"}");
        Points points = new Points(server);
        JsonNode mutation = new Calls(server.port())
                .done("POST", "/api/v1/states/" + points.abandoned.state() + "/mutations", "{\"kind\":\"update\"}");
        begin(server, "POST", points.headMoved.path() + "?ID=" + points.headMoved.lock(), Point.body());
        Eventually.see(() -> versions(points.headMoved), n -> n == 1);
        begin(server, "UNLOCK", points.afterEnd.path(), points.afterEnd.info());
        Eventually.see(() -> known(points.afterEnd), is -> is.startsWith("reliable"));
        for (Point point : List.of(points.beforeBody, points.midBody, points.givenUp)) {
            String half = point.equals(points.beforeBody) ? "" : "{\"version\":4,";
            begin(server, "POST", point.path() + "?ID=" + point.lock(), half, ANNOUNCED);
            Eventually.see(() -> failedWrites(point), n -> n == 1);
        }
        killWhileStatementsRun(server, points);
        return points;
    }

    /** The rows that the statements need are locked; two of the statements lose their connection with their server. */
    private void killWhileStatementsRun(Server server, Points points) throws Exception {
        List<Point> running = List.of(points.beginRuns, points.writeRuns, points.endRuns);
        List<Point> aborted = List.of(points.writeAborted, points.endAborted);
        List<Pool> holders = new ArrayList<>();
        for (Point point : running) {
            holders.add(holding(point));
        }
        begin(server, "LOCK", points.beginRuns.path(), points.beginRuns.info());
        begin(server, "POST", points.writeRuns.path() + "?ID=" + points.writeRuns.lock(), Point.body());
        begin(server, "UNLOCK", points.endRuns.path(), points.endRuns.info());
        Eventually.see(this::waiting, list -> list.size() == running.size());
        List<Integer> survivors = waiting();
        for (Point point : aborted) {
            holders.add(holding(point));
        }
        begin(server, "POST", points.writeAborted.path() + "?ID=" + points.writeAborted.lock(), Point.body());
        begin(server, "UNLOCK", points.endAborted.path(), points.endAborted.info());
        Eventually.see(this::waiting, list -> list.size() == running.size() + aborted.size());

        server.kill();
        for (int pid : waiting()) {
            if (!survivors.contains(pid)) {
                pool.preparedQuery("SELECT pg_terminate_backend($1)").executeAndAwait(Tuple.of(pid));
            }
        }
        for (Pool holder : holders) {
            holder.query("COMMIT").executeAndAwait();
            holder.closeAndAwait();
        }
        Eventually.see(this::waiting, List::isEmpty);
        Eventually.see(() -> versions(points.writeRuns), n -> n == 1);
        Eventually.see(() -> known(points.endRuns), is -> is.startsWith("reliable"));
        assertThat(versions(points.writeAborted)).isZero();
        assertThat(known(points.endAborted)).startsWith("in_flight");
    }

    private Pool holding(Point point) {
        Pool holder = database.another(1);
        holder.query("BEGIN").executeAndAwait();
        var held = holder.preparedQuery("SELECT 1 FROM states WHERE id = $1 FOR UPDATE")
                .executeAndAwait(Tuple.of(point.state()));
        return holder;
    }

    private List<Integer> waiting() {
        List<Integer> pids = new ArrayList<>();
        for (Row row : pool.query("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                        + " AND datname = current_database()")
                .executeAndAwait()) {
            pids.add(row.getInteger("pid"));
        }
        return pids;
    }

    /** Its client never comes back: the sweeper ends it when its lease is over. */
    private void abandonedIsNotTrusted(Point point, Server server) throws Exception {
        assertThat(known(point)).startsWith("in_flight");
        pool.preparedQuery("UPDATE state_mutations SET lease_expires_at = opened_at WHERE state_id = $1")
                .executeAndAwait(Tuple.of(point.state()));
        Eventually.see(() -> known(point), is -> is.equals("unreliable lease_expired 0 of 0, 1 mutations, 0 rejects"));
        assertThat(send(server, "LOCK", point.path(), point.info())).isEqualTo(423);
    }

    private String known(Point point) {
        Row row = pool.preparedQuery("""
                        SELECT concat_ws(' ', s.status, s.status_reason, s.reliable_version, 'of', s.current_version) AS known,
                               (SELECT count(*) FROM state_mutations m WHERE m.state_id = s.id) AS mutations,
                               (SELECT count(*) FROM state_rejects r WHERE r.state_id = s.id) AS rejects
                          FROM states s WHERE s.id = $1""")
                .executeAndAwait(Tuple.of(point.state()))
                .iterator()
                .next();
        return row.getString("known") + ", " + row.getLong("mutations") + " mutations, " + row.getLong("rejects")
                + " rejects";
    }

    private long versions(Point point) {
        return number("SELECT count(*) AS n FROM state_versions WHERE state_id = $1", point);
    }

    private long failedWrites(Point point) {
        return number("SELECT sum(failed_writes) AS n FROM state_mutations WHERE state_id = $1", point);
    }

    private long number(String sql, Point point) {
        return pool.preparedQuery(sql)
                .executeAndAwait(Tuple.of(point.state()))
                .iterator()
                .next()
                .getLong("n");
    }

    private Server server(String name) {
        return Server.start(
                name,
                database,
                Map.of(
                        "LARDER_WORKER_ENABLED", "false",
                        "LARDER_JANITOR_INTERVAL", "1s",
                        "LARDER_DATABASE_LOCK_TIMEOUT", "20s"));
    }

    private static String authorization() {
        byte[] pair = ("anyone:" + LarderTestResource.OWNER_TOKEN).getBytes(StandardCharsets.UTF_8);
        return "Basic " + Base64.getEncoder().encodeToString(pair);
    }

    private static int upload(Server server, Point point) throws Exception {
        return send(server, "POST", point.path() + "?ID=" + point.lock(), Point.body());
    }

    private static int send(Server server, String method, String path, String body) throws Exception {
        return CLIENT.send(
                        HttpRequest.newBuilder(server.uri(path))
                                .header("Authorization", authorization())
                                .header("Content-Type", "application/json")
                                .method(method, BodyPublishers.ofString(body))
                                .build(),
                        BodyHandlers.ofString())
                .statusCode();
    }

    private void begin(Server server, String method, String path, String body) throws IOException {
        begin(server, method, path, body, body.length());
    }

    /** A request whose answer is not read; as many bytes are announced. */
    private void begin(Server server, String method, String path, String body, int announced) throws IOException {
        Socket socket = new Socket("127.0.0.1", server.port());
        unread.add(socket);
        String head = method + " " + path + " HTTP/1.1\r\nHost: a\r\nAuthorization: " + authorization()
                + "\r\nContent-Type: application/json\r\nContent-Length: " + announced + "\r\n\r\n";
        socket.getOutputStream().write((head + body).getBytes(StandardCharsets.UTF_8));
        socket.getOutputStream().flush();
    }
}
