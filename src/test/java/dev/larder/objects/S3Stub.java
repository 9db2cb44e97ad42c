package dev.larder.objects;

import dev.larder.testing.Databases;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.TimeUnit;

/**
 * A store that speaks as S3 does, in this process: one bucket, ETags that are MD5s of the bytes, and faults that a test
 * orders. It keeps its objects in memory and answers one request after the other.
 */
public final class S3Stub implements AutoCloseable {

    public static final String BUCKET = "larder-test";
    public static final String ACCESS_KEY = "AKIASTUB";
    public static final String SECRET = "stub-secret-4711";

    /** What happens to the next request of a method instead of, or besides, what it asks for. */
    sealed interface Fault {

        record Answer(int status, String code) implements Fault {}

        /** None: what was ordered after it is meant for a later request. */
        record None() implements Fault {}

        /** Nothing is done, and nothing is ever answered. */
        record Silence() implements Fault {}

        /** What was asked for is done, and the connection ends before the answer. */
        record DoneAndReset() implements Fault {}

        /** The body ends in the middle. */
        record Truncated() implements Fault {}

        /** One bit of the body is another one. */
        record Flipped() implements Fault {}
    }

    private record Held(byte[] bytes, String etag, Instant modifiedAt) {}

    private record Ordered(String method, Fault fault) {}

    private final NavigableMap<String, Held> objects = new ConcurrentSkipListMap<>(
            Comparator.comparing(key -> key.getBytes(StandardCharsets.UTF_8), Arrays::compareUnsigned));
    private final Queue<Ordered> faults = new ConcurrentLinkedQueue<>();
    private final Queue<String> seen = new ConcurrentLinkedQueue<>();
    private final HttpServer server;
    volatile boolean bucketIsThere = true;
    volatile boolean conditionsIgnored;
    private volatile String accepted = ACCESS_KEY;

    public S3Stub() {
        Vertx vertx = Databases.vertx().getDelegate();
        try {
            server = vertx.createHttpServer(new HttpServerOptions()
                            .setHost("127.0.0.1")
                            .setPort(0)
                            .setHandle100ContinueAutomatically(true))
                    .requestHandler(this::received)
                    .listen()
                    .toCompletionStage()
                    .toCompletableFuture()
                    .get(10, TimeUnit.SECONDS);
        } catch (Exception failed) {
            throw new IllegalStateException(failed);
        }
    }

    @Override
    public void close() {
        server.close();
    }

    public URI endpoint() {
        return URI.create("http://127.0.0.1:" + server.actualPort());
    }

    /** Orders faults for the next requests of this method, one each. */
    void next(String method, Fault... those) {
        for (Fault fault : those) {
            faults.add(new Ordered(method, fault));
        }
    }

    static Fault answer(int status, String code) {
        return new Fault.Answer(status, code);
    }

    /** Methods of the requests since the last call. */
    List<String> seen() {
        List<String> all = new ArrayList<>();
        for (String one = seen.poll(); one != null; one = seen.poll()) {
            all.add(one);
        }
        return all;
    }

    /** Keys in the bucket, with their prefix. */
    public List<String> keys() {
        return List.copyOf(objects.keySet());
    }

    public void drop(String key) {
        objects.remove(key);
    }

    /** From now on the bucket is there, or it is not; the objects stay. */
    public void dropBucket(boolean dropped) {
        bucketIsThere = !dropped;
    }

    /** From now on the credentials that Larder has are refused, or they are not. */
    public void refuseCredentials(boolean refused) {
        accepted = refused ? "AKIAOTHER" : ACCESS_KEY;
    }

    /** One bit of the object becomes another one. */
    public void flip(String key) {
        byte[] bytes = objects.get(key).bytes().clone();
        bytes[bytes.length - 1] ^= 1;
        put(key, bytes);
    }

    void put(String key, byte[] bytes) {
        objects.put(key, held(bytes));
    }

    public void ageAll(Duration by) {
        objects.replaceAll((key, held) ->
                new Held(held.bytes(), held.etag(), held.modifiedAt().minus(by)));
    }

    /** A store over this stub, with short times. */
    public ObjectStore store(String prefix) {
        return store(prefix, 256 << 20);
    }

    S3ObjectStore store(String prefix, long bytesMax) {
        return store(settings(ACCESS_KEY, Duration.ofSeconds(20)), prefix, bytesMax);
    }

    static S3ObjectStore store(ObjectSettings settings, String prefix, long bytesMax) {
        return new S3ObjectStore(
                S3Client.of(settings),
                new S3Calls(settings.timeout(), Duration.ofMillis(5)),
                settings.bucket().orElseThrow(),
                prefix,
                bytesMax);
    }

    ObjectSettings settings(String accessKey, Duration timeout) {
        return BucketSettings.of(endpoint(), BUCKET, accessKey, SECRET, timeout);
    }

    private void received(HttpServerRequest request) {
        request.bodyHandler(body -> answer(request, body.getBytes()));
    }

    private void answer(HttpServerRequest request, byte[] body) {
        String method = request.method().name();
        seen.add(method);
        Optional<Ordered> ordered =
                faults.stream().filter(one -> one.method().equals(method)).findFirst();
        ordered.ifPresent(faults::remove);
        switch (ordered.map(Ordered::fault).orElse(null)) {
            case null -> done(request, body);
            case Fault.None none -> done(request, body);
            case Fault.Answer(int status, String code) -> refuse(request, status, code);
            case Fault.Silence silence -> {}
            case Fault.DoneAndReset reset -> {
                boolean unused = apply(request, body);
                request.connection().close();
            }
            case Fault.Truncated truncated -> cut(request);
            case Fault.Flipped flipped -> flip(request);
        }
    }

    private String path(HttpServerRequest request) {
        return URI.create(request.path().replace("//", "/%2F")).getPath().substring(1);
    }

    private Optional<String> key(HttpServerRequest request) {
        String path = path(request);
        int slash = path.indexOf('/');
        return slash < 0 || slash == path.length() - 1 ? Optional.empty() : Optional.of(path.substring(slash + 1));
    }

    private void done(HttpServerRequest request, byte[] body) {
        if (!String.valueOf(request.getHeader("Authorization")).contains("Credential=" + accepted + "/")) {
            refuse(request, 403, "InvalidAccessKeyId");
        } else if (!bucketIsThere || !path(request).split("/")[0].equals(BUCKET)) {
            refuse(request, 404, "NoSuchBucket");
        } else if (key(request).isEmpty()) {
            bucket(request);
        } else {
            object(request, key(request).get(), body);
        }
    }

    private void bucket(HttpServerRequest request) {
        if (HttpMethod.HEAD.equals(request.method())) {
            request.response().end();
            return;
        }
        String prefix = Optional.ofNullable(request.getParam("prefix")).orElse("");
        String after = Optional.ofNullable(request.getParam("continuation-token"))
                .or(() -> Optional.ofNullable(request.getParam("start-after")))
                .orElse("");
        List<String> keys = objects.tailMap(after, false).keySet().stream()
                .filter(key -> key.startsWith(prefix))
                .limit(1_001)
                .toList();
        boolean more = keys.size() > 1_000;
        StringBuilder xml = new StringBuilder("<ListBucketResult><IsTruncated>" + more + "</IsTruncated>");
        keys.stream().limit(1_000).forEach(key -> {
            Held held = objects.get(key);
            xml.append("<Contents><Key>" + escaped(key) + "</Key><Size>" + held.bytes().length + "</Size><ETag>"
                    + escaped(held.etag()) + "</ETag><LastModified>" + held.modifiedAt()
                    + "</LastModified></Contents>");
        });
        if (more) {
            xml.append("<NextContinuationToken>" + escaped(keys.get(999)) + "</NextContinuationToken>");
        }
        request.response().putHeader("Content-Type", "application/xml").end(xml + "</ListBucketResult>");
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }

    private void object(HttpServerRequest request, String key, byte[] body) {
        Held held = objects.get(key);
        boolean reads = HttpMethod.GET.equals(request.method()) || HttpMethod.HEAD.equals(request.method());
        if (reads && held == null) {
            refuse(request, 404, "NoSuchKey");
        } else if (reads) {
            read(request, held);
        } else if (HttpMethod.PUT.equals(request.method()) && held == null && request.getHeader("If-Match") != null) {
            refuse(request, 404, "NoSuchKey");
        } else if (!apply(request, body)) {
            refuse(request, 412, "PreconditionFailed");
        } else if (HttpMethod.PUT.equals(request.method())) {
            request.response().putHeader("ETag", objects.get(key).etag()).end();
        } else {
            request.response().setStatusCode(204).end();
        }
    }

    /** Does what a write asks for, unless its condition is not met. */
    private boolean apply(HttpServerRequest request, byte[] body) {
        String key = key(request).orElseThrow();
        if (HttpMethod.DELETE.equals(request.method())) {
            objects.remove(key);
            return true;
        }
        Held held = objects.get(key);
        String ifMatch = request.getHeader("If-Match");
        boolean taken = request.getHeader("If-None-Match") != null && held != null;
        boolean stale = ifMatch != null && (held == null || !held.etag().equals(ifMatch));
        if ((taken || stale) && !conditionsIgnored) {
            return false;
        }
        objects.put(key, held(body));
        return true;
    }

    private static Held held(byte[] bytes) {
        String md5 = HexFormat.of().formatHex(Frame.digester("MD5").digest(bytes));
        return new Held(bytes, '"' + md5 + '"', Instant.now());
    }

    private static void read(HttpServerRequest request, Held held) {
        HttpServerResponse response = headers(request, held);
        byte[] bytes = held.bytes();
        if (HttpMethod.HEAD.equals(request.method())) {
            response.putHeader("Content-Length", String.valueOf(bytes.length)).end();
            return;
        }
        String range = request.getHeader("Range");
        if (range == null) {
            response.end(Buffer.buffer(bytes));
            return;
        }
        if (bytes.length == 0) {
            refuse(request, 416, "InvalidRange");
            return;
        }
        int end = Math.min(bytes.length, Integer.parseInt(range.substring(range.indexOf('-') + 1)) + 1);
        response.setStatusCode(206).end(Buffer.buffer(bytes).slice(0, end));
    }

    private static HttpServerResponse headers(HttpServerRequest request, Held held) {
        return request.response()
                .putHeader("ETag", held.etag())
                .putHeader(
                        "Last-Modified",
                        DateTimeFormatter.RFC_1123_DATE_TIME.format(
                                held.modifiedAt().atOffset(ZoneOffset.UTC)));
    }

    private void cut(HttpServerRequest request) {
        Held held = objects.get(key(request).orElseThrow());
        headers(request, held)
                .putHeader("Content-Length", String.valueOf(held.bytes().length))
                .write(Buffer.buffer(held.bytes()).slice(0, held.bytes().length / 2))
                .onComplete(written -> request.connection().close());
    }

    private void flip(HttpServerRequest request) {
        Held held = objects.get(key(request).orElseThrow());
        byte[] bytes = held.bytes().clone();
        bytes[bytes.length - 1] ^= 1;
        headers(request, held).end(Buffer.buffer(bytes));
    }

    /** An answer to HEAD has no body. */
    private static void refuse(HttpServerRequest request, int status, String code) {
        HttpServerResponse response = request.response().setStatusCode(status);
        if (HttpMethod.HEAD.equals(request.method()) || code.isEmpty()) {
            response.end();
            return;
        }
        byte[] body = ("<Error><Code>" + code + "</Code><Message>" + SECRET + "</Message></Error>")
                .getBytes(StandardCharsets.UTF_8);
        response.putHeader("Content-Type", "application/xml").end(Buffer.buffer(body));
    }
}
