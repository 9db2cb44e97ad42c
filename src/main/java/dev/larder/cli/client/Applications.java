package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;

/** How the answers to {@code apply} are shown: of a declaration that was applied, and of one that would be. */
final class Applications {

    /** What a dry run adds to the answer. */
    private static final String PREVIEW = "preview";

    private static final int SHOWN_MAX = 60;

    static final List<Column> COLUMNS = List.of(
            Column.always("TEMPLATE", Applications::name),
            Column.of("VERSION", Column.field("version"), 80),
            Column.of("RESULT", Applications::result, 90),
            Column.of("PRESETS", Applications::presets, 30));

    private Applications() {}

    static String name(JsonNode answer) {
        JsonNode template = answer.path("template");
        return Json.text(template, "organization") + "/" + Json.text(template, "name");
    }

    /** Whether something was changed, or would be. */
    static boolean changes(JsonNode answer) {
        return isPreview(answer)
                ? !Json.text(answer.path(PREVIEW), "change").equals("none")
                : answer.path("versionCreated").asBoolean();
    }

    private static boolean isPreview(JsonNode answer) {
        return answer.path(PREVIEW).isObject();
    }

    private static String result(JsonNode answer) {
        if (!isPreview(answer)) {
            return changes(answer) ? "new version" : "unchanged";
        }
        return switch (Json.text(answer.path(PREVIEW), "change")) {
            case "none" -> "would not change";
            case "promote" -> "would become active";
            default -> "would be a new version";
        };
    }

    /** Names of the presets; of a preview with what would become of each. */
    private static String presets(JsonNode answer) {
        StringJoiner names = new StringJoiner(",");
        JsonNode preview = answer.path(PREVIEW);
        if (!preview.isObject()) {
            answer.path("presets").forEach(preset -> names.add(Json.text(preset, "name")));
        }
        preview.path("added").forEach(name -> names.add("+" + name.asText()));
        preview.path("removed").forEach(name -> names.add("-" + name.asText()));
        preview.path("changed").forEach(preset -> names.add("~" + Json.text(preset, "name")));
        return names.toString();
    }

    /** A line for each field that would change. */
    static List<String> differences(JsonNode answer) {
        List<String> lines = new ArrayList<>();
        lines.add(name(answer) + " " + result(answer));
        JsonNode preview = answer.path(PREVIEW);
        preview.path("fields").forEach(field -> lines.add(difference("", field)));
        preview.path("added").forEach(preset -> lines.add("  + preset " + preset.asText()));
        preview.path("removed").forEach(preset -> lines.add("  - preset " + preset.asText()));
        for (JsonNode preset : preview.path("changed")) {
            String of = "preset " + Json.text(preset, "name") + " ";
            preset.path("fields").forEach(field -> lines.add(difference(of, field)));
        }
        return List.copyOf(lines);
    }

    private static String difference(String of, JsonNode field) {
        String name = of + Table.printable(Json.text(field, "field"));
        if (field.path("sensitive").asBoolean()) {
            return "  ~ " + name + ": another value, which is not shown";
        }
        String from = Json.textOrNull(field, "from");
        String to = Json.textOrNull(field, "to");
        if (from == null) {
            return "  + " + name + ": " + shown(String.valueOf(to));
        }
        return to == null
                ? "  - " + name + ": " + shown(from)
                : "  ~ " + name + ": " + shown(from) + " -> " + shown(to);
    }

    private static String shown(String value) {
        String line = Table.printable(value);
        return line.length() <= SHOWN_MAX ? line : line.substring(0, SHOWN_MAX - 1) + "…";
    }
}
