package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** One thing for people: a line for each value, nested by two spaces. Values that are absent are left out. */
final class Description {

    private static final String INDENT = "  ";

    /** Objects whose keys are names that people gave. */
    private static final Set<String> OF_PEOPLE = Set.of("outputs", "labels", "files", "tags", "parameters");

    private Description() {}

    static List<String> of(JsonNode tree) {
        List<String> lines = new ArrayList<>();
        object(tree, "", false, lines);
        return List.copyOf(lines);
    }

    /** @param people whether people gave the keys */
    private static void object(JsonNode object, String indent, boolean people, List<String> lines) {
        object.fields().forEachRemaining(field -> {
            if (!isAbsent(field.getValue())) {
                member(field, indent, people, lines);
            }
        });
    }

    private static boolean isAbsent(JsonNode value) {
        return value.isNull() || value.isMissingNode() || (value.isContainerNode() && value.isEmpty());
    }

    private static void member(Map.Entry<String, JsonNode> field, String indent, boolean people, List<String> lines) {
        String heading = people ? Table.printable(field.getKey()) : heading(field.getKey());
        JsonNode value = field.getValue();
        if (value.isContainerNode()) {
            lines.add(indent + heading + ":");
            nested(value, indent + INDENT, OF_PEOPLE.contains(field.getKey()), lines);
        } else if (value.asText().indexOf('\n') >= 0) {
            lines.add(indent + heading + ":");
            value.asText().lines().forEach(line -> lines.add(indent + INDENT + Table.printable(line)));
        } else {
            lines.add(indent + heading + ": " + Table.printable(value.asText()));
        }
    }

    private static void nested(JsonNode value, String indent, boolean people, List<String> lines) {
        if (value.isObject()) {
            object(value, indent, people, lines);
            return;
        }
        for (JsonNode item : value) {
            if (item.isContainerNode()) {
                int first = lines.size();
                nested(item, indent + INDENT, false, lines);
                if (lines.size() > first) {
                    lines.set(first, indent + "- " + lines.get(first).substring(indent.length() + INDENT.length()));
                }
            } else {
                lines.add(indent + "- " + Table.printable(item.asText()));
            }
        }
    }

    /** {@code statusReason} becomes {@code Status reason}. */
    private static String heading(String field) {
        String words = field.replaceAll("([A-Z])", " $1").toLowerCase(Locale.ROOT);
        return words.substring(0, 1).toUpperCase(Locale.ROOT) + words.substring(1);
    }
}
