package dev.larder.state;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.UUID;
import org.eclipse.microprofile.config.ConfigProvider;

/** Terraform's http client as far as the protocol goes: one sender and one address. */
record Tf(String address, String user, String password) {

    private static final HttpClient CLIENT =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** What came back. */
    record Answer(int status, String text, HttpResponse<String> response) {

        JsonNode json() {
            try {
                JsonNode node = MAPPER.readTree(text);
                return node == null ? MissingNode.getInstance() : node;
            } catch (IOException notJson) {
                return MissingNode.getInstance();
            }
        }

        String code() {
            return json().path("code").asText();
        }

        String header(String name) {
            return response.headers().firstValue(name).orElse("");
        }

        @Override
        public String toString() {
            return status + " " + text;
        }
    }

    static String base() {
        return ConfigProvider.getConfig().getValue("test.url", String.class);
    }

    static String info(String id) {
        return "{\"ID\":\"" + id + "\",\"Operation\":\"OperationTypeApply\",\"Info\":\"\",\"Who\":\"anna@laptop\","
                + "\"Version\":\"1.11.4\",\"Created\":\"2026-11-29T00:00:00.000000001Z\",\"Path\":\"\"}";
    }

    static String plan(String id) {
        return info(id).replace("OperationTypeApply", "OperationTypePlan");
    }

    /** A state of one resource, whose lineage is the same for all. */
    static String state(int serial) {
        return state(serial, "11111111-2222-3333-4444-555555555555");
    }

    static String state(int serial, String lineage) {
        return "{\"version\":4,\"terraform_version\":\"1.11.4\",\"serial\":" + serial + ",\"lineage\":\"" + lineage
                + "\",\"outputs\":{\"url\":{\"value\":\"test://x\",\"type\":\"string\"},\"password\":{\"value\":\"hush\","
                + "\"type\":\"string\",\"sensitive\":true}},\"resources\":[{\"mode\":\"managed\",\"type\":\"terraform_data\","
                + "\"name\":\"a\",\"provider\":\"provider[\\\"terraform.io/builtin/terraform\\\"]\",\"instances\":[{}]}]}";
    }

    static String emptyState(int serial) {
        return state(serial).replaceFirst("\"resources\":\\[.*]}$", "\"resources\":[]}");
    }

    Tf as(String name, String token) {
        return new Tf(address, name, token);
    }

    Tf at(String other) {
        return new Tf(other, user, password);
    }

    Answer get() {
        return send("GET", "", "", Map.of());
    }

    Answer lock(String body) {
        return send("LOCK", "", body, Map.of());
    }

    Answer unlock(String body) {
        return send("UNLOCK", "", body, Map.of());
    }

    Answer post(String lock, String body) {
        return send("POST", lock.isEmpty() ? "" : "?ID=" + lock, body, Map.of());
    }

    Answer send(String method, String suffix, String body, Map<String, String> headers) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(base() + address + suffix))
                .timeout(Duration.ofSeconds(30))
                .method(method, body.isEmpty() ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
        if (!password.isEmpty()) {
            request.setHeader("Authorization", authorization());
        }
        headers.forEach(request::setHeader);
        try {
            HttpResponse<String> response = CLIENT.send(request.build(), BodyHandlers.ofString());
            return new Answer(response.statusCode(), response.body(), response);
        } catch (IOException failed) {
            throw new UncheckedIOException(method + " " + address + suffix, failed);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(interrupted);
        }
    }

    private String authorization() {
        byte[] pair = (user + ":" + password).getBytes(StandardCharsets.UTF_8);
        return "Basic " + Base64.getEncoder().encodeToString(pair);
    }

    /** Sends a request and never reads its answer. The connection is open until the caller closes it. */
    Socket sendAndLookAway(String method, String suffix, String body, int announced) {
        return sendRaw(method + " " + address + suffix + " HTTP/1.1\r\nHost: a\r\nAuthorization: " + authorization()
                + "\r\nContent-Type: application/json\r\nContent-Length: " + announced + "\r\n\r\n" + body);
    }

    /** Sends these characters. The connection is open until the caller closes it. */
    static Socket sendRaw(String request) {
        URI url = URI.create(base());
        try {
            Socket socket = new Socket(url.getHost(), url.getPort());
            socket.getOutputStream().write(request.getBytes(StandardCharsets.UTF_8));
            socket.getOutputStream().flush();
            return socket;
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    static String someId() {
        return UUID.randomUUID().toString();
    }
}
