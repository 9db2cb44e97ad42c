package dev.larder.recorded;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** What of an answer must stay as it is: status, code, named fields, headers and the JSON's shape. */
final class AnswerRecord {

    /** How the line of a violation begins; an answer may have more of these than were recorded. */
    static final String VIOLATION = "error ";

    private static final String PROBLEM = "application/problem+json";
    private static final Set<String> NOT_OURS =
            Set.of("date", "larder-version", "content-length", "content-type", "connection", "transfer-encoding");
    /** Members that every problem has; {@code title} and {@code detail} may be reworded. */
    private static final List<String> OF_EVERY_PROBLEM = List.of("type", "title", "status", "detail", "code", "errors");

    private AnswerRecord() {}

    static List<String> of(Call call, HttpResponse<String> answer) {
        List<String> lines = new ArrayList<>();
        String type = answer.headers().firstValue("content-type").orElse("");
        JsonNode body = call.shown(answer);
        boolean problem = type.equals(PROBLEM);
        lines.add(answer.statusCode() + " "
                + (problem ? "problem " + body.path("code").asText() : type.isEmpty() ? "no body" : type));
        lines.addAll(headers(answer));
        Shape shape = new Shape();
        if (problem) {
            lines.addAll(violations(body));
            lines.addAll(faults(body, answer.statusCode()));
            ((ObjectNode) body).remove(OF_EVERY_PROBLEM);
            body.properties().forEach(member -> shape.add("." + member.getKey(), member.getValue()));
        } else if (type.startsWith("text/event-stream")) {
            addEvents(shape, answer.body());
        } else if (type.startsWith("text/plain")) {
            answer.body().lines().forEach(line -> lines.add(line.replaceFirst("^\\S+Z ", "{instant} ")));
        } else if (!body.isMissingNode()) {
            shape.add("", body);
        }
        lines.addAll(shape.lines());
        return lines;
    }

    private static List<String> headers(HttpResponse<String> answer) {
        TreeSet<String> headers = new TreeSet<>();
        answer.headers().map().forEach((name, values) -> {
            String known = name.toLowerCase(Locale.ROOT);
            if (!NOT_OURS.contains(known)) {
                values.forEach(value -> headers.add(known + ": " + header(known, value)));
            }
        });
        // Every answer has it, so that only its absence is worth a line.
        return headers.remove("x-content-type-options: nosniff")
                ? List.copyOf(headers)
                : List.of("without x-content-type-options: " + headers);
    }

    private static String header(String name, String value) {
        return switch (name) {
            case "etag" -> value.matches("\"\\d+\"") ? value : "opaque";
            case "retry-after", "larder-pool-ready" -> value.matches("\\d+") ? "integer" : value;
            case "server-timing" -> value.replaceAll("\\d+\\.\\d+", "decimal");
            case "location" -> Shape.withoutIds(value.replaceFirst("^http://[^/]+", "{server}"));
            default -> Shape.withoutIds(value);
        };
    }

    private static List<String> violations(JsonNode body) {
        List<String> lines = new ArrayList<>();
        for (JsonNode error : body.path("errors")) {
            TreeSet<String> members = new TreeSet<>();
            error.fieldNames().forEachRemaining(members::add);
            String odd = members.equals(Set.of("code", "detail", "field")) ? "" : " with members " + members;
            lines.add(VIOLATION + error.path("code").asText() + " "
                    + error.path("field").asText() + odd);
        }
        return lines;
    }

    /** How a problem differs from the form that all problems have; empty where it does not. */
    private static List<String> faults(JsonNode body, int status) {
        List<String> faults = new ArrayList<>();
        if (!body.path("type").asText().equals("about:blank")) {
            faults.add("type " + body.path("type"));
        }
        if (body.path("status").asInt() != status) {
            faults.add("status " + body.path("status"));
        }
        for (String text : List.of("title", "detail")) {
            if (!body.path(text).isTextual()) {
                faults.add(text + " is no text");
            }
        }
        return faults;
    }

    /** Each field of an event stands below the event's name. */
    private static void addEvents(Shape shape, String stream) {
        for (String event : stream.strip().split("\n\n")) {
            Map<String, String> fields = new TreeMap<>();
            event.lines()
                    .map(line -> line.split(":", 2))
                    .filter(field -> field.length == 2)
                    .forEach(field -> fields.put(field[0], field[1].strip()));
            String name = fields.getOrDefault("event", "message");
            fields.forEach((field, value) -> shape.add("event " + name + " " + field, value(value)));
        }
    }

    private static JsonNode value(String text) {
        JsonNode json = Session.json(text);
        return json.isMissingNode() ? TextNode.valueOf(text) : json;
    }
}
