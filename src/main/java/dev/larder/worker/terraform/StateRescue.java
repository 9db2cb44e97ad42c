package dev.larder.worker.terraform;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.larder.model.JsonText;
import dev.larder.model.StateAccess;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Base64;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Uploads a state that the tool could not upload, in the way the tool does: it takes the lock, writes, and gives the
 * lock back. A server that does not answer is asked again for about a minute.
 */
final class StateRescue {

    private static final Duration ANSWERS_WITHIN = Duration.ofSeconds(30);
    private static final int TRIES = 8;
    private static final long PAUSE_MILLIS = 500;
    private static final long PAUSE_MILLIS_MAX = 15_000;
    private static final Set<Integer> HELD = Set.of(409, 423);

    private final String address;
    private final StateAccess access;
    private final HttpClient client = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(ANSWERS_WITHIN)
            .build();

    StateRescue(String address, StateAccess access) {
        this.address = address;
        this.access = access;
    }

    /** How the server answered. */
    sealed interface Result {

        record Accepted() implements Result {}

        /** @param why one sentence's end, without anything of the state */
        record NotAccepted(String why) implements Result {}
    }

    Result upload(Path state) throws InterruptedException {
        String why = "";
        for (int nth = 0; nth < TRIES; nth++) {
            try {
                HttpResponse<String> answer = write(state);
                if (answer.statusCode() / 100 == 2) {
                    return new Result.Accepted();
                }
                why = "the server answered " + answer.statusCode();
                if (answer.statusCode() < 500 && answer.statusCode() != 429) {
                    return new Result.NotAccepted(why);
                }
            } catch (IOException unreachable) {
                why = "the server cannot be reached";
            }
            TimeUnit.MILLISECONDS.sleep(Math.min(PAUSE_MILLIS << nth, PAUSE_MILLIS_MAX));
        }
        return new Result.NotAccepted(why);
    }

    private HttpResponse<String> write(Path state) throws IOException, InterruptedException {
        byte[] body = Files.readAllBytes(state);
        String lock = lock();
        HttpResponse<String> answer = send(request("?ID=" + lock)
                .header("Content-Type", "application/json")
                .header("Content-MD5", md5(body))
                .POST(BodyPublishers.ofByteArray(body)));
        if (answer.statusCode() < 500) {
            var unused = send(request("/lock").method("DELETE", BodyPublishers.ofString(lockInfo(lock))));
        }
        return answer;
    }

    /** The lock of the tool itself may still be held: this job gives it back with the state. */
    private String lock() throws IOException, InterruptedException {
        String own = access.mutation().toString();
        HttpResponse<String> answer = send(request("/lock").POST(BodyPublishers.ofString(lockInfo(own))));
        if (answer.statusCode() / 100 == 5) {
            throw new IOException("the lock was answered " + answer.statusCode());
        }
        return HELD.contains(answer.statusCode())
                ? JsonText.read(answer.body())
                        .map(held -> held.path("ID").asText())
                        .filter(id -> id.matches("[A-Za-z0-9-]{1,100}"))
                        .orElse(own)
                : own;
    }

    private String lockInfo(String id) {
        JsonNode info = JsonNodeFactory.instance
                .objectNode()
                .put("ID", id)
                .put("Operation", "OperationTypeApply")
                .put("Info", "the state that the tool could not upload")
                .put("Who", "larder")
                .put("Path", "");
        return info.toString();
    }

    private HttpRequest.Builder request(String more) {
        String credentials = access.mutation() + ":" + access.token();
        return HttpRequest.newBuilder(URI.create(address + more))
                .timeout(ANSWERS_WITHIN)
                .header(
                        "Authorization",
                        "Basic " + Base64.getEncoder().encodeToString(credentials.getBytes(StandardCharsets.UTF_8)));
    }

    private HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
        return client.send(request.build(), BodyHandlers.ofString());
    }

    private static String md5(byte[] body) {
        try {
            return Base64.getEncoder()
                    .encodeToString(MessageDigest.getInstance("MD5").digest(body));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
