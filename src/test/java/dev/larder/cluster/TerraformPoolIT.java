package dev.larder.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.NeedsTerraform;
import dev.larder.testing.Planted;
import dev.larder.testing.RemoteWorker;
import dev.larder.testing.Server;
import dev.larder.testing.Signals;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** S10 of the rules for infrastructure state: a pool behind a real {@code terraform} or {@code tofu}. */
@NeedsTerraform
class TerraformPoolIT {

    /** A delete stays below a folder of the test: each resource of the module has a file there while it exists. */
    private static final String DECLARATION = """
            backend: terraform
            files:
              main.tf: |
                variable "larder_workspace_id" {}
                variable "larder_owner" {}
                variable "larder_claimed" { type = bool }
                variable "labels" { type = map(string) }
                variable "pause" { default = "" }
                resource "terraform_data" "thing" {
                  input            = "FOLDER/${var.larder_workspace_id}"
                  triggers_replace = [var.larder_claimed]
                  provisioner "local-exec" { command = "touch ${self.input}" }
                  provisioner "local-exec" {
                    when    = destroy
                    command = "rm -f ${self.input}"
                  }
                }
                resource "terraform_data" "waits" {
                  depends_on = [terraform_data.thing]
                  provisioner "local-exec" { command = "if [ -e FOLDER/pause ]; then touch FOLDER/paused; exec sleep 113; fi" }
                }
                output "thing" { value = terraform_data.thing.output }
                output "owner" { value = var.larder_claimed ? var.larder_owner : "stock" }
                output "zone" { value = var.labels.zone }
                output "password" {
                  value     = "sword-${var.labels.zone}"
                  sensitive = true
                }
                variable "secret" {
                  type      = string
                  sensitive = true
                }
                output "secret" {
                  value     = var.secret
                  sensitive = true
                }
            startTimeout: 2m
            parameters:
              - {name: labels, type: map, default: {zone: eu}}
              - {name: secret, type: string, sensitive: true, default: SECRET}
            presets:
              - name: one
                prebuilds: {instances: INSTANCES}
            """.replace("SECRET", Planted.SECRET);

    private static final String CLAIM = "{\"organization\":\"acme\",\"template\":\"module\",\"preset\":\"one\"}";

    private final Database database = Databases.fresh();
    private final OwnerCalls calls = new OwnerCalls();

    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @BeforeEach
    void let_the_owner_in() throws Exception {
        LarderTestResource.insertOwner(database);
        folder = Files.createTempDirectory(
                Files.createDirectories(Path.of("target", "cluster-terraform").toAbsolutePath()), "run");
    }

    @AfterEach
    void close() {
        database.close();
    }

    @Test
    void a_pool_fills_by_apply_and_a_claim_is_applied_and_a_release_destroys() {
        try (Server server = server("terraform-pool", true)) {
            declare(server, 2);
            awaitCount("workspaces WHERE prebuild AND ready_at IS NOT NULL", 2);
            assertThat(count("states WHERE status = 'reliable' AND current_version > 0"))
                    .isEqualTo(2);
            assertThat(things()).isEqualTo(2);

            JsonNode claim = calls.done(server, "POST", "/api/v1/claims", CLAIM).body();
            String workspace = claim.at("/workspace/id").asText();
            JsonNode claimed = Eventually.see(
                    () -> calls.done(
                                    server,
                                    "GET",
                                    "/api/v1/claims/" + claim.path("id").asText(),
                                    "")
                            .body(),
                    seen -> !seen.at("/workspace/outputs/owner").asText().equals("stock"));

            assertThat(claimed.at("/workspace/outputs/zone").asText()).isEqualTo("eu");
            assertThat(claimed.at("/workspace/outputs/password").asText()).isEqualTo("sword-eu");
            assertThat(claimed.at("/workspace/outputs/owner").asText()).isNotEqualTo("stock");
            assertThat(count("notifications WHERE kind = 'resources_replaced'")).isEqualTo(1);
            assertThat(count("job_logs WHERE line LIKE '%sword-eu%'")).isZero();

            assertThat(stagedAndApplied(server, workspace)).isEqualTo("applied");

            var released = calls.done(
                    server, "DELETE", "/api/v1/claims/" + claim.path("id").asText(), "");

            awaitCount("workspaces WHERE id = '" + workspace + "' AND deleted_at IS NOT NULL", 1);
            assertThat(count("states WHERE workspace_id = '" + workspace + "' AND status = 'tombstoned'"))
                    .isEqualTo(1);
            assertThat(Files.exists(folder.resolve(workspace))).isFalse();
            declare(server, 0);
            awaitCount("workspaces WHERE deleted_at IS NULL", 0);
            assertThat(things()).isZero();
            assertThat(count("state_mutations WHERE ended_at IS NULL")).isZero();
        }
    }

    @Test
    void a_worker_that_is_killed_in_an_apply_leaves_a_workspace_that_is_never_handed_out_and_is_replaced()
            throws Exception {
        Files.createFile(folder.resolve("pause"));
        try (Server server = server("terraform-kill", false)) {
            RemoteWorker first = worker(server, "terraform-first");
            declare(server, 1);
            Eventually.see(() -> Files.exists(folder.resolve("paused")), there -> there);
            String workspace = database.pool()
                    .query("SELECT id FROM workspaces")
                    .executeAndAwait()
                    .iterator()
                    .next()
                    .getUUID("id")
                    .toString();

            first.kill();
            Files.delete(folder.resolve("pause"));
            awaitCount(
                    "states WHERE workspace_id = '" + workspace
                            + "' AND status = 'unreliable' AND status_reason = 'worker_lost'",
                    1);
            assertThat(count("workspaces WHERE id = '" + workspace + "' AND state_status = 'unreliable'"))
                    .isEqualTo(1);
            assertThat(calls.send(server, "POST", "/api/v1/claims", CLAIM).status())
                    .isEqualTo(409);

            try (RemoteWorker second = worker(server, "terraform-second")) {
                awaitCount(
                        "workspaces WHERE id <> '" + workspace + "' AND prebuild AND ready_at IS NOT NULL"
                                + " AND deleted_at IS NULL AND state_status = 'reliable'",
                        1);
                // The janitor deletes a workspace whose build failed a minute later.
                awaitCount("workspaces WHERE id = '" + workspace + "' AND deletion_wanted_at IS NOT NULL", 1);
                assertThat(second.said()).doesNotContain("ERROR");
            }
        }
    }

    @Test
    void a_server_that_stops_in_an_apply_makes_no_state_unreliable() throws Exception {
        Files.createFile(folder.resolve("pause"));
        try (Server server = server("terraform-stop", true)) {
            declare(server, 1);
            Eventually.see(() -> Files.exists(folder.resolve("paused")), there -> there);

            server.stop();

            assertThat(server.ends(Duration.ofSeconds(60))).as(server.said()).isIn(0, 143);
        }
        assertThat(count("states WHERE status IN ('reliable', 'new')")).isEqualTo(1);
        assertThat(count("jobs WHERE status = 'pending'")).isEqualTo(1);
        assertThat(Signals.runningIn(folder.resolve("root").toString())).isEmpty();

        Files.delete(folder.resolve("pause"));
        try (Server next = server("terraform-next", true)) {
            next.awaitReady();
            awaitCount("workspaces WHERE prebuild AND ready_at IS NOT NULL AND state_status = 'reliable'", 1);
        }
    }

    private Server server(String name, boolean works) {
        Map<String, String> settings = new HashMap<>(Map.of(
                "LARDER_WORKER_ENABLED",
                String.valueOf(works),
                "LARDER_BACKEND_TERRAFORM_ENABLED",
                String.valueOf(works),
                "LARDER_BACKEND_TERRAFORM_ROOT",
                folder.resolve("root").toString(),
                "LARDER_WORKER_HEARTBEAT",
                "1s",
                "LARDER_JANITOR_INTERVAL",
                "200ms",
                "LARDER_RECONCILE_INTERVAL",
                "1s",
                "LARDER_RECONCILE_BACKOFF_INTERVAL",
                "1s"));
        return Server.start(name, database, settings);
    }

    private RemoteWorker worker(Server server, String name) throws Exception {
        Path token = folder.resolve("token");
        if (!Files.exists(token)) {
            server.awaitReady();
            var user = calls.done(server, "POST", "/api/v1/users", "{\"name\":\"lab\",\"role\":\"worker\"}");
            Files.writeString(
                    token,
                    calls.done(server, "POST", "/api/v1/tokens", "{\"name\":\"lab\",\"user\":\"lab\"}")
                            .text("token"));
        }
        return RemoteWorker.start(
                name,
                URI.create("http://127.0.0.1:" + server.port()),
                token,
                folder.resolve(name),
                2,
                Map.of(
                        "LARDER_BACKEND_TERRAFORM_ENABLED",
                        "true",
                        "LARDER_BACKEND_TERRAFORM_ROOT",
                        folder.resolve(name + "-modules").toString()));
    }

    /** The status at which a changeset of the workspace comes to rest. */
    private String stagedAndApplied(Server server, String workspace) {
        String changeset = "/api/v1/changesets/"
                + calls.done(server, "POST", "/api/v1/workspaces/" + workspace + "/changesets", "")
                        .body()
                        .path("id")
                        .asText();
        String staged = Eventually.see(() -> status(server, changeset), status -> !status.equals("staging"));
        assertThat(staged).isEqualTo("staged");
        assertThat(calls.done(server, "POST", changeset + "/apply", "")
                        .body()
                        .path("status")
                        .asText())
                .isEqualTo("applying");
        return Eventually.see(() -> status(server, changeset), status -> !status.equals("applying"));
    }

    private String status(Server server, String changeset) {
        return calls.done(server, "GET", changeset, "").body().path("status").asText();
    }

    private void declare(Server server, int instances) {
        try {
            new Calls(server.awaitReady().port())
                    .declare(
                            "module",
                            DECLARATION
                                    .replace("FOLDER", folder.toString())
                                    .replace("INSTANCES", String.valueOf(instances)));
        } catch (java.io.IOException | InterruptedException failed) {
            throw new AssertionError(failed);
        }
    }

    private long things() {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.getFileName().toString().length() == 36)
                    .count();
        } catch (java.io.IOException failed) {
            throw new AssertionError(failed);
        }
    }

    private void awaitCount(String table, int wanted) {
        for (int patience = 0; ; patience++) {
            try {
                Eventually.see(() -> count(table), seen -> seen == wanted);
                return;
            } catch (AssertionError late) {
                if (patience == 2) {
                    throw new AssertionError(late.getMessage() + ": " + table, late);
                }
            }
        }
    }

    private int count(String table) {
        return database.pool()
                .query("SELECT count(*)::integer AS n FROM " + table)
                .executeAndAwait()
                .iterator()
                .next()
                .getInteger("n");
    }
}
