package dev.larder.jobs;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import dev.larder.model.Findings;
import dev.larder.model.Inventory;
import dev.larder.model.JobOutcome;
import dev.larder.model.LogLine;
import dev.larder.model.ToolEnd;
import dev.larder.model.WorkerEntry;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Reads and bounds the requests of workers. A worker is a foreign program: every value is checked. */
final class Reports {

    static final int SLOTS_MAX = 1_000;
    static final int LINES_MAX = 1_000;
    static final int LINE_CHARS_MAX = 10_000;
    static final int ANSWER_BYTES_MAX = 131_072;

    private static final Duration CLOCKS_APART = Duration.ofDays(1);
    private static final Duration LISTING_MAX = Duration.ofHours(1);
    private static final Duration SERVERS_APART = Duration.ofMinutes(1);
    private static final Instant FAR_OFF = Instant.parse("9999-01-01T00:00:00Z");
    private static final int NAMES_MAX = 100;
    private static final int NAME_CHARS_MAX = Inventory.NAME_CHARS_MAX;
    private static final int DETAIL_CHARS_MAX = 10_000;
    private static final Pattern DIGEST = Pattern.compile("[0-9a-f]{64}");
    private static final Set<String> STREAMS = Set.of("stdout", "stderr", "larder");

    private Reports() {}

    /** Codes: {@code missing_field}, {@code wrong_type}, {@code out_of_range}. */
    static WorkerEntry entry(JsonBody body) {
        int slots = slots(body);
        return new WorkerEntry(
                bounded("name", body.text("name")),
                body.optionalNode("tags").map(node -> texts("tags", node)).orElse(Map.of()),
                names("backends", body.optionalNode("backends").orElseThrow(() -> missing("backends"))),
                slots,
                reserved(body, slots));
    }

    private static Optional<Integer> reserved(JsonBody body, int slots) {
        Optional<Integer> reserved = body.optionalInteger("reserved");
        if (reserved.isPresent() && (reserved.get() < 0 || reserved.get() >= slots)) {
            throw Problem.unprocessable("out_of_range", "reserved", "must be from 0 to one less than slots.");
        }
        return reserved;
    }

    static int slots(JsonBody body) {
        int slots = body.integer("slots");
        if (slots < 1 || slots > SLOTS_MAX) {
            throw Problem.unprocessable("out_of_range", "slots", "must be from 1 to " + SLOTS_MAX + ".");
        }
        return slots;
    }

    /** 0 if the worker does not count its requests. */
    static int ask(JsonBody body) {
        int number = body.optionalInteger("ask").orElse(0);
        if (number < 0) {
            throw Problem.unprocessable("out_of_range", "ask", "must not be negative.");
        }
        return number;
    }

    /** Ids of jobs; at most as many as a worker can run. */
    static Set<UUID> jobs(JsonBody body, String field) {
        Set<UUID> jobs = new HashSet<>();
        body.optionalNode(field).ifPresent(node -> {
            if (!node.isArray() || node.size() > SLOTS_MAX) {
                throw Problem.badRequest("wrong_type", field, "must be a list of at most " + SLOTS_MAX + " ids.");
            }
            node.forEach(one -> jobs.add(JsonBody.uuid(one.asText())
                    .orElseThrow(() -> Problem.badRequest("invalid_id", field, "must hold UUIDs."))));
        });
        return jobs;
    }

    /**
     * A part of a listing. The worker has its instant from the answer to a heartbeat. If the instant is older than
     * the longest possible listing, the worker must list again. Codes: {@code missing_field}, {@code wrong_type},
     * {@code out_of_range}, {@code invalid_id}, {@code invalid_instant}, {@code unknown_backend},
     * {@code listing_too_old}.
     *
     * @param kinds the known kinds of backends
     */
    static Inventory.Part listing(JsonBody body, Set<String> kinds, Instant now) {
        String backend = body.text("backend");
        if (!kinds.contains(backend)) {
            throw Problem.unprocessable("unknown_backend", "backend", "is none that there is.");
        }
        return new Inventory.Part(
                backend,
                bounded("location", body.text("location")),
                began(body, now),
                things(body),
                body.optionalBoolean("last").orElseThrow(() -> missing("last")),
                connections(body));
    }

    /** Both values are given, or neither. */
    private static Optional<Inventory.Connections> connections(JsonBody body) {
        Optional<Integer> all = body.optionalInteger("connections");
        Optional<Integer> each = body.optionalInteger("connectionsPerWorkspace");
        if (all.isEmpty() && each.isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(
                new Inventory.Connections(positive("connections", all), positive("connectionsPerWorkspace", each)));
    }

    private static int positive(String field, Optional<Integer> number) {
        if (number.orElseThrow(() -> missing(field)) < 1) {
            throw Problem.unprocessable("out_of_range", field, "must be 1 or more.");
        }
        return number.get();
    }

    private static Instant began(JsonBody body, Instant now) {
        Instant began = body.optionalInstant("began").orElseThrow(() -> missing("began"));
        if (began.isBefore(now.minus(LISTING_MAX))) {
            throw Problem.unprocessable("listing_too_old", "began", "is too long ago.");
        }
        if (began.isAfter(now.plus(SERVERS_APART))) {
            throw Problem.unprocessable("out_of_range", "began", "lies in the future.");
        }
        return began.isAfter(now) ? now : began;
    }

    private static List<Inventory.Item> things(JsonBody body) {
        JsonNode node = body.optionalNode("things").orElseThrow(() -> missing("things"));
        if (!node.isArray()) {
            throw Problem.badRequest("wrong_type", "things", "must be a list.");
        }
        if (node.size() > Inventory.Part.THINGS_MAX) {
            throw Problem.unprocessable(
                    "out_of_range",
                    "things",
                    "must be at most " + Inventory.Part.THINGS_MAX + "; send more in another part.");
        }
        List<Inventory.Item> things = new ArrayList<>(node.size());
        for (JsonNode one : node) {
            things.add(thing("things[" + things.size() + "]", one));
        }
        return things;
    }

    private static Inventory.Item thing(String field, JsonNode one) {
        if (!one.path("workspace").isTextual()
                || !one.path("name").isTextual()
                || !one.path("whole").isBoolean()) {
            throw Problem.badRequest("wrong_type", field, "must have a workspace, a name and whether it is whole.");
        }
        UUID workspace = JsonBody.uuid(one.path("workspace").textValue())
                .orElseThrow(() -> Problem.badRequest("invalid_id", field + ".workspace", "must be a UUID."));
        return new Inventory.Item(
                workspace,
                bounded(field + ".name", one.path("name").textValue()),
                one.path("whole").booleanValue(),
                madeAt(field + ".madeAt", one.path("madeAt")));
    }

    /** The clock of a worker may be wrong: an instant that no database can store counts as unknown. */
    private static @Nullable Instant madeAt(String field, JsonNode node) {
        if (node.isMissingNode() || node.isNull()) {
            return null;
        }
        Instant at = instant(field, node.asText());
        return at.isBefore(Instant.EPOCH) || at.isAfter(FAR_OFF) ? null : at;
    }

    static UUID lease(JsonBody body) {
        return body.optionalId("lease").orElseThrow(() -> missing("lease"));
    }

    /**
     * A line with an impossible time gets the current time. A line that is too long is cut and marked. Characters
     * that the database cannot store are replaced by the store.
     */
    static List<LogLine> lines(JsonBody body, Instant now) {
        JsonNode node = body.optionalNode("lines").orElseThrow(() -> missing("lines"));
        if (!node.isArray() || node.isEmpty() || node.size() > LINES_MAX) {
            throw Problem.badRequest("wrong_type", "lines", "must be a list of 1 to " + LINES_MAX + " lines.");
        }
        List<LogLine> lines = new ArrayList<>(node.size());
        for (JsonNode one : node) {
            String field = "lines[" + lines.size() + "]";
            String stream = one.path("stream").asText();
            if (!STREAMS.contains(stream) || !one.path("line").isTextual()) {
                throw Problem.badRequest(
                        "wrong_type", field, "must have a stream (stdout, stderr, larder) and a line.");
            }
            lines.add(new LogLine(
                    credible(instant(field + ".at", one.path("at").asText()), now),
                    stream,
                    cut(one.path("line").asText())));
        }
        return lines;
    }

    private static String cut(String line) {
        return line.length() <= LINE_CHARS_MAX ? line : line.substring(0, LINE_CHARS_MAX) + " … (line cut)";
    }

    private static Instant credible(Instant at, Instant now) {
        return at.isBefore(now.minus(CLOCKS_APART)) || at.isAfter(now.plus(CLOCKS_APART)) ? now : at;
    }

    private static Instant instant(String field, String text) {
        try {
            return OffsetDateTime.parse(text).toInstant();
        } catch (DateTimeException notATime) {
            throw Problem.badRequest("invalid_instant", field, "must be a time like 2026-11-20T09:00:00Z.");
        }
    }

    /** A remote worker may report every result that a local one may; only its size is bounded. */
    static JobOutcome succeeded(JsonBody body) {
        Map<String, String> outputs =
                body.optionalNode("outputs").map(Reports::outputs).orElse(Map.of());
        Map<String, List<String>> replaced =
                body.optionalNode("replaced").map(Reports::replaced).orElse(Map.of());
        return new JobOutcome.Succeeded(
                outputs, replaced, new Findings(changes(body, "drift"), changes(body, "changes"), plan(body)));
    }

    private static Optional<String> plan(JsonBody body) {
        Optional<String> plan = body.optionalText("plan");
        if (plan.filter(text -> !DIGEST.matcher(text).matches()).isPresent()) {
            throw Problem.unprocessable("invalid_value", "plan", "must be 64 hexadecimal digits.");
        }
        return plan;
    }

    private static List<Findings.Change> changes(JsonBody body, String field) {
        List<Findings.Change> changes = new ArrayList<>();
        JsonNode all = body.optionalNode(field).orElseGet(JsonNodeFactory.instance::arrayNode);
        if (!all.isArray() || all.size() > Findings.CHANGES_MAX) {
            throw Problem.badRequest(
                    "wrong_type", field, "must be a list of at most " + Findings.CHANGES_MAX + " resources.");
        }
        for (JsonNode one : all) {
            changes.add(new Findings.Change(
                    string(field, one.path("address")),
                    string(field, one.path("type")),
                    action(field, one),
                    strings(field, one.path("paths"))));
        }
        return changes;
    }

    private static String action(String field, JsonNode one) {
        String action = string(field, one.path("action"));
        if (!Findings.ACTIONS.contains(action)) {
            throw Problem.unprocessable(
                    "invalid_value", field, "must have actions of " + String.join(", ", Findings.ACTIONS) + ".");
        }
        return action;
    }

    private static Map<String, String> outputs(JsonNode node) {
        bounded("outputs", node);
        Map<String, String> outputs = new LinkedHashMap<>();
        node.properties().forEach(one -> outputs.put(one.getKey(), string("outputs", one.getValue())));
        return outputs;
    }

    private static Map<String, List<String>> replaced(JsonNode node) {
        bounded("replaced", node);
        Map<String, List<String>> replaced = new LinkedHashMap<>();
        node.properties().forEach(one -> replaced.put(one.getKey(), strings("replaced", one.getValue())));
        return replaced;
    }

    private static void bounded(String field, JsonNode node) {
        if (!node.isObject()) {
            throw Problem.badRequest("wrong_type", field, "must be an object.");
        }
        if (node.toString().getBytes(StandardCharsets.UTF_8).length > ANSWER_BYTES_MAX) {
            throw Problem.unprocessable("too_long", field, "must have at most " + ANSWER_BYTES_MAX + " bytes.");
        }
    }

    private static List<String> strings(String field, JsonNode node) {
        if (!node.isArray()) {
            throw Problem.badRequest("wrong_type", field, "must hold lists of strings.");
        }
        List<String> strings = new ArrayList<>();
        node.forEach(one -> strings.add(string(field, one)));
        return strings;
    }

    private static String string(String field, JsonNode node) {
        if (!node.isTextual()) {
            throw Problem.badRequest("wrong_type", field, "must hold strings.");
        }
        return node.textValue();
    }

    static JobOutcome failed(JsonBody body) {
        if (body.optionalBoolean("canceled").orElse(false)) {
            return tool(body).<JobOutcome>map(JobOutcome.Canceled::new).orElseGet(JobOutcome.Canceled::new);
        }
        String code = body.text("code");
        if (!code.matches("[a-z][a-z0-9_]{0,63}")) {
            throw Problem.unprocessable("invalid_code", "code", "must be a word of small letters, digits and _.");
        }
        String detail = string("detail", body.optionalNode("detail").orElseThrow(() -> missing("detail")));
        String bounded = detail.length() <= DETAIL_CHARS_MAX ? detail : detail.substring(0, DETAIL_CHARS_MAX) + " …";
        return tool(body)
                .<JobOutcome>map(tool -> new JobOutcome.Failed(code, bounded, tool))
                .orElseGet(() -> new JobOutcome.Failed(code, bounded));
    }

    private static Optional<ToolEnd> tool(JsonBody body) {
        return body.optionalText("tool")
                .map(word -> Arrays.stream(ToolEnd.values())
                        .filter(tool -> tool.word().equals(word))
                        .findFirst()
                        .orElseThrow(() -> Problem.unprocessable(
                                "invalid_value", "tool", "must be not_started, exited or unknown.")));
    }

    private static Map<String, String> texts(String field, JsonNode node) {
        if (!node.isObject() || node.size() > NAMES_MAX) {
            throw Problem.badRequest("wrong_type", field, "must be an object of at most " + NAMES_MAX + " texts.");
        }
        Map<String, String> texts = new LinkedHashMap<>();
        node.properties().forEach(one -> texts.put(bounded(field, one.getKey()), text(field, one)));
        return texts;
    }

    private static String text(String field, Map.Entry<String, JsonNode> one) {
        String text = one.getValue().textValue();
        if (text == null || text.indexOf('\0') >= 0) {
            throw Problem.badRequest("wrong_type", field + "." + one.getKey(), "must be a string without U+0000.");
        }
        return text;
    }

    private static List<String> names(String field, JsonNode node) {
        if (!node.isArray() || node.size() > NAMES_MAX) {
            throw Problem.badRequest("wrong_type", field, "must be a list of at most " + NAMES_MAX + " texts.");
        }
        List<String> names = new ArrayList<>();
        for (Iterator<JsonNode> all = node.elements(); all.hasNext(); ) {
            JsonNode one = all.next();
            if (!one.isTextual()) {
                throw Problem.badRequest("wrong_type", field, "must hold strings.");
            }
            names.add(bounded(field, one.textValue()));
        }
        return names;
    }

    private static String bounded(String field, String name) {
        if (name.isBlank() || name.length() > NAME_CHARS_MAX || name.indexOf('\0') >= 0) {
            throw Problem.unprocessable("out_of_range", field, "must be of 1 to " + NAME_CHARS_MAX + " characters.");
        }
        return name;
    }

    private static Problem missing(String field) {
        return Problem.badRequest("missing_field", field, "is required.");
    }
}
