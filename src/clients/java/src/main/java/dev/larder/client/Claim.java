package dev.larder.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A claim as the server showed it last.
 *
 * @param status {@code active}, {@code waiting}, or why the claim has ended
 * @param path {@code warm} (from stock), {@code waited}, or {@code cold} (built for this claim)
 * @param expiresAt when it ends unless it is renewed; empty where it lasts until it is released, and while it waits
 * @param workspace empty while the claim waits
 * @param end why it failed, where it did
 */
public record Claim(
        String id,
        String status,
        String path,
        Map<String, String> labels,
        Optional<Instant> expiresAt,
        Optional<Waiting> waiting,
        Optional<Workspace> workspace,
        Optional<End> end) {

    /**
     * Where a claim stands in the waiting line.
     *
     * @param position from 1; 0 while the workspace that was found is verified
     * @param etaSeconds empty where nothing is going to be built as things stand
     */
    public record Waiting(long position, OptionalLong etaSeconds) {}

    /**
     * The workspace of a claim.
     *
     * @param status {@code ready} when it can be used
     * @param outputs what is needed to use it; empty until it is ready; not in {@link #toString()}
     */
    public record Workspace(
            String id,
            String name,
            String organization,
            String template,
            Optional<String> preset,
            String status,
            Map<String, String> outputs) {

        /** Outputs may hold passwords, so their names alone are shown. */
        @Override
        public String toString() {
            return "Workspace[id=%s, name=%s, template=%s/%s, status=%s, outputs=%s]"
                    .formatted(id, name, organization, template, status, outputs.keySet());
        }
    }

    /**
     * Why a claim or the preparation of its workspace failed.
     *
     * @param code stable
     */
    public record End(String code, String reason) {}

    /** What is needed to use the workspace; empty until it is ready. */
    public Map<String, String> outputs() {
        return workspace.map(Workspace::outputs).orElse(Map.of());
    }

    /** Whether the workspace can be used. */
    public boolean isReady() {
        return status.equals("active")
                && workspace.filter(one -> one.status().equals("ready")).isPresent();
    }

    static Claim of(JsonNode body) {
        return new Claim(
                body.path("id").asText(),
                body.path("status").asText(),
                body.path("path").asText(),
                texts(body.path("labels")),
                text(body.path("expiresAt")).map(Instant::parse),
                object(body.path("waiting")).map(Claim::waiting),
                object(body.path("workspace")).map(Claim::workspace),
                end(body));
    }

    private static Waiting waiting(JsonNode body) {
        JsonNode eta = body.path("etaSeconds");
        return new Waiting(
                body.path("position").asLong(), eta.isNumber() ? OptionalLong.of(eta.asLong()) : OptionalLong.empty());
    }

    private static Workspace workspace(JsonNode body) {
        return new Workspace(
                body.path("id").asText(),
                body.path("name").asText(),
                body.path("organization").asText(),
                body.path("template").asText(),
                text(body.path("preset")),
                body.path("status").asText(),
                texts(body.path("outputs")));
    }

    private static Optional<End> end(JsonNode body) {
        return text(body.path("code"))
                .map(code -> new End(code, body.path("reason").asText("")))
                .or(() -> text(body.path("step").path("errorCode"))
                        .map(code ->
                                new End(code, body.path("step").path("error").asText(""))));
    }

    private static Optional<String> text(JsonNode value) {
        return value.isTextual() ? Optional.of(value.asText()) : Optional.empty();
    }

    private static Optional<JsonNode> object(JsonNode value) {
        return value.isObject() ? Optional.of(value) : Optional.empty();
    }

    private static Map<String, String> texts(JsonNode object) {
        Map<String, String> texts = new LinkedHashMap<>();
        object.properties()
                .forEach(entry -> texts.put(entry.getKey(), entry.getValue().asText()));
        return Map.copyOf(texts);
    }
}
