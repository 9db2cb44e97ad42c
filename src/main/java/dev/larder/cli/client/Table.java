package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Rows under headings. In a terminal no line is longer than the terminal is wide: columns with the least weight are
 * left out first, then the longest cells are shortened with an ellipsis. Elsewhere nothing is left out or shortened.
 */
final class Table {

    private static final String BETWEEN = "  ";
    private static final String ELLIPSIS = "…";

    /** A column is not made narrower than this. */
    private static final int NARROWEST = 5;

    /** @param leftOut the headings of the columns that did not fit */
    record Laid(List<String> lines, List<String> leftOut) {}

    private Table() {}

    /** @param width the columns of the terminal, or {@link Integer#MAX_VALUE} */
    static Laid lay(List<Column> columns, List<JsonNode> rows, int width) {
        List<Column> shown = new ArrayList<>(columns);
        List<String> leftOut = new ArrayList<>();
        List<List<String>> cells = cells(shown, rows);
        while (width(widths(cells)) > width) {
            Column least =
                    shown.stream().min(Comparator.comparingInt(Column::weight)).orElseThrow();
            if (least.weight() == Column.ALWAYS) {
                break;
            }
            shown.remove(least);
            leftOut.add(least.heading());
            cells = cells(shown, rows);
        }
        int[] widths = widths(cells);
        narrow(widths, width);
        return new Laid(cells.stream().map(row -> line(row, widths)).toList(), List.copyOf(leftOut));
    }

    private static List<List<String>> cells(List<Column> columns, List<JsonNode> rows) {
        List<List<String>> cells = new ArrayList<>();
        cells.add(columns.stream().map(Column::heading).toList());
        for (JsonNode row : rows) {
            cells.add(columns.stream()
                    .map(column -> printable(column.value().apply(row)))
                    .map(cell -> cell.isEmpty() ? "-" : cell)
                    .toList());
        }
        return cells;
    }

    /** One line, without characters that move the cursor: a name or an error may hold them. */
    static String printable(String text) {
        return text.replaceAll("\\R", " ").replaceAll("\\p{Cntrl}", "?");
    }

    private static int[] widths(List<List<String>> cells) {
        return IntStream.range(0, cells.getFirst().size())
                .map(column -> cells.stream()
                        .mapToInt(row -> row.get(column).length())
                        .max()
                        .orElse(0))
                .toArray();
    }

    private static int width(int[] widths) {
        return IntStream.of(widths).sum() + BETWEEN.length() * (widths.length - 1);
    }

    private static void narrow(int[] widths, int width) {
        while (width(widths) > width) {
            int widest = IntStream.range(0, widths.length)
                    .reduce((a, b) -> widths[b] > widths[a] ? b : a)
                    .orElseThrow();
            if (widths[widest] <= NARROWEST) {
                return;
            }
            widths[widest]--;
        }
    }

    private static String line(List<String> row, int[] widths) {
        StringBuilder line = new StringBuilder();
        for (int column = 0; column < widths.length; column++) {
            String cell = shortened(row.get(column), widths[column]);
            line.append(column == 0 ? "" : BETWEEN).append(cell).repeat(' ', widths[column] - cell.length());
        }
        return line.toString().stripTrailing();
    }

    private static String shortened(String cell, int width) {
        return cell.length() <= width ? cell : cell.substring(0, width - 1) + ELLIPSIS;
    }
}
