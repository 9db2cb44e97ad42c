package dev.larder.recorded;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * The fields of JSON values and their types. Elements of an array are merged. Words such as {@code "running"} are kept;
 * other texts become their kind: {@code uuid}, {@code instant}, {@code duration}, {@code token} or {@code string}.
 */
final class Shape {

    private static final Pattern UUID = Pattern.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");
    private static final Pattern WORD = Pattern.compile("[A-Z]+|[a-z]+([._-][a-z]+)*");
    /** The end of a workspace's name, which may by chance be of letters alone. */
    private static final Pattern RANDOM_NAME = Pattern.compile(".*-[a-z0-9]{12}");

    private static final Pattern INSTANT = Pattern.compile("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d(:\\d\\d(\\.\\d+)?)?Z");
    private static final Pattern DURATION = Pattern.compile("P(\\d+D)?(T[0-9.HMS]+)?");
    private static final Pattern TOKEN = Pattern.compile("larder_[A-Za-z0-9_-]{43}");

    private final Map<String, TreeSet<String>> kinds = new TreeMap<>();

    /** Adds a value at a path; the path is empty for a whole body. */
    void add(String path, JsonNode node) {
        if (node.isObject()) {
            kinds(path).add("object");
            node.properties().forEach(field -> add(path + "." + field.getKey(), field.getValue()));
        } else if (node.isArray()) {
            kinds(path).add("array");
            node.forEach(element -> add(path + "[]", element));
        } else {
            kinds(path).add(kind(node));
        }
    }

    private TreeSet<String> kinds(String path) {
        return kinds.computeIfAbsent(path, unknown -> new TreeSet<>());
    }

    private static String kind(JsonNode value) {
        return switch (value.getNodeType()) {
            case BOOLEAN -> "boolean";
            case NULL -> "null";
            case NUMBER -> value.isIntegralNumber() ? "integer" : "decimal";
            case STRING -> kind(value.textValue());
            default -> throw new IllegalArgumentException(value.getNodeType() + " " + value);
        };
    }

    private static String kind(String text) {
        if (UUID.matcher(text).matches()) {
            return "uuid";
        } else if (INSTANT.matcher(text).matches()) {
            return "instant";
        } else if (DURATION.matcher(text).matches()) {
            return "duration";
        } else if (TOKEN.matcher(text).matches()) {
            return "token";
        }
        boolean kept =
                WORD.matcher(text).matches() && !RANDOM_NAME.matcher(text).matches() || text.startsWith("/");
        return kept ? "\"" + withoutIds(text) + "\"" : "string";
    }

    /** A text with {@code {uuid}} in place of each UUID. */
    static String withoutIds(String text) {
        return UUID.matcher(text).replaceAll("{uuid}");
    }

    /** One line for each path, in order. */
    List<String> lines() {
        return kinds.entrySet().stream()
                .map(field -> (field.getKey().isEmpty() ? "." : field.getKey()) + " = "
                        + String.join(" or ", field.getValue()))
                .toList();
    }
}
