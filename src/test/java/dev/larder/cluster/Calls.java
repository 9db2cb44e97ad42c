package dev.larder.cluster;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.larder.testing.LarderTestResource;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;

/** The API of the processes under test as one caller, the owner unless another token is given. */
final class Calls {

    private static final HttpClient CLIENT =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final int port;
    private final String token;

    Calls(int port) {
        this(port, LarderTestResource.OWNER_TOKEN);
    }

    Calls(int port, String token) {
        this.port = port;
        this.token = token;
    }

    HttpRequest request(String method, String path, String body, String... headers) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
                .timeout(Duration.ofSeconds(40))
                .header("Authorization", "Bearer " + token)
                .header("Content-Type", body.startsWith("{") ? "application/json" : "application/yaml")
                .method(method, body.isEmpty() ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
        if (headers.length > 0) {
            request.headers(headers);
        }
        return request.build();
    }

    HttpResponse<String> send(String method, String path, String body, String... headers)
            throws IOException, InterruptedException {
        return CLIENT.send(request(method, path, body, headers), BodyHandlers.ofString());
    }

    JsonNode done(String method, String path, String body, String... headers) throws IOException, InterruptedException {
        HttpResponse<String> answer = send(method, path, body, headers);
        if (answer.statusCode() / 100 != 2) {
            throw new AssertionError(method + " " + path + ": " + answer.statusCode() + " " + answer.body());
        }
        return answer.body().isEmpty() ? MAPPER.missingNode() : MAPPER.readTree(answer.body());
    }

    /** Makes the organization {@code acme} with a template. */
    void declare(String template, String declaration) throws IOException, InterruptedException {
        HttpResponse<String> organization = send("POST", "/api/v1/organizations", "{\"name\":\"acme\"}");
        if (organization.statusCode() != 201 && organization.statusCode() != 409) {
            throw new AssertionError(organization.statusCode() + " " + organization.body());
        }
        JsonNode version = done("PUT", "/api/v1/organizations/acme/templates/" + template, declaration);
    }
}
