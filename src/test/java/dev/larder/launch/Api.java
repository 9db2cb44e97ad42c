package dev.larder.launch;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

/** Larder's own interface, as anybody would call it. */
final class Api {

    private static final ObjectMapper JSON = new ObjectMapper();

    private final HttpClient http = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(2))
            .build();
    private final String base;
    private final String token;

    /** @param token may be empty where none is needed */
    Api(String base, String token) {
        this.base = base;
        this.token = token;
    }

    record Answer(int status, JsonNode body) {}

    boolean isReady() {
        try {
            return call("GET", "/q/health/ready", "", "").status() == 200;
        } catch (IOException notYet) {
            return false;
        }
    }

    Answer get(String path) throws IOException {
        return call("GET", path, "", "");
    }

    Answer post(String path, String json) throws IOException {
        return call("POST", path, "application/json", json);
    }

    Answer put(String path, String yaml) throws IOException {
        return call("PUT", path, "application/yaml", yaml);
    }

    Answer delete(String path) throws IOException {
        return call("DELETE", path, "", "");
    }

    private Answer call(String method, String path, String type, String body) throws IOException {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(base + path))
                .timeout(Duration.ofSeconds(30))
                .header("Accept", "application/json")
                .method(method, HttpRequest.BodyPublishers.ofString(body));
        if (!type.isEmpty()) {
            request.header("Content-Type", type);
        }
        if (!token.isEmpty()) {
            request.header("Authorization", "Bearer " + token);
        }
        try {
            HttpResponse<String> response = http.send(request.build(), HttpResponse.BodyHandlers.ofString());
            return new Answer(response.statusCode(), json(response.body()));
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", interrupted);
        }
    }

    private static JsonNode json(String body) {
        try {
            return JSON.readTree(body);
        } catch (IOException notJson) {
            return JSON.createObjectNode().put("text", body);
        }
    }
}
