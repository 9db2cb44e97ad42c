package dev.larder.bench;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;

/** The API of a server, as its owner. */
final class OwnerApi {

    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final String address;
    private final String token;

    OwnerApi(LarderServer server, String token) {
        this.address = "http://127.0.0.1:" + server.port() + "/api/v1/";
        this.token = token;
    }

    /** The answer's body; any status but a 2xx fails. */
    String send(String method, String path, String body) throws IOException, InterruptedException {
        return done(method, path, answer(method, path, "application/json", BodyPublishers.ofString(body)));
    }

    /** The same with the bytes of a file. */
    String upload(String path, BodyPublisher bytes) throws IOException, InterruptedException {
        return done("PUT", path, answer("PUT", path, "application/octet-stream", bytes));
    }

    private static String done(String method, String path, HttpResponse<String> answer) {
        if (answer.statusCode() >= 300) {
            throw new IllegalStateException(method + " " + path + ": " + answer.statusCode() + " " + answer.body());
        }
        return answer.body();
    }

    /** The answer, whatever its status is. */
    HttpResponse<String> answer(String method, String path, String body) throws IOException, InterruptedException {
        return answer(method, path, "application/json", BodyPublishers.ofString(body));
    }

    private HttpResponse<String> answer(String method, String path, String type, BodyPublisher body)
            throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(address + path))
                .header("Authorization", "Bearer " + token)
                .header("Content-Type", type)
                .method(method, body)
                .build();
        return client.send(request, BodyHandlers.ofString());
    }
}
