package dev.larder.recorded;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.larder.recorded.Call.Option;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Sends calls to one server, with the tokens and the variables that earlier answers gave. */
final class Session {

    /** The caller that sends no token. */
    static final String ANONYMOUS = "nobody";

    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final Duration REPEATED_AT_MOST = Duration.ofSeconds(30);
    private static final Pattern VARIABLE = Pattern.compile("<([a-zA-Z0-9]+)(?:\\*(\\d+))?>");

    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final Map<String, String> tokens = new HashMap<>();
    private final Map<String, String> variables = new HashMap<>();
    private final String base;

    Session(String base, String ownerToken) {
        this.base = base;
        tokens.put("owner", ownerToken);
        tokens.put("intruder", "larder_unknown");
        variables.put(
                "nextYear",
                InstantSource.system().instant().plus(Duration.ofDays(365)).toString());
    }

    /** The last answer, where the call is to be repeated. */
    HttpResponse<String> send(Call call) {
        long end = System.nanoTime() + REPEATED_AT_MOST.toNanos();
        HttpResponse<String> answer = sendOnce(call);
        while (!isAsWanted(call, answer)) {
            if (System.nanoTime() > end) {
                throw new AssertionError(call.name() + " is never so: " + call.options("until") + " " + answer.body());
            }
            LockSupport.parkNanos(Duration.ofMillis(20).toNanos());
            answer = sendOnce(call);
        }
        JsonNode body = call.shown(answer);
        call.options("keep").forEach(keep -> variables.put(keep.left(), value(call, body, keep)));
        call.options("token").forEach(token -> tokens.put(token.left(), value(call, body, token)));
        return answer;
    }

    private static boolean isAsWanted(Call call, HttpResponse<String> answer) {
        JsonNode body = call.shown(answer);
        return call.options("until").stream()
                .allMatch(until -> body.at(until.left()).asText().equals(until.right()));
    }

    private static String value(Call call, JsonNode body, Option option) {
        String value = body.at(option.right()).asText();
        if (value.isEmpty()) {
            throw new AssertionError(call.name() + " has no " + option.right() + ": " + body);
        }
        return value;
    }

    private HttpResponse<String> sendOnce(Call call) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(base + resolved(call.path())))
                .timeout(Duration.ofSeconds(30))
                .method(
                        call.method(),
                        call.body()
                                .map(body -> BodyPublishers.ofString(resolved(body)))
                                .orElse(BodyPublishers.noBody()));
        if (call.body().isPresent()) {
            request.setHeader("Content-Type", "application/json");
        }
        if (!call.caller().equals(ANONYMOUS)) {
            request.setHeader("Authorization", "Bearer " + known(tokens, call.caller()));
        }
        call.headers().forEach((name, value) -> request.setHeader(name, resolved(value)));
        try {
            return client.send(request.build(), BodyHandlers.ofString());
        } catch (IOException failed) {
            throw new UncheckedIOException(call.toString(), failed);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(interrupted);
        }
    }

    /** A text with its variables replaced by their values. */
    String resolved(String text) {
        return VARIABLE.matcher(text)
                .replaceAll(found -> Matcher.quoteReplacement(replacement(found.group(1), found.group(2))));
    }

    private String replacement(String name, String times) {
        return times == null ? known(variables, name) : name.repeat(Integer.parseInt(times));
    }

    private static String known(Map<String, String> values, String name) {
        return Stream.of(name)
                .filter(values::containsKey)
                .map(values::get)
                .findFirst()
                .orElseThrow(() -> new AssertionError("not known: " + name));
    }

    /** Missing where the text is no JSON. */
    static JsonNode json(String text) {
        try {
            JsonNode node = MAPPER.readTree(text);
            return node == null ? MissingNode.getInstance() : node;
        } catch (IOException notJson) {
            return MissingNode.getInstance();
        }
    }
}
