package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.StringJoiner;

/** Pools as the lines of a screen: what {@code top} shows. Pure. */
final class TopScreen {

    /** On a narrower terminal, lines are as long as on one of this width. */
    static final int COLUMNS_MIN = 40;

    private static final List<Column> COLUMNS = List.of(
            Column.always("POOL", TopScreen::name),
            Column.always("READY", pool -> Json.text(pool, "ready") + "/" + Json.text(pool, "desired")),
            Column.of("WAITING", Column.field("waiting"), 80),
            Column.of("BUILDING", Column.field("building"), 70),
            Column.of("CLAIMED", Column.field("claimed"), 60),
            Column.of("STATUS", Column.field("status"), 50),
            Column.of("HOLDS", TopScreen::holds, 40));

    private TopScreen() {}

    /** The table alone, with every pool and every column. */
    static List<String> table(List<JsonNode> pools) {
        return Table.lay(COLUMNS, sorted(pools), Integer.MAX_VALUE).lines();
    }

    /**
     * A whole screen.
     *
     * @param notice of a failure, shown instead of the sums; empty for none
     * @return at most {@code rows} lines of at most {@code columns} characters
     */
    static List<String> screen(List<JsonNode> pools, String notice, int columns, int rows) {
        int width = Math.max(columns, COLUMNS_MIN);
        List<String> lines = new ArrayList<>();
        lines.add(cut(notice.isEmpty() ? sums(pools) : notice, width));
        lines.addAll(Table.lay(COLUMNS, sorted(pools), width).lines());
        if (lines.size() <= rows) {
            return lines;
        }
        int shown = Math.max(0, rows - 1);
        String more = lines.size() - shown + " more lines need a larger terminal";
        List<String> fitting = new ArrayList<>(lines.subList(0, shown));
        fitting.add(cut(more, width));
        return fitting.subList(0, Math.min(rows, fitting.size()));
    }

    private static String cut(String text, int width) {
        String line = Table.printable(text);
        return line.length() <= width ? line : line.substring(0, width - 1) + "…";
    }

    private static List<JsonNode> sorted(List<JsonNode> pools) {
        return pools.stream().sorted(Comparator.comparing(TopScreen::name)).toList();
    }

    private static String sums(List<JsonNode> pools) {
        StringJoiner sums = new StringJoiner(", ");
        sums.add(pools.size() + (pools.size() == 1 ? " pool" : " pools"));
        sums.add("ready " + sum(pools, "ready") + "/" + sum(pools, "desired"));
        for (String count : List.of("waiting", "building", "claimed")) {
            sums.add(count + " " + sum(pools, count));
        }
        return sums.toString();
    }

    private static long sum(List<JsonNode> pools, String count) {
        return pools.stream().mapToLong(pool -> pool.path(count).asLong()).sum();
    }

    private static String name(JsonNode pool) {
        return Json.text(pool, "organization") + "/" + Json.text(pool, "template") + "/" + Json.text(pool, "preset");
    }

    private static String holds(JsonNode pool) {
        StringJoiner holds = new StringJoiner(", ");
        if (pool.path("pause").isObject()) {
            holds.add("paused");
        }
        for (JsonNode hold : pool.path("holds")) {
            holds.add(hold.isTextual() ? hold.asText() : Json.text(hold, "kind"));
        }
        return holds.toString();
    }
}
