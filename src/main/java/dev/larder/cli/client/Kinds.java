package dev.larder.cli.client;

import static dev.larder.cli.client.Column.always;
import static dev.larder.cli.client.Column.field;
import static dev.larder.cli.client.Column.of;
import static dev.larder.cli.client.Column.wide;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.util.List;
import java.util.StringJoiner;
import java.util.function.Function;
import java.util.stream.Stream;

/** The columns and the names of what a server lists. */
final class Kinds {

    private Kinds() {}

    /** @param now the server's time, which ages are counted from */
    static List<Column> columns(Kind kind, Instant now) {
        return switch (kind) {
            case pools -> pools();
            case presets -> presets();
            case templates -> templates(now);
            case claims -> claims(now);
            case workspaces -> workspaces(now);
            case jobs -> jobs(now);
            case workers -> workers(now);
            case rollouts -> rollouts(now);
        };
    }

    private static List<Column> pools() {
        return List.of(
                always("POOL", Kinds::presetName),
                of("STATUS", Kinds::presetStatus, 80),
                of("READY", field("ready"), 90),
                of("WANTED", field("desired"), 70),
                of("BUILDING", field("building"), 60),
                of("CLAIMED", field("claimed"), 50),
                of("WAITING", field("waiting"), 55),
                of("ROLLOUT", Kinds::openRollout, 45),
                of("HOLDS", Kinds::holds, 40),
                wide("ID", field("presetId")));
    }

    private static String presetStatus(JsonNode row) {
        return row.path("active").asBoolean(true) ? Json.text(row, "status") : "inactive";
    }

    private static String holds(JsonNode row) {
        StringJoiner all = new StringJoiner(",");
        row.path("holds").forEach(hold -> all.add(Json.text(hold, "kind")));
        return all.toString();
    }

    private static List<Column> presets() {
        return List.of(
                always("PRESET", Kinds::presetName),
                of("STATUS", Kinds::presetStatus, 80),
                of("VERSION", field("templateVersion"), 60),
                of("INSTANCES", field("instances"), 70),
                of("HOLDS", Kinds::holds, 40),
                of("REASON", field("statusReason"), 20),
                wide("ID", field("id")));
    }

    private static List<Column> templates(Instant now) {
        return List.of(
                always("TEMPLATE", Kinds::templateName),
                of("ACTIVE", field("activeVersion"), 80),
                of("LATEST", field("latestVersion"), 60),
                of("STATE", Kinds::templateState, 70),
                of("AGE", Ages.since("createdAt", now), 50),
                wide("ID", field("id")));
    }

    private static String templateState(JsonNode row) {
        if (!Json.text(row, "deprecatedReason").isEmpty()) {
            return "deprecated";
        }
        return row.path("pause").isObject() ? "paused" : "";
    }

    private static List<Column> claims(Instant now) {
        return List.of(
                always("CLAIM", field("id")),
                of("STATUS", field("status"), 90),
                of("PRESET", row -> presetName(row.path("workspace")), 80),
                of("PATH", field("path"), 30),
                of("AGE", Ages.since("createdAt", now), 60),
                of("EXPIRES", field("expiresAt"), 50),
                of("CODE", field("code"), 20),
                wide("WORKSPACE", row -> Json.text(row.path("workspace"), "id")),
                wide("LABELS", Kinds::labels));
    }

    private static List<Column> workspaces(Instant now) {
        return List.of(
                always("WORKSPACE", field("id")),
                of("STATUS", field("status"), 90),
                of("PRESET", Kinds::presetName, 80),
                of("OWNER", field("owner"), 50),
                of("AGE", Ages.since("createdAt", now), 60),
                wide("NAME", field("name")),
                wide("VERSION", field("templateVersion")),
                wide("LABELS", Kinds::labels));
    }

    private static List<Column> jobs(Instant now) {
        return List.of(
                always("JOB", field("id")),
                of("STATUS", field("status"), 90),
                of("TRANSITION", field("transition"), 70),
                of("BACKEND", field("backend"), 40),
                of("AGE", Ages.since("createdAt", now), 60),
                of("CODE", field("errorCode"), 50),
                wide("WORKSPACE", field("workspaceId")),
                wide("WORKER", field("workerId")),
                wide("ERROR", field("error")));
    }

    private static List<Column> workers(Instant now) {
        return List.of(
                always("WORKER", field("name")),
                of("BACKENDS", row -> joined(row.path("backends")), 80),
                of("RUNNING", field("running"), 70),
                of("SLOTS", field("slots"), 60),
                of("SEEN", Ages.since("lastSeenAt", now), 65),
                of("TAGS", row -> pairs(row.path("tags")), 30),
                wide("ID", field("id")));
    }

    private static List<Column> rollouts(Instant now) {
        return List.of(
                always("ROLLOUT", field("id")),
                of("STATE", Kinds::rolloutState, 95),
                of("PRESET", Kinds::presetName, 90),
                of("CAUSE", field("cause"), 50),
                of("TO", row -> Json.text(row.path("to"), "version"), 70),
                of("WANTED", row -> Json.text(row.path("counts"), "wanted"), 40),
                of("OLD", row -> Json.text(row.path("counts"), "oldLeft"), 60),
                of("NEW", row -> Json.text(row.path("counts"), "newReady"), 65),
                of("AGE", Ages.since("createdAt", now), 45),
                of("REASON", field("reason"), 30),
                wide("FROM", row -> Json.text(row.path("from"), "version")),
                wide("INITIATOR", field("initiator")));
    }

    private static String rolloutState(JsonNode row) {
        return Json.text(row, "state") + (Json.text(row, "pausedAt").isEmpty() ? "" : ",paused");
    }

    /** Of a pool: the state of the open rollout of its line. Empty where none is open. */
    static String openRollout(JsonNode pool) {
        JsonNode rollout = pool.path("rollout");
        return Json.text(rollout, "state") + (rollout.path("paused").asBoolean() ? ",paused" : "");
    }

    /** Whether the row has this id, or this name of a worker. */
    static boolean isCalled(JsonNode row, String name) {
        return Stream.of("id", "presetId", "name")
                .anyMatch(field -> Json.text(row, field).equals(name));
    }

    /** What {@code -o name} prints, and what {@code describe} takes. */
    static Function<JsonNode, String> name(Kind kind) {
        return switch (kind) {
            case pools, presets -> Kinds::presetName;
            case templates -> Kinds::templateName;
            case claims, workspaces, jobs, workers, rollouts -> field("id");
        };
    }

    /** {@code organization/template/preset}; shorter where the row has less. */
    static String presetName(JsonNode row) {
        StringJoiner name = new StringJoiner("/");
        for (String field : List.of("organization", "template")) {
            addPresent(name, Json.text(row, field));
        }
        // Rows of presets call it name, those of workspaces preset.
        addPresent(name, row.has("preset") ? Json.text(row, "preset") : Json.text(row, "name"));
        return name.toString();
    }

    private static void addPresent(StringJoiner name, String part) {
        if (!part.isEmpty()) {
            name.add(part);
        }
    }

    private static String templateName(JsonNode row) {
        return Json.text(row, "organization") + "/" + Json.text(row, "name");
    }

    private static String labels(JsonNode row) {
        return pairs(row.path("labels"));
    }

    private static String pairs(JsonNode object) {
        StringJoiner pairs = new StringJoiner(",");
        object.fields()
                .forEachRemaining(
                        each -> pairs.add(each.getKey() + "=" + each.getValue().asText()));
        return pairs.toString();
    }

    private static String joined(JsonNode list) {
        StringJoiner all = new StringJoiner(",");
        list.forEach(each -> all.add(each.asText()));
        return all.toString();
    }
}
