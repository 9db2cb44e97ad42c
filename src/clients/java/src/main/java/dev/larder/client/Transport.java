package dev.larder.client;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.larder.client.LarderException.Details;
import dev.larder.client.LarderException.Violation;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/** HTTP with retries. Every call that goes through here may be sent twice without harm. */
final class Transport {

    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final Duration CONNECT = Duration.ofSeconds(10);
    private static final Duration ANSWER = Duration.ofSeconds(30);
    private static final Duration FIRST_PAUSE = Duration.ofMillis(100);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(5);
    private static final Set<Integer> PASSING = Set.of(502, 503, 504);
    private static final Set<String> NO_STOCK =
            Set.of("no_claimable_workspace", "creation_stopped", "connections_full", "verification_failed");
    private static final Set<String> ENDED =
            Set.of("claim_ended", "claim_not_found", "expired", "workspace_deleted", "generation_mismatch");

    private final HttpClient http = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(CONNECT)
            .build();
    private final URI server;
    private final String authorization;
    private final Duration retry;

    Transport(URI server, String token, Duration retry) {
        this.server = server;
        this.authorization = "Bearer " + token;
        this.retry = retry;
    }

    /**
     * One call.
     *
     * @param body empty where the call has none
     * @param hold how long the server may hold it
     */
    record Call(String method, String path, Optional<String> body, Map<String, String> headers, Duration hold) {

        static Call of(String method, String path) {
            return new Call(method, path, Optional.empty(), Map.of(), Duration.ZERO);
        }

        static Call post(String path, String body) {
            return new Call("POST", path, Optional.of(body), Map.of(), Duration.ZERO);
        }

        Call with(Map<String, String> more) {
            return new Call(method, path, body, more, hold);
        }

        Call held(Duration time) {
            return new Call(method, path, body, headers, time);
        }
    }

    URI server() {
        return server;
    }

    JsonNode send(Call call) {
        return send(call, retry);
    }

    /**
     * Sends the call, and sends it again while the connection is lost or the server asks for patience. Throws what
     * the answer stands for.
     *
     * @param patience for how long it is sent again
     */
    JsonNode send(Call call, Duration patience) {
        long giveUp = 0;
        Duration longest = FIRST_PAUSE;
        while (true) {
            LarderException failure;
            try {
                HttpResponse<byte[]> answer = http.send(request(call), BodyHandlers.ofByteArray());
                JsonNode body = json(answer.body());
                if (answer.statusCode() < 300) {
                    return body;
                }
                failure = failure(answer, body);
                // The outputs of that workspace are lost, and its claim has ended: the same key finds no other one.
                if (!PASSING.contains(answer.statusCode()) || failure.code().equals("workspace_unreadable")) {
                    throw failure;
                }
            } catch (IOException lost) {
                failure = unreachable(lost);
            } catch (InterruptedException interrupted) {
                throw interrupted(interrupted);
            }
            long now = System.nanoTime();
            giveUp = giveUp == 0 ? now + patience.toNanos() : giveUp;
            Duration pause = pause(longest, failure.retryAfter());
            if (now + pause.toNanos() - giveUp > 0) {
                throw failure;
            }
            sleep(pause);
            longest = min(longest.multipliedBy(2), LONGEST_PAUSE);
        }
    }

    private HttpRequest request(Call call) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(server + call.path()))
                .timeout(call.hold().plus(ANSWER))
                .header("Authorization", authorization)
                .header("Accept", "application/json")
                .method(call.method(), call.body().map(BodyPublishers::ofString).orElse(BodyPublishers.noBody()));
        call.headers().forEach(request::header);
        call.body().ifPresent(unused -> request.header("Content-Type", "application/json"));
        return request.build();
    }

    private static JsonNode json(byte[] body) {
        try {
            return MAPPER.readTree(body);
        } catch (IOException page) {
            // A proxy may answer with a page.
            return MAPPER.createObjectNode();
        }
    }

    private LarderException unreachable(IOException lost) {
        String detail = "%s cannot be reached: %s".formatted(server, lost);
        LarderException failure = new LarderException.Unavailable("unreachable", detail, Details.NONE);
        failure.initCause(lost);
        return failure;
    }

    private static LarderException interrupted(InterruptedException interrupted) {
        Thread.currentThread().interrupt();
        LarderException failure =
                new LarderException.Unavailable("interrupted", "The thread was interrupted.", Details.NONE);
        failure.initCause(interrupted);
        return failure;
    }

    private static LarderException failure(HttpResponse<?> answer, JsonNode body) {
        int status = answer.statusCode();
        String code = body.path("code").asText("http_" + status);
        String detail = body.path("detail").asText("The server gave no reason.");
        List<Violation> violations = new ArrayList<>();
        body.path("errors").forEach(one -> violations.add(violation(one)));
        Optional<Duration> retryAfter = answer.headers()
                .firstValue("Retry-After")
                .filter(seconds -> seconds.matches("[0-9]{1,9}"))
                .map(seconds -> Duration.ofSeconds(Long.parseLong(seconds)));
        Details details = new Details(OptionalInt.of(status), List.copyOf(violations), retryAfter);
        if (status == 401) {
            return new LarderException.Unauthorized(code, detail, details);
        }
        if (NO_STOCK.contains(code)) {
            return new LarderException.NoStock(code, detail, details);
        }
        if (ENDED.contains(code)) {
            return new LarderException.LeaseLost(code, detail, details);
        }
        return status >= 500 || status == 429
                ? new LarderException.Unavailable(code, detail, details)
                : new LarderException.Refused(code, detail, details);
    }

    private static Violation violation(JsonNode one) {
        return new Violation(
                one.path("code").asText(),
                one.path("field").asText(),
                one.path("detail").asText());
    }

    private static Duration pause(Duration longest, Optional<Duration> retryAfter) {
        long nanos = longest.toNanos();
        Duration own = Duration.ofNanos(ThreadLocalRandom.current().nextLong(nanos / 2, nanos + 1));
        Duration wanted = retryAfter.filter(asked -> asked.compareTo(own) > 0).orElse(own);
        return min(wanted, LONGEST_PAUSE);
    }

    static Duration min(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? one : other;
    }

    static void sleep(Duration time) {
        try {
            Thread.sleep(time.toMillis());
        } catch (InterruptedException interrupted) {
            throw interrupted(interrupted);
        }
    }
}
