package dev.larder.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.Server;
import dev.larder.testing.Signals;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A server that is killed while it fills a pool leaves nothing that its successor does not put right. */
class KilledWhileFillingIT {

    private static final int INSTANCES = 12;
    private static final String DECLARATION = """
            backend: exec
            files:
              start.sh: |
                #!/bin/sh
                echo "$LARDER_ATTEMPT" >> "$LARDER_WORKSPACE_DIR/starts"
                if [ -e %1$s/hold ]; then touch %1$s/held; fi
                while [ -e %1$s/hold ]; do sleep 0.1; done
                echo '{}' > "$LARDER_OUTPUTS"
            presets:
              - name: one
                prebuilds: {instances: 12}
            """;

    private final Database database = Databases.fresh();

    @AfterEach
    void close() {
        database.close();
    }

    @Test
    void a_kill_in_the_middle_ends_in_exactly_what_is_wanted() throws Exception {
        LarderTestResource.insertOwner(database);
        Path root =
                Files.createDirectories(Path.of("target", "cluster-exec-killed").toAbsolutePath());
        Path signals = Files.createTempDirectory(root, "signals");
        Path hold = signals.resolve("hold");
        try (Server first = server("killed", root)) {
            declareOn(first.awaitReady(), signals);
            Eventually.see(() -> count("build_status = 'succeeded'"), ready -> ready >= 3);
            Files.createFile(hold);
            Eventually.see(() -> Files.exists(signals.resolve("held")), held -> held);
            first.kill();
        }
        List<Path> left = folders(root.resolve("jobs"));
        assertThat(left).as("folders of the jobs of the dead").isNotEmpty();
        assertThat(count("id IN (SELECT workspace_id FROM jobs WHERE status = 'running')"))
                .as("jobs in the hands of the dead")
                .isPositive();

        try (Server second = server("successor", root)) {
            var unused = second.awaitReady();
            assertThat(left).allSatisfy(folder -> assertThat(folder).doesNotExist());
            assertThat(Signals.runningIn(left.getFirst().toString())).isEmpty();
            Files.delete(hold);
            Eventually.see(() -> count("build_status = 'succeeded' AND ready_at IS NOT NULL"), is -> is == INSTANCES);

            assertThat(count("true")).isEqualTo(INSTANCES);
            assertThat(second.said()).doesNotContain("ERROR");
        }
    }

    private static List<Path> folders(Path jobs) throws IOException {
        try (Stream<Path> entries = Files.list(jobs)) {
            return entries.filter(Files::isDirectory).toList();
        }
    }

    private Server server(String name, Path root) {
        return Server.start(
                name,
                database,
                Map.of(
                        "LARDER_BACKEND_EXEC_ENABLED", "true",
                        "LARDER_BACKEND_EXEC_ROOT", root.toString(),
                        "LARDER_WORKER_HEARTBEAT", "1s",
                        "LARDER_JANITOR_INTERVAL", "1s"));
    }

    private void declareOn(Server server, Path signals) throws IOException, InterruptedException {
        HttpClient client = HttpClient.newHttpClient();
        for (String[] call : new String[][] {
            {"POST", "/api/v1/organizations", "application/json", "{\"name\":\"acme\"}"},
            {"PUT", "/api/v1/organizations/acme/templates/tiny", "application/yaml", DECLARATION.formatted(signals)}
        }) {
            HttpResponse<String> answer = client.send(
                    HttpRequest.newBuilder(server.uri(call[1]))
                            .header("Authorization", "Bearer " + LarderTestResource.OWNER_TOKEN)
                            .header("Content-Type", call[2])
                            .method(call[0], BodyPublishers.ofString(call[3]))
                            .build(),
                    BodyHandlers.ofString());
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(201);
        }
    }

    private int count(String condition) {
        return database.pool()
                .query("SELECT count(*)::integer AS n FROM workspaces WHERE deleted_at IS NULL AND " + condition)
                .executeAndAwait()
                .iterator()
                .next()
                .getInteger("n");
    }
}
