package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.StringJoiner;

/** How the answers to {@code apply} are shown. */
final class Applications {

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

    private static String result(JsonNode answer) {
        return changes(answer) ? "new version" : "unchanged";
    }

    /** Whether a version was created, or would be. */
    static boolean changes(JsonNode answer) {
        return answer.path("versionCreated").asBoolean();
    }

    private static String presets(JsonNode answer) {
        StringJoiner names = new StringJoiner(",");
        answer.path("presets").forEach(preset -> names.add(Json.text(preset, "name")));
        return names.toString();
    }

    static List<String> lines(JsonNode answer) {
        return Description.of(answer);
    }
}
