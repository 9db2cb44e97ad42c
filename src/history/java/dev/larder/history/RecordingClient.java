package dev.larder.history;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.history.HttpConnection.Reply;
import dev.larder.history.Response.Seen;
import dev.larder.testing.CanIgnoreReturnValue;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * Sends requests and records each with its response as an operation, over one connection to each server. Not thread
 * safe.
 */
final class RecordingClient implements AutoCloseable {

    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** How long a call may hold for a claim that waits: 0 or 1. */
    private static final int HOLD_SECONDS = 2;

    private final Cluster cluster;
    private final Recorder recorder;
    private final Random random;
    private final Map<Integer, HttpConnection> lines = new HashMap<>();

    RecordingClient(Cluster cluster, Recorder recorder, Random random) {
        this.cluster = cluster;
        this.recorder = recorder;
        this.random = random;
    }

    /** @param token opens what the user may do */
    record Member(int client, UUID user, String token) {}

    /** Calls whichever server is there, and records it; empty where none takes a connection: nothing was asked then. */
    @CanIgnoreReturnValue
    Optional<Operation> call(Member member, Request call) {
        HttpConnection line = line();
        if (line == null) {
            return Optional.empty();
        }
        long called = recorder.now();
        Response answer;
        try {
            answer = answer(call, send(line, member, call));
        } catch (IOException broken) {
            lines.values().remove(line);
            line.close();
            answer = new Response.Unknown(broken.getClass().getSimpleName());
        }
        Operation operation = new Operation(member.client(), member.user(), call, answer, called, recorder.now());
        recorder.record(operation);
        return Optional.of(operation);
    }

    private @Nullable HttpConnection line() {
        int first = random.nextInt(cluster.size());
        for (int turn = 0; turn < cluster.size(); turn++) {
            int slot = (first + turn) % cluster.size();
            int port = cluster.port(slot);
            HttpConnection open = lines.get(slot);
            if (open != null && open.port() == port) {
                return open;
            }
            if (open != null) {
                lines.remove(slot);
                open.close();
            }
            if (port != 0) {
                try {
                    HttpConnection line = HttpConnection.to(port);
                    lines.put(slot, line);
                    return line;
                } catch (IOException justKilled) {
                    // The next one is asked instead.
                }
            }
        }
        return null;
    }

    private Reply send(HttpConnection line, Member member, Request call) throws IOException {
        Map<String, String> headers = new HashMap<>();
        headers.put("Authorization", "Bearer " + member.token());
        return switch (call) {
            case Request.Claim(var key, var body) -> {
                headers.put("Content-Type", "application/json");
                if (key != null) {
                    headers.put("Idempotency-Key", key);
                }
                if (body.waits()) {
                    headers.put("Prefer", "wait=" + random.nextInt(HOLD_SECONDS));
                }
                yield line.send("POST", "/api/v1/claims", headers, json(body));
            }
            case Request.Read(var claim) -> line.send("GET", "/api/v1/claims/" + claim, headers, "");
            case Request.Renew(var claim, var ttlSeconds, var generation) -> {
                headers.put("Content-Type", "application/json");
                ifMatch(headers, generation);
                String ttl = MAPPER.createObjectNode()
                        .put("ttl", seconds(ttlSeconds))
                        .toString();
                yield line.send("POST", "/api/v1/claims/" + claim + "/renew", headers, ttl);
            }
            case Request.Release(var claim, var generation) -> {
                ifMatch(headers, generation);
                yield line.send("DELETE", "/api/v1/claims/" + claim, headers, "");
            }
            case Request.Invalidate(var preset, var immediately) ->
                line.send("POST", "/api/v1/presets/" + preset + "/invalidate?immediately=" + immediately, headers, "");
            case Request.Declare(var version) -> {
                headers.put("Content-Type", "application/yaml");
                yield line.send("PUT", "/api/v1/organizations/acme/templates/" + Load.TEMPLATE, headers, version);
            }
            case Request.RollBack(var rollout) ->
                line.send("POST", "/api/v1/rollouts/" + rollout + "/rollback", headers, "");
        };
    }

    private static void ifMatch(Map<String, String> headers, @Nullable Integer generation) {
        if (generation != null) {
            headers.put("If-Match", "\"" + generation + "\"");
        }
    }

    private static String seconds(int seconds) {
        return "PT" + seconds + "S";
    }

    private static String json(Request.ClaimBody body) {
        ObjectNode json = MAPPER.createObjectNode().put("policy", body.policy());
        if (body.byId()) {
            json.put("presetId", body.presets().getFirst());
        } else if (body.presets().size() == 1) {
            json.put("template", Load.TEMPLATE).put("preset", body.presets().getFirst());
        } else {
            body.presets().forEach(json.put("template", Load.TEMPLATE).putArray("presets")::add);
        }
        if (body.count() > 1) {
            json.put("count", body.count()).put("atLeast", body.atLeast());
        }
        if (body.ttlSeconds() > 0) {
            json.put("ttl", seconds(body.ttlSeconds()));
        }
        if (body.timeoutSeconds() > 0) {
            json.put("timeout", seconds(body.timeoutSeconds()));
        }
        return json.toString();
    }

    private Response answer(Request call, Reply reply) throws JsonProcessingException {
        // What the server cannot say for certain it may have done all the same.
        if (reply.status() == 503) {
            return new Response.Unknown("503 " + code(reply));
        }
        if (reply.status() >= 300) {
            return new Response.Refused(reply.status(), code(reply));
        }
        if (reply.status() == 204 || call.administers()) {
            return new Response.Done();
        }
        boolean replayed = "true".equals(reply.headers().get("idempotency-replayed"));
        return new Response.Shown(seen(MAPPER.readTree(reply.body())), replayed);
    }

    private static String code(Reply reply) throws JsonProcessingException {
        return MAPPER.readTree(reply.body()).path("code").asText();
    }

    private List<Seen> seen(JsonNode body) {
        if (!body.has("items")) {
            return List.of(seenOne(body));
        }
        return StreamSupport.stream(body.get("items").spliterator(), false)
                .map(this::seenOne)
                .toList();
    }

    private Seen seenOne(JsonNode claim) {
        JsonNode workspace = claim.path("workspace");
        return new Seen(
                UUID.fromString(claim.path("id").asText()),
                claim.path("status").asText(),
                claim.path("path").asText(),
                id(workspace.path("id")),
                workspace.path("status").asText(),
                id(workspace.path("outputs").path("workspace")),
                claim.path("generation").isInt() ? claim.path("generation").asInt() : null,
                claim.path("expiresAt").isTextual()
                        ? recorder.at(Instant.parse(claim.path("expiresAt").asText()))
                        : FinalState.NEVER);
    }

    private static @Nullable UUID id(JsonNode node) {
        return node.isTextual() ? UUID.fromString(node.asText()) : null;
    }

    @Override
    public void close() {
        new ArrayList<>(lines.values()).forEach(HttpConnection::close);
        lines.clear();
    }
}
