package dev.larder.testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.eclipse.microprofile.config.ConfigProvider;
import org.jspecify.annotations.Nullable;

/** Speaks to the application under test as one caller: {@code Api.as(token).post("/api/v1/…", "{…}")}. */
public final class Api {

    /** What came back; {@code body} is missing where it was no JSON. */
    public record Answer(int status, JsonNode body, String text, HttpResponse<String> response) {

        public String code() {
            return body.path("code").asText();
        }

        public String header(String name) {
            return response.headers().firstValue(name).orElse("");
        }

        /** For a failing assertion's message. */
        @Override
        public String toString() {
            return status + " " + text;
        }
    }

    private static final HttpClient CLIENT =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final @Nullable String token;
    private final Map<String, String> headers;

    private Api(@Nullable String token, Map<String, String> headers) {
        this.token = token;
        this.headers = headers;
    }

    public static Api owner() {
        return as(LarderTestResource.OWNER_TOKEN);
    }

    public static Api as(String token) {
        return new Api(token, Map.of());
    }

    public static Api anonymous() {
        return new Api(null, Map.of());
    }

    /** Makes a user of an organization, or of the deployment where none is named, and acts as it. */
    public Api newUser(@Nullable String organization, String name, String role) {
        String users = organization == null ? "/api/v1/users" : "/api/v1/organizations/" + organization + "/users";
        Answer user = post(users, "{\"name\":\"%s\",\"role\":\"%s\"}".formatted(name, role));
        Answer issued = post(
                "/api/v1/tokens",
                "{\"name\":\"test\",\"user\":\"%s\"}"
                        .formatted(user.body().path("id").asText()));
        if (issued.status() != 201) {
            throw new AssertionError("no token for " + name + ": " + user + " " + issued);
        }
        return as(issued.body().path("token").asText());
    }

    public Api with(String header, String value) {
        Map<String, String> all = new HashMap<>(headers);
        all.put(header, value);
        return new Api(token, Map.copyOf(all));
    }

    public Answer get(String path) {
        return send("GET", path, BodyPublishers.noBody());
    }

    public Answer post(String path, String json) {
        return send("POST", path, BodyPublishers.ofString(json));
    }

    public Answer put(String path, String json) {
        return send("PUT", path, BodyPublishers.ofString(json));
    }

    public Answer delete(String path) {
        return send("DELETE", path, BodyPublishers.noBody());
    }

    public Answer send(String method, String path, BodyPublisher body) {
        String base = ConfigProvider.getConfig().getValue("test.url", String.class);
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(base + path))
                .timeout(Duration.ofSeconds(30))
                .method(method, body);
        if (body.contentLength() != 0) {
            request.setHeader("Content-Type", "application/json");
        }
        if (token != null) {
            request.setHeader("Authorization", "Bearer " + token);
        }
        headers.forEach(request::setHeader);
        try {
            HttpResponse<String> response = CLIENT.send(request.build(), BodyHandlers.ofString());
            return new Answer(response.statusCode(), json(response.body()), response.body(), response);
        } catch (IOException failed) {
            throw new UncheckedIOException(method + " " + path, failed);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(interrupted);
        }
    }

    private static JsonNode json(String text) {
        try {
            JsonNode node = MAPPER.readTree(text);
            return node == null ? MissingNode.getInstance() : node;
        } catch (IOException notJson) {
            return MissingNode.getInstance();
        }
    }
}
