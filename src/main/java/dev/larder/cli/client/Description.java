package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** One thing for people: a line for each value, nested by two spaces. Values that are absent are left out. */
final class Description {

    private static final String INDENT = "  ";

    private Description() {}

    static List<String> of(JsonNode tree) {
        List<String> lines = new ArrayList<>();
        object(tree, "", lines);
        return List.copyOf(lines);
    }

    private static void object(JsonNode object, String indent, List<String> lines) {
        object.fields().forEachRemaining(field -> {
            if (!isAbsent(field.getValue())) {
                member(heading(field.getKey()), field.getValue(), indent, lines);
            }
        });
    }

    private static boolean isAbsent(JsonNode value) {
        return value.isNull() || value.isMissingNode() || (value.isContainerNode() && value.isEmpty());
    }

    private static void member(String heading, JsonNode value, String indent, List<String> lines) {
        if (value.isContainerNode()) {
            lines.add(indent + heading + ":");
            nested(value, indent + INDENT, lines);
        } else if (value.asText().indexOf('\n') >= 0) {
            lines.add(indent + heading + ":");
            value.asText().lines().forEach(line -> lines.add(indent + INDENT + Table.printable(line)));
        } else {
            lines.add(indent + heading + ": " + Table.printable(value.asText()));
        }
    }

    private static void nested(JsonNode value, String indent, List<String> lines) {
        if (value.isObject()) {
            object(value, indent, lines);
            return;
        }
        for (JsonNode item : value) {
            if (item.isContainerNode()) {
                int first = lines.size();
                nested(item, indent + INDENT, lines);
                if (lines.size() > first) {
                    lines.set(first, indent + "- " + lines.get(first).substring(indent.length() + INDENT.length()));
                }
            } else {
                lines.add(indent + "- " + Table.printable(item.asText()));
            }
        }
    }

    /** {@code statusReason} becomes {@code Status reason}. A name with other characters is a user's, and stays. */
    private static String heading(String field) {
        if (!field.matches("[a-z][a-zA-Z]*")) {
            return Table.printable(field);
        }
        String words = field.replaceAll("([A-Z])", " $1").toLowerCase(Locale.ROOT);
        return words.substring(0, 1).toUpperCase(Locale.ROOT) + words.substring(1);
    }
}
