package dev.larder.history.states;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.larder.history.Cluster;
import dev.larder.history.HttpConnection;
import dev.larder.history.HttpConnection.Reply;
import dev.larder.history.states.Act.Answer;
import dev.larder.history.states.Act.Content;
import dev.larder.history.states.Act.Kind;
import dev.larder.testing.Signals;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.UUID;
import java.util.function.Supplier;

/**
 * Sends a program's requests, each to a server chosen at random, and keeps each with its answer. It sends nothing again
 * by itself. Not thread safe.
 */
final class StateCaller implements AutoCloseable {

    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final Duration NOBODY_SERVES = Duration.ofMillis(50);
    private static final Duration BETWEEN_TRIES = Duration.ofMillis(20);
    private static final Duration REST = Duration.ofMillis(60);
    private static final int TRIES_MAX = 2_000;
    private static final int SLOW_IN = 15;

    private final int client;
    private final Cluster cluster;
    private final Queue<Act> acts;
    private final Random random;
    private final Map<Integer, HttpConnection> lines = new HashMap<>();

    StateCaller(int client, Cluster cluster, Queue<Act> acts, Random random) {
        this.client = client;
        this.cluster = cluster;
        this.acts = acts;
        this.random = random;
    }

    /** A request that is kept. */
    record Ask(
            Kind kind,
            UUID state,
            String mutation,
            String method,
            String path,
            Map<String, String> headers,
            String body) {}

    /** An act with what the answer said. */
    record Told(Act act, String text) {

        int status() {
            return act.answer().status();
        }

        JsonNode json() {
            return parse(text);
        }
    }

    /** Repeats a request until its answer is certain, as a tool does that may repeat it. */
    static Told insist(Supplier<Told> call) {
        Told told = call.get();
        for (int tries = 1; !told.act().answer().certain() && tries < TRIES_MAX; tries++) {
            Signals.pause(BETWEEN_TRIES);
            told = call.get();
        }
        if (!told.act().answer().certain()) {
            throw new IllegalStateException("no certain answer: " + told);
        }
        return told;
    }

    /** One request; an upload in a while is slow, so that a kill can come in its middle. */
    Told call(Ask ask) {
        HttpConnection line = line();
        long sent = System.nanoTime();
        Reply reply = send(line, ask);
        boolean read = ask.kind() == Kind.READ && reply.status() == 200;
        String content = read ? reply.body() : ask.kind() == Kind.WRITE ? ask.body() : "";
        Answer answer = new Answer(
                reply.status(),
                reply.status() >= 300 ? parse(reply.body()).path("code").asText() : "",
                etag(reply));
        Act act = new Act(
                client, ask.kind(), ask.state(), ask.mutation(), content(content), answer, sent, System.nanoTime());
        acts.add(act);
        return new Told(act, reply.body());
    }

    /** A request that says nothing of a state; an answer of status 0 is none. */
    Reply plain(String method, String path, Map<String, String> headers, String body) {
        return send(line(), new Ask(Kind.READ, new UUID(0, 0), "", method, path, headers, body));
    }

    private Reply send(HttpConnection line, Ask ask) {
        Duration rest = ask.kind() == Kind.WRITE && random.nextInt(SLOW_IN) == 0 ? REST : Duration.ZERO;
        try {
            return line.send(ask.method(), ask.path(), ask.headers(), ask.body(), rest);
        } catch (IOException broken) {
            lines.values().remove(line);
            line.close();
            return new Reply(0, Map.of(), "");
        }
    }

    private HttpConnection line() {
        while (true) {
            int slot = random.nextInt(cluster.size());
            int port = cluster.port(slot);
            HttpConnection open = lines.get(slot);
            if (open != null && open.port() == port) {
                return open;
            }
            if (open != null) {
                lines.remove(slot);
                open.close();
            }
            try {
                if (port != 0) {
                    HttpConnection line = HttpConnection.to(port);
                    lines.put(slot, line);
                    return line;
                }
            } catch (IOException justKilled) {
                // Another one is asked below.
            }
            Signals.pause(NOBODY_SERVES);
        }
    }

    private static Content content(String text) {
        if (text.isEmpty()) {
            return Content.NONE;
        }
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(bytes);
            return new Content(bytes.length, HexFormat.of().formatHex(digest, 0, 8));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static long etag(Reply reply) {
        String tag = reply.headers().getOrDefault("etag", "").replace("\"", "");
        return tag.matches("\\d+") ? Long.parseLong(tag) : -1;
    }

    static JsonNode parse(String text) {
        try {
            JsonNode node = MAPPER.readTree(text);
            return node == null ? MissingNode.getInstance() : node;
        } catch (IOException notJson) {
            return MissingNode.getInstance();
        }
    }

    @Override
    public void close() {
        lines.values().forEach(HttpConnection::close);
        lines.clear();
    }
}
