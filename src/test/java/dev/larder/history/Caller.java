package dev.larder.history;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.larder.history.Answer.Seen;
import dev.larder.history.Line.Reply;
import dev.larder.testing.CanIgnoreReturnValue;
import java.io.IOException;
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

    private static Reply send(Line line, Member member, Call call) throws IOException {
        Map<String, String> headers = new HashMap<>();
        headers.put("Authorization", "Bearer " + member.token());
        return switch (call) {
            case Call.Claim(var key, var request) -> {
                headers.put("Content-Type", "application/json");
                if (key != null) {
                    headers.put("Idempotency-Key", key);
                }
                yield line.send("POST", "/api/v1/claims", headers, body(request));
            }
            case Call.Look(var claim) -> line.send("GET", "/api/v1/claims/" + claim, headers, "");
            case Call.Release(var claim) -> line.send("DELETE", "/api/v1/claims/" + claim, headers, "");
            case Call.Invalidate(var preset) ->
                line.send("POST", "/api/v1/presets/" + preset + "/invalidate", headers, "");
        };
    }

    private static String body(Call.Request request) {
        return MAPPER.createObjectNode()
                .put("template", Load.TEMPLATE)
                .put("preset", request.preset())
                .put("policy", request.policy())
                .toString();
    }

    private static Answer answer(Call call, Reply reply) throws JsonProcessingException {
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

    private static List<Seen> seen(JsonNode body) {
        if (!body.has("items")) {
            return List.of(seenOne(body));
        }
        return StreamSupport.stream(body.get("items").spliterator(), false)
                .map(Caller::seenOne)
                .toList();
    }

    private static Seen seenOne(JsonNode claim) {
        JsonNode workspace = claim.path("workspace");
        return new Seen(
                UUID.fromString(claim.path("id").asText()),
                claim.path("status").asText(),
                claim.path("path").asText(),
                id(workspace.path("id")),
                workspace.path("status").asText(),
                id(workspace.path("outputs").path("workspace")));
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
