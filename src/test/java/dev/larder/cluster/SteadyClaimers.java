package dev.larder.cluster;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;

/**
 * Clients that claim a workspace of one preset again and again, each in its own time, and give it back at once. A call
 * that a dead server does not answer is repeated under its key.
 */
final class SteadyClaimers implements AutoCloseable {

    private final ObjectMapper mapper = new ObjectMapper();
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final List<Future<?>> clients = new ArrayList<>();
    private final Queue<UUID> given = new ConcurrentLinkedQueue<>();
    private final Queue<String> unexpected = new ConcurrentLinkedQueue<>();
    private final AtomicInteger misses = new AtomicInteger();
    private final AtomicInteger keys = new AtomicInteger();
    private final IntSupplier port;
    private final String body;
    private final Duration between;
    private volatile boolean over;

    /**
     * Begins at once.
     *
     * @param port of a server, asked for before each call
     * @param between two claims of one client
     */
    SteadyClaimers(IntSupplier port, String body, int count, Duration between) {
        this.port = port;
        this.body = body;
        this.between = between;
        for (int client = 0; client < count; client++) {
            clients.add(threads.submit(this::claimUntilOver));
        }
    }

    private Void claimUntilOver() throws Exception {
        while (!over) {
            String key = "steady-" + keys.incrementAndGet();
            while (!answered(key)) {
                TimeUnit.MILLISECONDS.sleep(50);
            }
            TimeUnit.MILLISECONDS.sleep(between.toMillis());
        }
        return null;
    }

    private boolean answered(String key) throws InterruptedException {
        try {
            HttpResponse<String> answer =
                    new Calls(port.getAsInt()).send("POST", "/api/v1/claims", body, "Idempotency-Key", key);
            switch (answer.statusCode()) {
                case 201 -> give(mapper.readTree(answer.body()));
                case 503 -> {
                    return false;
                }
                default -> miss(answer);
            }
            return true;
        } catch (IOException serverGone) {
            return false;
        }
    }

    private void give(JsonNode claim) throws InterruptedException {
        given.add(UUID.fromString(claim.at("/workspace/id").asText()));
        String path = "/api/v1/claims/" + claim.path("id").asText();
        boolean released = false;
        while (!released) {
            try {
                released = new Calls(port.getAsInt()).send("DELETE", path, "").statusCode() != 503;
            } catch (IOException serverGone) {
                TimeUnit.MILLISECONDS.sleep(50);
            }
        }
    }

    private void miss(HttpResponse<String> answer) {
        if (answer.statusCode() == 409
                && (answer.body().contains("no_claimable_workspace")
                        || answer.body().contains("creation_stopped"))) {
            misses.incrementAndGet();
        } else {
            unexpected.add(answer.statusCode() + " " + answer.body());
        }
    }

    /** The workspaces that were given, in the order of the answers. */
    List<UUID> given() {
        return List.copyOf(given);
    }

    /** How many claims found no workspace in stock. */
    int misses() {
        return misses.get();
    }

    /** Answers that no rule allows. */
    List<String> unexpected() {
        return List.copyOf(unexpected);
    }

    /** Returns when each call is answered. */
    void end() throws Exception {
        over = true;
        for (Future<?> client : clients) {
            var ended = client.get(60, TimeUnit.SECONDS);
        }
    }

    @Override
    public void close() {
        over = true;
        threads.shutdownNow();
    }
}
