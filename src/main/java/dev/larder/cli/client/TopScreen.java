package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.StringJoiner;

/**
 * Pools as the lines of a screen: what {@code top} shows. Pure.
 *
 * @param columns of each line; the first one is the name
 */
record TopScreen(List<Column> columns) {

    /** On a narrower terminal, lines are as long as on one of this width. */
    static final int COLUMNS_MIN = 40;

    /** The table alone, with every pool and every column. */
    List<String> table(List<JsonNode> pools) {
        return Table.lay(columns, sorted(pools), Integer.MAX_VALUE).lines();
    }

    /**
     * A whole screen.
     *
     * @param notice of a failure, shown instead of the sums; empty for none
     * @return at most {@code rows} lines of at most {@code width} characters
     */
    List<String> screen(List<JsonNode> pools, String notice, int width, int rows) {
        int columnsOfLine = Math.max(width, COLUMNS_MIN);
        List<String> lines = new ArrayList<>();
        lines.add(cut(notice.isEmpty() ? sums(pools) : notice, columnsOfLine));
        lines.addAll(Table.lay(columns, sorted(pools), columnsOfLine).lines());
        if (lines.size() <= rows) {
            return lines;
        }
        int shown = Math.max(0, rows - 1);
        String more = lines.size() - shown + " more lines need a larger terminal";
        List<String> fitting = new ArrayList<>(lines.subList(0, shown));
        fitting.add(cut(more, columnsOfLine));
        return fitting.subList(0, Math.min(rows, fitting.size()));
    }

    private static String cut(String text, int width) {
        String line = Table.printable(text);
        return line.length() <= width ? line : line.substring(0, width - 1) + "…";
    }

    private List<JsonNode> sorted(List<JsonNode> pools) {
        return pools.stream()
                .sorted(Comparator.comparing(columns.getFirst().value()))
                .toList();
    }

    /** Of each column that holds numbers. */
    private String sums(List<JsonNode> pools) {
        StringJoiner sums = new StringJoiner(", ", pools.size() + (pools.size() == 1 ? " pool: " : " pools: "), "");
        for (Column column : columns) {
            List<String> cells = pools.stream()
                    .map(column.value())
                    .filter(cell -> !cell.isEmpty())
                    .toList();
            if (!cells.isEmpty() && cells.stream().allMatch(cell -> cell.matches("[0-9]{1,9}"))) {
                long sum = cells.stream().mapToLong(Long::parseLong).sum();
                sums.add(column.heading().toLowerCase(Locale.ROOT) + " " + sum);
            }
        }
        return sums.toString();
    }
}
