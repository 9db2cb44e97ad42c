package dev.larder.worker.remote;

import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.TimeoutException;
import io.smallrye.mutiny.Uni;
import io.vertx.core.VertxException;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.core.Vertx;
import io.vertx.mutiny.core.buffer.Buffer;
import io.vertx.mutiny.core.http.HttpClient;
import io.vertx.mutiny.core.http.HttpClientRequest;
import io.vertx.mutiny.core.http.HttpClientResponse;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;

/** The API of a server for a client with one token. Unexpected answers are failures, which may be tried again. */
public final class Api {

    // Shorter than three heartbeats, after which a silent worker is lost.
    private static final Duration PATIENCE = Duration.ofSeconds(5);
    private static final int CONNECTIONS_MAX = 20;

    private final HttpClient client;
    private final URI server;
    private final String token;

    /** @param server {@code http://host:port} or {@code https://host}, with a path if a proxy needs one */
    public Api(Vertx vertx, URI server, String token) {
        this.client = vertx.createHttpClient(new HttpClientOptions()
                .setMaxPoolSize(CONNECTIONS_MAX)
                .setConnectTimeout((int) PATIENCE.toMillis())
                .setSsl("https".equals(server.getScheme())));
        this.server = server;
        this.token = token;
    }

    /** The server gave an unexpected answer. */
    public static final class UnexpectedException extends RuntimeException {

        private static final long serialVersionUID = 1;

        private final int status;

        UnexpectedException(int status, String said) {
            super("the server answered " + status + (said.isEmpty() ? "" : ": " + said), null, false, false);
            this.status = status;
        }

        /** Whether the call itself is wrong: its token, address or content. */
        public boolean isCallers() {
            return status / 100 == 4;
        }
    }

    /** The server did not answer. It may have performed the call all the same. */
    public static final class UnreachableException extends RuntimeException {

        private static final long serialVersionUID = 1;

        UnreachableException(String message, Throwable cause) {
            super(message, cause, false, false);
        }
    }

    /** An answer of the server. */
    record Answer(int status, Buffer body) {

        /** Whether the answer is this problem of Larder, and not an answer of a proxy. */
        boolean is(int wanted, String code) {
            return status == wanted && code.equals(problem().getValue("code", ""));
        }

        /** Whether the server will never accept this content. */
        boolean isRefusal() {
            return status == 400 || status == 413 || status == 422;
        }

        /** Fails unless the call succeeded. */
        void succeeded() {
            if (status / 100 != 2) {
                throw new UnexpectedException(status, said());
            }
        }

        JsonObject expected() {
            succeeded();
            return new JsonObject(body.getDelegate());
        }

        /** The code and detail of a problem. Empty for any other body, because its origin is unknown. */
        String said() {
            JsonObject problem = problem();
            return problem.getValue("code", "") + " " + problem.getValue("detail", "");
        }

        private JsonObject problem() {
            try {
                return new JsonObject(body.getDelegate());
            } catch (DecodeException noProblem) {
                return new JsonObject();
            }
        }
    }

    Uni<Answer> post(String path, JsonObject body) {
        return send(HttpMethod.POST, path, body, Duration.ZERO);
    }

    /** @param hold how long the server may hold the call until there is a job */
    Uni<Answer> post(String path, JsonObject body, Duration hold) {
        return send(HttpMethod.POST, path, body, hold);
    }

    /** The bytes of the answer, as they come. Fails where the call does not succeed, or nothing comes for a while. */
    Multi<byte[]> stream(String path, JsonObject body) {
        return client.request(options(HttpMethod.POST, path, Duration.ZERO))
                .chain(request -> sent(request, body))
                .onItem()
                .transformToMulti(Api::bytes)
                .onFailure(Api::isOfTheNetwork)
                .transform(this::unreachable);
    }

    private static Multi<byte[]> bytes(HttpClientResponse response) {
        return response.statusCode() / 100 == 2
                ? response.toMulti().map(Buffer::getBytes)
                : read(response).onItem().transformToMulti(Api::refused);
    }

    private static Multi<byte[]> refused(Answer answer) {
        return Multi.createFrom().failure(new UnexpectedException(answer.status(), answer.said()));
    }

    Uni<Answer> delete(String path) {
        return send(HttpMethod.DELETE, path, new JsonObject(), Duration.ZERO);
    }

    private Uni<Answer> send(HttpMethod method, String path, JsonObject body, Duration hold) {
        return client.request(options(method, path, hold))
                .chain(request -> sent(request, body))
                .chain(Api::read)
                .ifNoItem()
                .after(hold.plus(PATIENCE))
                .fail()
                .onFailure(Api::isOfTheNetwork)
                .transform(this::unreachable);
    }

    private static boolean isOfTheNetwork(Throwable failure) {
        return failure instanceof IOException
                || failure instanceof VertxException
                || failure instanceof TimeoutException;
    }

    private UnreachableException unreachable(Throwable failure) {
        return new UnreachableException("cannot reach " + host() + ":" + port(), failure);
    }

    private String host() {
        return server.getHost();
    }

    private int port() {
        return server.getPort() > 0 ? server.getPort() : "https".equals(server.getScheme()) ? 443 : 80;
    }

    private RequestOptions options(HttpMethod method, String path, Duration hold) {
        RequestOptions options = new RequestOptions()
                .setMethod(method)
                .setHost(host())
                .setPort(port())
                // An abandoned call must not keep its connection.
                .setTimeout(hold.plus(PATIENCE).toMillis())
                .setURI(server.getPath().replaceFirst("/+$", "") + "/api/v1" + path)
                .putHeader("Authorization", "Bearer " + token)
                .putHeader("Content-Type", "application/json");
        return hold.isZero() ? options : options.putHeader("Prefer", "wait=" + hold.toSeconds());
    }

    private static Uni<HttpClientResponse> sent(HttpClientRequest request, JsonObject body) {
        return request.send(Buffer.newInstance(body.toBuffer()))
                .onCancellation()
                .invoke(request::reset);
    }

    private static Uni<Answer> read(HttpClientResponse response) {
        return response.body().map(body -> new Answer(response.statusCode(), body));
    }
}
