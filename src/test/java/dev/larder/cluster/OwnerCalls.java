package dev.larder.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.Server;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Optional;

/** The owner's calls to one of several servers. */
final class OwnerCalls {

    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final ObjectMapper mapper = new ObjectMapper();

    record Answer(int status, String text, JsonNode body) {

        String text(String field) {
            return body.path(field).asText();
        }
    }

    /** A body that begins like JSON is sent as JSON, any other as YAML. */
    Answer send(Server server, String method, String path, String body) {
        HttpResponse<String> answer = text(server, method, path, body);
        return new Answer(answer.statusCode(), answer.body(), json(answer.body()));
    }

    /** The same where it must succeed. */
    Answer done(Server server, String method, String path, String body) {
        Answer answer = send(server, method, path, body);
        assertThat(answer.status()).as(answer.text()).isBetween(200, 204);
        return answer;
    }

    private HttpResponse<String> text(Server server, String method, String path, String body) {
        HttpRequest request = HttpRequest.newBuilder(server.uri(path))
                .timeout(PATIENCE)
                .header("Authorization", "Bearer " + LarderTestResource.OWNER_TOKEN)
                .header("Content-Type", body.startsWith("{") ? "application/json" : "application/yaml")
                .method(method, BodyPublishers.ofString(body))
                .build();
        try {
            return client.send(request, BodyHandlers.ofString());
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while calling", interrupted);
        }
    }

    private JsonNode json(String text) {
        try {
            return mapper.readTree(text);
        } catch (IOException other) {
            return mapper.createObjectNode();
        }
    }

    /** The sum of a metric's series as this process shows it; empty where it shows none, or does not know it. */
    Optional<Double> metric(Server server, String name) {
        String all = text(server, "GET", "/q/metrics", "").body();
        double[] values = all.lines()
                .filter(line -> line.startsWith(name + " ") || line.startsWith(name + "{"))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
                .filter(value -> !Double.isNaN(value))
                .toArray();
        return values.length == 0
                ? Optional.empty()
                : Optional.of(java.util.Arrays.stream(values).sum());
    }
}
