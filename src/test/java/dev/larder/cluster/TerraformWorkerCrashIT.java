package dev.larder.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.NeedsTerraform;
import dev.larder.testing.RemoteWorker;
import dev.larder.testing.Server;
import dev.larder.testing.TerraformTool;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * A worker that is killed while a real Terraform is at work for it (S7), and whose Terraform goes on (S8): after the
 * begin, in the middle of an apply before anything was uploaded, and after the last upload.
 */
@NeedsTerraform
class TerraformWorkerCrashIT {

    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final int INSTANCES = 3;
    private static final int SLOTS = 6;

    /** Each workspace waits at one of three points; the second of them is in the middle of the apply. */
    private static final String TOOL = """
            #!/bin/sh
            key=$(echo "$TF_HTTP_ADDRESS" | tr -c 'a-zA-Z0-9\\n' _)
            if [ "$1" = init ] && [ ! -e "%1$s/go" ]; then
                for point in init apply after; do
                    if mkdir "%1$s/ticket-$point" 2>/dev/null; then echo $point > "%1$s/at-$key"; break; fi
                done
            fi
            point=$(cat "%1$s/at-$key" 2>/dev/null)
            wait_at() { touch "%1$s/held-$point"; n=0; while [ ! -e "%1$s/go" ] && [ $n -lt 1200 ]; do sleep 0.1; n=$((n+1)); done; }
            if [ "$1" = init ] && [ "$point" = init ]; then wait_at; fi
            "%2$s" "$@"
            code=$?
            if [ "$1" = apply ] && [ "$point" = after ]; then wait_at; fi
            exit $code
            """;

    private static final String MODULE = """
            resource "terraform_data" "a" {
              provisioner "local-exec" {
                command = "key=$(echo \\"$TF_HTTP_ADDRESS\\" | tr -c 'a-zA-Z0-9\\\\n' _); if [ \\"$(cat SIGNALS/at-$key 2>/dev/null)\\" = apply ]; then touch SIGNALS/held-apply; n=0; while [ ! -e SIGNALS/go ] && [ $n -lt 1200 ]; do sleep 0.1; n=$((n+1)); done; fi"
              }
            }
            """;

    private final Database database = Databases.fresh();
    private final Pool pool = database.pool();
    private final List<RemoteWorker> workers = new ArrayList<>();

    @AfterEach
    void close() {
        workers.forEach(RemoteWorker::close);
        database.close();
    }

    @Test
    void the_states_are_unreliable_the_workspaces_are_replaced_and_late_uploads_change_nothing() throws Exception {
        LarderTestResource.insertOwner(database);
        Path folder =
                Files.createDirectories(Path.of("target", "cluster-terraform").toAbsolutePath());
        Path signals = Files.createTempDirectory(folder, "signals");
        try (Server server = server()) {
            Calls calls = new Calls(server.awaitReady().port());
            Path token = workerToken(calls, signals);
            RemoteWorker doomed = worker("doomed", server, token, tool(signals), folder);
            declare(calls, signals);
            for (String point : List.of("init", "apply", "after")) {
                Eventually.see(() -> Files.exists(signals.resolve("held-" + point)), held -> held);
            }
            Eventually.see(() -> count("states WHERE current_version > 0"), n -> n == 1);
            doomed.kill();

            Eventually.see(
                    () -> count("states WHERE status = 'unreliable' AND status_reason = 'worker_lost'"),
                    n -> n == INSTANCES);
            // Failed builds delay the next creation.
            assertThat(claim(calls)).isIn("no_claimable_workspace", "creation_stopped");
            List<String> lost = lost();
            Files.createFile(signals.resolve("go"));
            lateUploadsChangeNothing(lost);

            RemoteWorker next = worker("next", server, token, TerraformTool.path(), folder);
            Eventually.see(
                    () -> count(
                            "workspaces WHERE build_status = 'succeeded' AND transition = 'start' AND state_status = 'reliable'"),
                    n -> n == INSTANCES);
            assertThat(claim(calls)).isEmpty();
            assertThat(count("workspaces WHERE NOT prebuild AND id::text = ANY ('{" + String.join(",", lost) + "}')"))
                    .isZero();
            next.stop();
        }
    }

    /** A tool that outlived its worker may write its state long after its job was taken back ({@code ZombieTest}). */
    private void lateUploadsChangeNothing(List<String> lost) {
        assertThat(lost).hasSize(INSTANCES);
        assertThat(count("states WHERE current_version > 0 AND workspace_id::text = ANY ('{" + String.join(",", lost)
                        + "}')"))
                .isOne();
    }

    private List<String> lost() {
        List<String> ids = new ArrayList<>();
        for (Row row : pool.query("SELECT workspace_id::text AS id FROM states WHERE status = 'unreliable'")
                .executeAndAwait()) {
            ids.add(row.getString("id"));
        }
        return ids;
    }

    /** The code with which it is refused; empty where it is given. */
    private static String claim(Calls calls) throws Exception {
        String answer = calls.send(
                        "POST",
                        "/api/v1/claims",
                        "{\"organization\":\"acme\",\"template\":\"module\",\"preset\":\"p\"}")
                .body();
        return MAPPER.readTree(answer).path("code").asText("");
    }

    private static Path tool(Path signals) throws Exception {
        Path tool = signals.resolve("terraform");
        Files.writeString(tool, TOOL.formatted(signals, TerraformTool.path()));
        return Files.setPosixFilePermissions(tool, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private RemoteWorker worker(String name, Server server, Path token, Path tool, Path folder) throws Exception {
        Path root = Files.createTempDirectory(folder, name);
        RemoteWorker worker = RemoteWorker.start(
                name,
                server.uri(""),
                token,
                root,
                SLOTS,
                Map.of(
                        "LARDER_BACKEND_TERRAFORM_ENABLED", "true",
                        "LARDER_BACKEND_TERRAFORM_BINARY", tool.toString(),
                        "LARDER_BACKEND_TERRAFORM_ROOT", root.toString()));
        workers.add(worker);
        return worker;
    }

    private Server server() {
        return Server.start(
                "terraform-crash",
                database,
                Map.of(
                        "LARDER_WORKER_ENABLED", "false",
                        "LARDER_WORKER_HEARTBEAT", "1s",
                        "LARDER_JANITOR_INTERVAL", "200ms",
                        "LARDER_RECONCILE_INTERVAL", "1s",
                        "LARDER_RECONCILE_BACKOFF_INTERVAL", "1s"));
    }

    private static Path workerToken(Calls calls, Path signals) throws Exception {
        JsonNode organization = calls.done("POST", "/api/v1/organizations", "{\"name\":\"acme\"}");
        JsonNode user =
                calls.done("POST", "/api/v1/organizations/acme/users", "{\"name\":\"runner\",\"role\":\"worker\"}");
        JsonNode token =
                calls.done("POST", "/api/v1/tokens", "{\"name\":\"t\",\"user\":\"runner\",\"organization\":\"acme\"}");
        return Files.writeString(signals.resolve("token"), token.path("token").asText());
    }

    private static void declare(Calls calls, Path signals) throws Exception {
        String declaration = MAPPER.writeValueAsString(Map.of(
                "backend", "terraform",
                "files", Map.of("main.tf", MODULE.replace("SIGNALS", signals.toString())),
                "presets", List.of(Map.of("name", "p", "prebuilds", Map.of("instances", INSTANCES)))));
        calls.declare("module", declaration);
    }

    private int count(String from) {
        return pool.query("SELECT count(*)::integer AS n FROM " + from)
                .executeAndAwait()
                .iterator()
                .next()
                .getInteger("n");
    }
}
