package dev.larder.history;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.history.Answer.Seen;
import dev.larder.history.Line.Reply;
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

/** Turns calls into requests and replies into answers, over one connection to each server. For one thread. */
final class Caller implements AutoCloseable {

    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** How long a call may hold for a claim that waits: 0 or 1. */
    private static final int HOLD_SECONDS = 2;

    private final Fleet fleet;
    private final Recorder recorder;
    private final Random random;
    private final Map<Integer, Line> lines = new HashMap<>();

    Caller(Fleet fleet, Recorder recorder, Random random) {
        this.fleet = fleet;
        this.recorder = recorder;
        this.random = random;
    }

    /** @param token opens what the user may do */
    record Member(int client, UUID user, String token) {}

    /** Calls whichever server is there, and records it; empty where none takes a connection: nothing was asked then. */
    @CanIgnoreReturnValue
    Optional<Event> call(Member member, Call call) {
        Line line = line();
        if (line == null) {
            return Optional.empty();
        }
        long called = recorder.now();
        Answer answer;
        try {
            answer = answer(call, send(line, member, call));
        } catch (IOException broken) {
            lines.values().remove(line);
            line.close();
            answer = new Answer.Unknown(broken.getClass().getSimpleName());
        }
        Event event = new Event(member.client(), member.user(), call, answer, called, recorder.now());
        recorder.record(event);
        return Optional.of(event);
    }

    private @Nullable Line line() {
        int first = random.nextInt(fleet.size());
        for (int turn = 0; turn < fleet.size(); turn++) {
            int slot = (first + turn) % fleet.size();
            int port = fleet.port(slot);
            Line open = lines.get(slot);
            if (open != null && open.port() == port) {
                return open;
            }
            if (open != null) {
                lines.remove(slot);
                open.close();
            }
            if (port != 0) {
                try {
                    Line line = Line.to(port);
                    lines.put(slot, line);
                    return line;
                } catch (IOException justKilled) {
                    // The next one is asked instead.
                }
            }
        }
        return null;
    }

    private Reply send(Line line, Member member, Call call) throws IOException {
        Map<String, String> headers = new HashMap<>();
        headers.put("Authorization", "Bearer " + member.token());
        return switch (call) {
            case Call.Claim(var key, var request) -> {
                headers.put("Content-Type", "application/json");
                if (key != null) {
                    headers.put("Idempotency-Key", key);
                }
                if (request.waits()) {
                    headers.put("Prefer", "wait=" + random.nextInt(HOLD_SECONDS));
                }
                yield line.send("POST", "/api/v1/claims", headers, body(request));
            }
            case Call.Look(var claim) -> line.send("GET", "/api/v1/claims/" + claim, headers, "");
            case Call.Renew(var claim, var ttlSeconds, var generation) -> {
                headers.put("Content-Type", "application/json");
                ifMatch(headers, generation);
                String ttl = MAPPER.createObjectNode()
                        .put("ttl", seconds(ttlSeconds))
                        .toString();
                yield line.send("POST", "/api/v1/claims/" + claim + "/renew", headers, ttl);
            }
            case Call.Release(var claim, var generation) -> {
                ifMatch(headers, generation);
                yield line.send("DELETE", "/api/v1/claims/" + claim, headers, "");
            }
            case Call.Invalidate(var preset) ->
                line.send("POST", "/api/v1/presets/" + preset + "/invalidate", headers, "");
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

    private static String body(Call.Request request) {
        ObjectNode body =
                MAPPER.createObjectNode().put("template", Load.TEMPLATE).put("policy", request.policy());
        if (request.presets().size() == 1) {
            body.put("preset", request.presets().getFirst());
        } else {
            request.presets().forEach(body.putArray("presets")::add);
        }
        if (request.count() > 1) {
            body.put("count", request.count()).put("atLeast", request.atLeast());
        }
        if (request.ttlSeconds() > 0) {
            body.put("ttl", seconds(request.ttlSeconds()));
        }
        if (request.timeoutSeconds() > 0) {
            body.put("timeout", seconds(request.timeoutSeconds()));
        }
        return body.toString();
    }

    private Answer answer(Call call, Reply reply) throws JsonProcessingException {
        // What the server cannot say for certain it may have done all the same.
        if (reply.status() == 503) {
            return new Answer.Unknown("503 " + code(reply));
        }
        if (reply.status() >= 300) {
            return new Answer.Refused(reply.status(), code(reply));
        }
        if (reply.status() == 204 || call instanceof Call.Invalidate) {
            return new Answer.Done();
        }
        boolean replayed = "true".equals(reply.headers().get("idempotency-replayed"));
        return new Answer.Shown(seen(MAPPER.readTree(reply.body())), replayed);
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
                        : Tables.NEVER);
    }

    private static @Nullable UUID id(JsonNode node) {
        return node.isTextual() ? UUID.fromString(node.asText()) : null;
    }

    @Override
    public void close() {
        new ArrayList<>(lines.values()).forEach(Line::close);
        lines.clear();
    }
}
