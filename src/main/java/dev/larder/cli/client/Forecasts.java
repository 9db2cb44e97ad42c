package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;

/** Tables of forecasts. */
final class Forecasts {

    /** Of the presets in the answer of a promotion's dry run. */
    static final List<Column> PRESETS = List.of(
            Column.always("PRESET", Column.field("preset")),
            Column.of("CHANGE", Forecasts::change, 90),
            Column.of("OUTCOME", preset -> outcome(preset.path("forecast")), 80),
            Column.of("TAKES", preset -> Json.text(preset.path("forecast"), "duration"), 80),
            Column.of("LOWEST READY", preset -> lowest(preset.path("forecast")), 70),
            Column.of("BUILD TIME", preset -> buildTime(preset.path("forecast")), 50));

    private static final List<Column> STEPS = List.of(
            Column.always("PRESET", Column.field("preset")),
            Column.always("AFTER", Column.field("after")),
            Column.of("STEP", Forecasts::action, 90),
            Column.of("VERSION", Column.field("version"), 80),
            Column.of("READY", Column.field("ready"), 70));

    private Forecasts() {}

    /** The steps of one forecast, as rows for {@link #printSteps}. */
    static List<JsonNode> steps(String preset, JsonNode forecast) {
        List<JsonNode> rows = new ArrayList<>();
        for (JsonNode step : forecast.path("steps")) {
            ObjectNode row = step.deepCopy();
            rows.add(row.put("preset", preset));
        }
        return rows;
    }

    /** A table below another one. None without steps. */
    static void printSteps(Output output, List<JsonNode> steps) {
        if (output.isForPeople() && !steps.isEmpty()) {
            output.line("");
            output.list(steps, STEPS, Column.field("preset"));
        }
    }

    /** {@code create 2}, {@code delete 1 (expired)}. */
    static String action(JsonNode action) {
        String count = Json.text(action, "count");
        String reason = Json.text(action, "reason");
        return Json.text(action, "kind").replace('_', ' ')
                + (count.isEmpty() ? "" : " " + count)
                + (reason.isEmpty() ? "" : " (" + reason + ")");
    }

    private static String change(JsonNode preset) {
        String because = Json.text(preset, "because").replace('_', ' ');
        String superseding = preset.path("supersedes").asBoolean() ? ", supersedes a rollout" : "";
        return Json.text(preset, "change") + (because.isEmpty() ? "" : " (" + because + ")") + superseding;
    }

    private static String outcome(JsonNode forecast) {
        String detail = Json.text(forecast, "detail");
        return Json.text(forecast, "outcome").replace('_', ' ') + (detail.isEmpty() ? "" : ": " + detail);
    }

    private static String lowest(JsonNode forecast) {
        JsonNode lowest = forecast.path("lowestReady");
        return Json.text(lowest, "ready") + " after " + Json.text(lowest, "after");
    }

    private static String buildTime(JsonNode forecast) {
        JsonNode measured = forecast.path("measuredFrom");
        String builds = Json.text(measured, "builds");
        return Json.text(measured, "buildTime")
                + (builds.equals("0")
                        ? " (assumed)"
                        : " (" + builds + " of version " + Json.text(measured, "version") + ")");
    }
}
