package dev.larder.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.Server;
import dev.larder.testing.TerraformTool;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Pools of buckets and queues through the real AWS provider, against a fake cloud on this machine:
 * {@code ./mvnw -q -Pcloud -Dlarder.cloud.mirror=FOLDER verify}. No part of the usual tests: a queue takes half
 * a minute.
 */
class CloudTrial {

    private static final String PROVIDER = """
            backend: terraform
            files:
              main.tf: |
                terraform {
                  required_providers {
                    aws = { source = "hashicorp/aws" }
                  }
                }
                variable "endpoint" { type = string }
                variable "larder_workspace_id" { type = string }
                variable "larder_claimed" { type = bool }
                provider "aws" {
                  region                      = "eu-central-1"
                  skip_credentials_validation = true
                  skip_metadata_api_check     = true
                  skip_requesting_account_id  = true
                  s3_use_path_style           = true
                  endpoints {
                    s3  = var.endpoint
                    sqs = var.endpoint
                  }
                }
            """;
    private static final String PRESETS = """
            startTimeout: 10m
            parameters: [{name: endpoint, default: "ENDPOINT"}]
            presets:
              - name: one
                prebuilds: {instances: INSTANCES}
            """;
    private static final String BUCKET = PROVIDER + """
                resource "aws_s3_bucket" "shop" {
                  bucket = "shop-${var.larder_workspace_id}"
                  tags   = { workspace = var.larder_workspace_id, claimed = var.larder_claimed }
                }
                output "bucket" { value = aws_s3_bucket.shop.bucket }
            """ + PRESETS;
    private static final String QUEUE = PROVIDER + """
                resource "aws_sqs_queue" "orders" {
                  name = "orders-${var.larder_workspace_id}"
                  tags = { workspace = var.larder_workspace_id, claimed = var.larder_claimed }
                }
                output "queue" { value = aws_sqs_queue.orders.name }
            """ + PRESETS;

    private final Database database = Databases.fresh();
    private final OwnerCalls calls = new OwnerCalls();
    private final List<String> claims = new ArrayList<>();
    private final String mirror = System.getProperty("larder.cloud.mirror", "");

    @BeforeEach
    void needs_the_tool_a_mirror_and_a_fake_cloud() {
        needs(isOnPath("terraform") || isOnPath("tofu"), "neither terraform nor tofu is on the path");
        needs(isOnPath("moto_server"), "moto_server is not on the path: pip install 'moto[server]'");
        needs(
                !mirror.isEmpty() && Files.isDirectory(Path.of(mirror)),
                "-Dlarder.cloud.mirror=FOLDER names no mirror of providers");
        LarderTestResource.insertOwner(database);
    }

    private static void needs(boolean there, String otherwise) {
        if (!there) {
            System.err.println("SKIPPED " + CloudTrial.class.getSimpleName() + ": " + otherwise);
        }
        assumeTrue(there, otherwise);
    }

    private static boolean isOnPath(String program) {
        return TerraformTool.onPath(program).isPresent();
    }

    @AfterEach
    void close() {
        database.close();
    }

    @Test
    void pools_of_buckets_and_queues_are_built_claimed_and_destroyed_and_the_cloud_is_empty_at_the_end()
            throws Exception {
        int port = freePort();
        Path log = Path.of("target", "cluster-moto.log").toAbsolutePath();
        Process cloud = new ProcessBuilder("moto_server", "-p", String.valueOf(port))
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        try (Server server = server()) {
            Eventually.see(() -> things(port), there -> there == 0);
            Calls owner = new Calls(server.awaitReady().port());
            declare(owner, port, 2, 1);
            awaitCount("workspaces WHERE prebuild AND ready_at IS NOT NULL", 3);
            assertThat(things(port)).isEqualTo(3);

            String bucket = claim(server, "buckets", "bucket", "shop-");
            String queue = claim(server, "queues", "queue", "orders-");
            System.out.println("claimed " + bucket + " and " + queue);
            awaitCount("workspaces WHERE prebuild AND ready_at IS NOT NULL", 3);
            findsDrift(server, port, bucket);
            replacesDriftedStock(server, port);

            declare(owner, port, 0, 0);
            claims.forEach(claim -> release(server, claim));
            awaitCount("workspaces WHERE deleted_at IS NULL", 0);
            assertThat(things(port)).as("things that are left in the cloud").isZero();
            System.out.println("the cloud is empty");
        } finally {
            cloud.destroy();
        }
    }

    /** A claimed bucket whose tags were changed behind the tool's back: found, told of, and read into the state. */
    private void findsDrift(Server server, int port, String bucket) throws IOException, InterruptedException {
        retag(port, bucket);
        String workspace = bucket.substring("shop-".length());

        JsonNode found = checked(server, workspace, "drift-checks");
        assertThat(found.path("hasDrift").asBoolean()).as(found.toString()).isTrue();
        assertThat(found.at("/resources/0/address").asText()).isEqualTo("aws_s3_bucket.shop");
        assertThat(found.at("/resources/0/paths").toString()).contains("tags").doesNotContain("behind");
        assertThat(found.path("recommended").asText()).isEqualTo("refresh");
        assertThat(count("notifications WHERE kind = 'drift_detected'")).isOne();

        assertThat(checked(server, workspace, "refreshes").path("kind").asText())
                .isEqualTo("state_refresh");
        assertThat(checked(server, workspace, "drift-checks").path("hasDrift").asBoolean())
                .isFalse();
        System.out.println("found " + found);
    }

    /** A bucket in stock that has drifted is replaced by another one. */
    private void replacesDriftedStock(Server server, int port) throws IOException, InterruptedException {
        String workspace = database.pool()
                .query("SELECT w.id::text AS id FROM workspaces w JOIN templates t ON t.id = w.template_id"
                        + " WHERE w.prebuild AND w.ready_at IS NOT NULL AND t.name = 'buckets' LIMIT 1")
                .executeAndAwait()
                .iterator()
                .next()
                .getString("id");
        retag(port, "shop-" + workspace);

        JsonNode found = checked(server, workspace, "drift-checks");
        assertThat(found.path("action").asText()).as(found.toString()).isEqualTo("replace");
        awaitCount("workspaces WHERE id = '" + workspace + "' AND deleted_at IS NOT NULL", 1);
        awaitCount("workspaces WHERE prebuild AND ready_at IS NOT NULL AND deleted_at IS NULL", 3);
        System.out.println("replaced " + workspace);
    }

    private JsonNode checked(Server server, String workspace, String how) {
        String check = calls.done(server, "POST", "/api/v1/workspaces/" + workspace + "/" + how, "")
                .text("id");
        awaitCount("jobs WHERE id = '" + check + "' AND completed_at IS NOT NULL", 1);
        JsonNode seen =
                calls.done(server, "GET", "/api/v1/drift-checks/" + check, "").body();
        assertThat(seen.path("status").asText()).as(seen.toString()).isEqualTo("succeeded");
        return calls.done(
                        server,
                        "GET",
                        "/api/v1/reconciliation-results/"
                                + seen.path("resultId").asText(),
                        "")
                .body();
    }

    private static void retag(int port, String bucket) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/" + bucket + "?tagging"))
                .header(
                        "Authorization",
                        "AWS4-HMAC-SHA256 Credential=x/20260101/eu-central-1/s3/aws4_request, SignedHeaders=host, Signature=x")
                .PUT(BodyPublishers.ofString(
                        "<Tagging><TagSet><Tag><Key>workspace</Key><Value>behind</Value></Tag></TagSet></Tagging>"))
                .build();
        HttpResponse<String> answer = HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
        assertThat(answer.statusCode()).as(answer.body()).isBetween(200, 204);
    }

    private void declare(Calls owner, int port, int buckets, int queues) throws IOException, InterruptedException {
        String endpoint = "http://127.0.0.1:" + port;
        owner.declare("buckets", of(BUCKET, endpoint, buckets));
        owner.declare("queues", of(QUEUE, endpoint, queues));
    }

    private static String of(String declaration, String endpoint, int instances) {
        return declaration.replace("ENDPOINT", endpoint).replace("INSTANCES", String.valueOf(instances));
    }

    private String claim(Server server, String template, String output, String begin) {
        JsonNode claim = calls.done(
                        server,
                        "POST",
                        "/api/v1/claims",
                        "{\"organization\":\"acme\",\"template\":\"" + template + "\",\"preset\":\"one\"}")
                .body();
        claims.add(claim.path("id").asText());
        String name = claim.at("/workspace/outputs/" + output).asText();
        assertThat(name).isEqualTo(begin + claim.at("/workspace/id").asText());
        return name;
    }

    private void release(Server server, String claim) {
        var unused = calls.done(server, "DELETE", "/api/v1/claims/" + claim, "");
    }

    private Server server() throws IOException {
        Path root = Files.createTempDirectory(
                Files.createDirectories(Path.of("target", "cluster-cloud").toAbsolutePath()), "run");
        Map<String, String> settings = new HashMap<>(Map.of(
                "LARDER_BACKEND_TERRAFORM_ENABLED", "true",
                "LARDER_BACKEND_TERRAFORM_ROOT", root.toString(),
                "LARDER_BACKEND_TERRAFORM_PROVIDER_MIRROR", mirror,
                "LARDER_BACKEND_TERRAFORM_ENVIRONMENT", "AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY",
                "AWS_ACCESS_KEY_ID", "larder-test",
                "AWS_SECRET_ACCESS_KEY", "larder-test-secret",
                "LARDER_RECONCILE_INTERVAL", "1s"));
        return Server.start("cloud", database, settings);
    }

    /** How many buckets and queues the fake cloud holds; -1 while it does not answer. */
    private static long things(int port) {
        try {
            String buckets = asked(port, "s3", "GET", "");
            String queues = asked(port, "sqs", "POST", "Action=ListQueues&Version=2012-11-05");
            return count(buckets, "<Bucket>") + count(queues, "<QueueUrl>");
        } catch (IOException notYet) {
            return -1;
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return -1;
        }
    }

    /** The fake cloud reads service and region from the signature, and does not check it. */
    private static String asked(int port, String service, String method, String form)
            throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/"))
                .header("Content-Type", "application/x-www-form-urlencoded")
                .header(
                        "Authorization",
                        "AWS4-HMAC-SHA256 Credential=x/20260101/eu-central-1/" + service
                                + "/aws4_request, SignedHeaders=host, Signature=x")
                .method(method, BodyPublishers.ofString(form))
                .build();
        HttpResponse<String> answer = HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        return answer.body();
    }

    private static long count(String text, String word) {
        return Pattern.compile(word).matcher(text).results().count();
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    private void awaitCount(String table, int wanted) {
        for (int patience = 0; ; patience++) {
            try {
                Eventually.see(() -> count(table), seen -> seen == wanted);
                return;
            } catch (AssertionError late) {
                if (patience == 10) {
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
