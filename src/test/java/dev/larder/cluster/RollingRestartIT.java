package dev.larder.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.larder.testing.Balancer;
import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.Server;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.http.HttpClient;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Two servers behind a balancer are restarted one after the other, with the stop's default delay, while clients
 * claim, wait, give back, list and follow logs: no call fails. There are 12 clients.
 * {@code -Dlarder.cluster.restarts=10} restarts each server ten times, under 32 clients.
 */
class RollingRestartIT {

    private static final int RESTARTS = Integer.getInteger("larder.cluster.restarts", 1);
    private static final int CLIENTS = RESTARTS > 1 ? 32 : 12;
    private static final String TALKATIVE = """
            backend: exec
            files:
              start.sh: |
                #!/bin/sh
                while true; do echo "still at it"; sleep 0.2; done
            presets:
              - name: one
                prebuilds: {instances: 1}
            """;

    private final Database database = Databases.fresh();
    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final ObjectMapper mapper = new ObjectMapper();
    private final Queue<String> failed = new ConcurrentLinkedQueue<>();
    private final AtomicInteger calls = new AtomicInteger();
    private final AtomicInteger held = new AtomicInteger();
    private final AtomicInteger streams = new AtomicInteger();
    private final Balancer balancer = new Balancer();
    private final Calls through = new Calls(balancer.port());

    @BeforeEach
    void letTheOwnerIn() {
        LarderTestResource.insertOwner(database);
    }

    @AfterEach
    void close() {
        balancer.close();
        database.close();
    }

    @Test
    void no_call_fails_while_servers_are_restarted_one_after_the_other() throws Exception {
        List<Server> servers = new ArrayList<>(List.of(started("rolling-a"), started("rolling-b")));
        AtomicBoolean done = new AtomicBoolean();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            servers.forEach(this::awaitBalanced);
            through.declare("talkative", TALKATIVE);
            String job = runningJob();
            through.declare("tiny", TinyTemplate.declaration(20));
            List<Future<?>> clients = IntStream.range(0, CLIENTS)
                    .<Future<?>>mapToObj(number -> threads.submit(() -> callUntil(done, number, job)))
                    .toList();

            try {
                for (int restart = 0; restart < RESTARTS; restart++) {
                    for (int which = 0; which < servers.size(); which++) {
                        String name = "rolling-" + (char) ('a' + which);
                        stopped(servers.get(which));
                        servers.set(which, started(name));
                        awaitBalanced(servers.get(which));
                    }
                }
            } finally {
                done.set(true);
            }
            for (Future<?> one : clients) {
                one.get(60, TimeUnit.SECONDS);
            }
        } finally {
            servers.forEach(Server::close);
        }
        System.out.printf(
                "rolling restart: %d calls, %d held claims, %d streams, %d failed, %d restarts%n",
                calls.get(), held.get(), streams.get(), failed.size(), RESTARTS * servers.size());
        assertThat(failed).isEmpty();
        assertThat(calls.get()).isGreaterThan(CLIENTS * RESTARTS);
        assertThat(held.get()).isPositive();
        assertThat(streams.get()).isPositive();
    }

    private Server started(String name) throws IOException {
        Map<String, String> settings = TinyTemplate.settings(name);
        settings.putAll(Map.of(
                "LARDER_BACKEND_EXEC_STOP_GRACE", "1s",
                "LARDER_WORKER_SLOTS", "4",
                "LARDER_WORKER_DRAIN", "1s"));
        // All clients are one user here.
        settings.put("LARDER_FOLLOW_USER_PERCENT", "100");
        // The default, which must be long enough.
        settings.put("LARDER_STOP_DELAY", "");
        Server server = Server.start(name, database, settings);
        balancer.add(server.port());
        return server;
    }

    private void awaitBalanced(Server server) {
        boolean ready = Eventually.see(() -> balancer.isReady(server.port()), Boolean::booleanValue);
        assertThat(ready).as(server.said()).isTrue();
    }

    private void stopped(Server server) throws Exception {
        server.stop();
        int exit = server.ends(Duration.ofSeconds(30));
        assertThat(exit).isEqualTo(128 + 15);
        assertThat(server.said().lines().filter(line -> line.contains(" WARN ") || line.contains(" ERROR ")))
                .isEmpty();
        balancer.remove(server.port());
    }

    /** Of the template that never ends. */
    private String runningJob() {
        return Eventually.see(this::jobs, jobs -> !jobs.isEmpty());
    }

    private String jobs() {
        try {
            for (JsonNode job : through.done("GET", "/api/v1/jobs", "").path("items")) {
                if (job.path("status").asText().equals("running")) {
                    return job.path("id").asText();
                }
            }
            return "";
        } catch (IOException | InterruptedException failure) {
            throw new AssertionError(failure);
        }
    }

    private Void callUntil(AtomicBoolean done, int number, String job) throws InterruptedException {
        Random random = new Random(number);
        while (!done.get()) {
            switch (random.nextInt(5)) {
                case 0, 1 -> claim("fail");
                case 2 -> claim("wait");
                case 3 -> list();
                default -> follow(job, random.nextInt(1_000, 3_000));
            }
            TimeUnit.MILLISECONDS.sleep(random.nextInt(100));
        }
        return null;
    }

    private interface Call {
        HttpResponse<String> send() throws IOException, InterruptedException;
    }

    private String expect(String what, Call call, List<Integer> statuses) throws InterruptedException {
        calls.incrementAndGet();
        try {
            HttpResponse<String> answer = call.send();
            if (!statuses.contains(answer.statusCode())) {
                failed.add(what + " " + answer.statusCode() + " " + answer.body());
            }
            return answer.body();
        } catch (IOException cut) {
            failed.add(what + " " + cut);
            return "";
        }
    }

    private void claim(String policy) throws InterruptedException {
        String body = "{\"organization\":\"acme\",\"template\":\"tiny\",\"preset\":\"one\",\"policy\":\"" + policy
                + "\"" + (policy.equals("wait") ? ",\"timeout\":\"PT30S\"}" : "}");
        held.addAndGet(policy.equals("wait") ? 1 : 0);
        String answer = expect(
                policy,
                () -> through.send("POST", "/api/v1/claims", body, "Prefer", "wait=3"),
                policy.equals("wait") ? List.of(201, 202) : List.of(201, 409));
        String claim = id(answer);
        if (!claim.isEmpty()) {
            String gone = expect("release", () -> through.send("DELETE", "/api/v1/claims/" + claim, ""), List.of(204));
        }
    }

    private String id(String body) {
        try {
            return body.isEmpty() ? "" : mapper.readTree(body).path("id").asText();
        } catch (IOException noJson) {
            return "";
        }
    }

    private void list() throws InterruptedException {
        String page = expect("list", () -> through.send("GET", "/api/v1/claims?limit=20", ""), List.of(200));
    }

    /** Follows for a while; a stream that ends before that must end in good order. */
    private void follow(String job, int millis) throws InterruptedException {
        calls.incrementAndGet();
        long until = System.nanoTime() + Duration.ofMillis(millis).toNanos();
        try {
            HttpResponse<java.io.InputStream> stream = client.send(
                    through.request("GET", "/api/v1/jobs/" + job + "/logs/events", "", "Accept", "text/event-stream"),
                    BodyHandlers.ofInputStream());
            try (BufferedReader lines =
                    new BufferedReader(new InputStreamReader(stream.body(), StandardCharsets.UTF_8))) {
                if (stream.statusCode() != 200) {
                    failed.add("stream " + stream.statusCode() + " " + lines.readLine());
                    return;
                }
                streams.incrementAndGet();
                for (String line = lines.readLine(); line != null && System.nanoTime() < until; ) {
                    line = lines.readLine();
                }
            }
        } catch (IOException cut) {
            failed.add("stream " + cut);
        }
    }
}
