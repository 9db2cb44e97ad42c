package dev.larder.cli.client;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * Calls one server as one user. An answer that is no success, and a server that does not answer, are {@link Failure}s.
 * Nothing is repeated. A server of another version is told to {@code notice} once.
 */
final class ApiClient {

    /** Bytes of an answer that is read as a whole. A page of a list and a version with its files stay below. */
    private static final int ANSWER_MAX = 64 << 20;

    /** Items of a page; the server's bound is 200. */
    private static final int PAGE = 200;

    /** Pages of a list. One with a filter may have few items, because the server looks at 5,000 rows for each. */
    private static final int PAGES_MAX = 200;

    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);

    private final Target target;
    private final String ownVersion;
    private final Consumer<String> notice;
    private final HttpClient client;
    private boolean versionSeen;

    /**
     * @param token null for a caller without one
     * @param timeout for the whole of a call; a stream has it for its beginning
     * @param trust null for the system's certificates
     */
    record Target(
            URI server,
            @Nullable String token,
            Duration timeout,
            @Nullable SSLContext trust) {}

    /** @param notice gets a sentence that the user should read though the call went on */
    ApiClient(Target target, String ownVersion, Consumer<String> notice) {
        this.target = target;
        this.ownVersion = ownVersion;
        this.notice = notice;
        HttpClient.Builder builder =
                HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(CONNECT_TIMEOUT);
        if (target.trust() != null) {
            builder.sslContext(target.trust());
        }
        this.client = builder.build();
    }

    /**
     * The first {@code limit} items of a list, page by page.
     *
     * @param more whether the list goes on
     * @param at the server's time
     */
    record Listed(List<JsonNode> items, boolean more, Instant at) {}

    /** @param path may have a query already */
    Listed list(String path, int limit) {
        List<JsonNode> items = new ArrayList<>();
        String first = Paths.with(path, "limit", String.valueOf(Math.min(limit, PAGE)));
        Answer page = get(first);
        page.body().path("items").forEach(items::add);
        String next = Json.text(page.body(), "next");
        for (int pages = 1; !next.isEmpty() && items.size() < limit && pages < PAGES_MAX; pages++) {
            page = get(Paths.with(first, "after", next));
            page.body().path("items").forEach(items::add);
            next = Json.text(page.body(), "next");
        }
        boolean more = !next.isEmpty() || items.size() > limit;
        return new Listed(
                List.copyOf(items.subList(0, Math.min(limit, items.size()))),
                more,
                page.at().orElse(Instant.EPOCH));
    }

    Answer get(String path) {
        return call("GET", path, null);
    }

    /** @param body null for none */
    Answer post(String path, @Nullable JsonNode body) {
        return call("POST", path, body);
    }

    Answer put(String path, @Nullable JsonNode body) {
        return call("PUT", path, body);
    }

    Answer delete(String path) {
        return call("DELETE", path, null);
    }

    private Answer call(String method, String path, @Nullable JsonNode body) {
        return call(
                method, path, publisher(body), body == null ? Map.of() : Map.of("Content-Type", "application/json"));
    }

    /** Whether a thing is there: 200 or 404, with the headers of the answer. */
    Answer head(String path) {
        HttpResponse<InputStream> response =
                send(request("HEAD", path, BodyPublishers.noBody(), Map.of(), target.timeout()), target.timeout());
        if (response.statusCode() >= 300 && response.statusCode() != 404) {
            throw Problems.failure(response.statusCode(), MissingNode.getInstance(), versionNote(response));
        }
        return read(response);
    }

    /** @param path begins with {@code /api/v1/}; its parts are encoded already ({@link Paths}) */
    Answer call(String method, String path, BodyPublisher body, Map<String, String> headers) {
        return call(method, path, body, headers, Duration.ZERO);
    }

    /** @param more added to the deadline of a call: a large body, or an answer that the server holds */
    Answer call(String method, String path, BodyPublisher body, Map<String, String> headers, Duration more) {
        return read(send(method, path, body, headers, target.timeout().plus(more)));
    }

    private Answer read(HttpResponse<InputStream> response) {
        return new Answer(response.statusCode(), json(response, text(response)), response.headers());
    }

    /**
     * Begins to read an answer that goes on: events, or a log. The caller reads and closes it.
     *
     * @param headers {@code Accept} among them, where it is no JSON
     */
    InputStream open(String path, Map<String, String> headers) {
        return send("GET", path, BodyPublishers.noBody(), headers, target.timeout())
                .body();
    }

    /**
     * A call whose answer may take this long: the server holds it ({@code Prefer: wait}).
     *
     * @param held how long the server may hold it, added to the deadline of a call
     */
    Answer held(String method, String path, @Nullable JsonNode body, Map<String, String> headers, Duration held) {
        Map<String, String> all = new HashMap<>(headers);
        if (body != null) {
            all.put("Content-Type", "application/json");
        }
        return call(method, path, publisher(body), all, held);
    }

    private static BodyPublisher publisher(@Nullable JsonNode body) {
        return body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(Json.line(body));
    }

    private HttpResponse<InputStream> send(
            String method, String path, BodyPublisher body, Map<String, String> headers, Duration timeout) {
        HttpResponse<InputStream> response = send(request(method, path, body, headers, timeout), timeout);
        checkVersion(response);
        if (response.statusCode() >= 300) {
            throw Problems.failure(response.statusCode(), json(response, text(response)), versionNote(response));
        }
        return response;
    }

    private HttpRequest request(
            String method, String path, BodyPublisher body, Map<String, String> headers, Duration timeout) {
        HttpRequest.Builder request = HttpRequest.newBuilder(address(path))
                .timeout(timeout)
                .header("Accept", "application/json")
                .header("User-Agent", "larder/" + ownVersion)
                .method(method, body);
        if (target.token() != null) {
            request.header("Authorization", "Bearer " + target.token());
        }
        headers.forEach(request::setHeader);
        return request.build();
    }

    /** What the server says its version is; empty where it does not. Any answer of it has the version. */
    Optional<String> version() {
        versionSeen = true;
        HttpResponse<InputStream> response = send(
                request("GET", Paths.of("me"), BodyPublishers.noBody(), Map.of(), target.timeout()), target.timeout());
        var unused = text(response);
        return response.headers().firstValue(ServerVersion.HEADER);
    }

    private URI address(String path) {
        String base = target.server().toString().replaceFirst("/+$", "");
        return URI.create(base + path);
    }

    private HttpResponse<InputStream> send(HttpRequest request, Duration timeout) {
        try {
            return client.send(request, BodyHandlers.ofInputStream());
        } catch (ConnectException | UnresolvedAddressException unreachable) {
            throw Failure.of(
                    ExitCode.UNREACHABLE,
                    "the server " + target.server() + " cannot be reached. Is its address right (--server)?");
        } catch (HttpTimeoutException late) {
            throw late(timeout);
        } catch (SSLException untrusted) {
            throw Failure.of(
                    ExitCode.UNREACHABLE,
                    "no trusted connection to " + target.server() + ": " + untrusted.getMessage()
                            + ". --ca-file names the certificates to trust.");
        } catch (IOException broken) {
            throw Failure.of(
                    ExitCode.UNREACHABLE, "the connection to " + target.server() + " failed: " + broken.getMessage());
        } catch (InterruptedException ending) {
            Thread.currentThread().interrupt();
            throw Failure.of(ExitCode.FAILED, "interrupted");
        }
    }

    /** The deadline of the request ends with the headers of its answer; the body has one of its own. */
    private String text(HttpResponse<InputStream> response) {
        AtomicBoolean late = new AtomicBoolean();
        InputStream body = response.body();
        CompletableFuture<Void> watch = CompletableFuture.runAsync(
                () -> {
                    late.set(true);
                    close(body);
                },
                CompletableFuture.delayedExecutor(target.timeout().toMillis(), TimeUnit.MILLISECONDS));
        try (body) {
            byte[] read = body.readNBytes(ANSWER_MAX + 1);
            if (read.length > ANSWER_MAX) {
                throw Failure.of(ExitCode.FAILED, "the answer has more than 64 MiB");
            }
            return new String(read, StandardCharsets.UTF_8);
        } catch (IOException broken) {
            throw late.get()
                    ? late(target.timeout())
                    : Failure.of(
                            ExitCode.UNREACHABLE,
                            "the answer of " + target.server() + " broke off: " + broken.getMessage());
        } finally {
            boolean unused = watch.cancel(false);
        }
    }

    private static void close(InputStream body) {
        try {
            body.close();
        } catch (IOException closed) {
            // It is not read any further.
        }
    }

    private Failure late(Duration timeout) {
        return Failure.of(
                ExitCode.TIMED_OUT,
                "the server " + target.server() + " did not answer within " + timeout.toSeconds()
                        + "s (--request-timeout)");
    }

    private JsonNode json(HttpResponse<InputStream> response, String text) {
        try {
            return Json.read(text);
        } catch (JsonProcessingException notJson) {
            if (response.statusCode() >= 300) {
                return MissingNode.getInstance();
            }
            throw Failure.of(
                    ExitCode.FAILED, target.server() + " did not answer with JSON. Is it a Larder server (--server)?");
        }
    }

    private void checkVersion(HttpResponse<InputStream> response) {
        // A balancer's own answers name no version.
        if (!versionSeen && response.statusCode() < 500) {
            versionSeen = true;
            difference(response).ifPresent(notice);
        }
    }

    private Optional<String> difference(HttpResponse<InputStream> response) {
        return ServerVersion.difference(ownVersion, response.headers().firstValue(ServerVersion.HEADER));
    }

    /** An unknown field or address may come from the difference of the versions. */
    private String versionNote(HttpResponse<InputStream> response) {
        return difference(response).map(told -> " (" + told + ")").orElse("");
    }
}
