package dev.larder.claim;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.http.Problem;
import dev.larder.model.JsonText;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** The field {@code parameters} of a claim's body. */
final class GivenValues {

    private static final int MAX = 100;

    private GivenValues() {}

    /** The values as texts, a list or an object as its JSON text. */
    static Map<String, String> of(JsonNode node) {
        if (!node.isObject() || node.size() > MAX) {
            throw Problem.badRequest("wrong_type", "parameters", "must be an object of at most " + MAX + " values.");
        }
        Map<String, String> values = new TreeMap<>();
        for (Map.Entry<String, JsonNode> field : node.properties()) {
            JsonNode value = field.getValue();
            String text = value.isContainerNode() ? JsonText.of(value) : value.asText();
            if (value.isNull() || !isText(field.getKey()) || !isText(text)) {
                throw Problem.badRequest(
                        "wrong_type",
                        isText(field.getKey()) ? field(field.getKey()) : "parameters",
                        "must be a text without U+0000 and halves of characters, a number, a truth value, a list or an object.");
            }
            values.put(field.getKey(), text);
        }
        return values;
    }

    /** Whether PostgreSQL and the environment of a process take it: no zero byte, no lone surrogate. */
    private static boolean isText(String text) {
        return text.indexOf('\0') < 0 && StandardCharsets.UTF_8.newEncoder().canEncode(text);
    }

    /** The path of a value in the body; a long name is cut. */
    static String field(String name) {
        return "parameters." + (name.length() > 64 ? name.substring(0, 64) + "…" : name);
    }

    /** The names of those that are a list or an object. */
    static Set<String> structured(JsonNode node) {
        Set<String> names = new TreeSet<>();
        for (Map.Entry<String, JsonNode> field : node.properties()) {
            if (field.getValue().isContainerNode()) {
                names.add(field.getKey());
            }
        }
        return names;
    }
}
