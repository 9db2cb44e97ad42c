package dev.larder.cli.client;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Function;

/**
 * Prints what a command was asked for. Standard output gets that alone; notices and progress go to standard error.
 * A reader that has closed standard output ends the command.
 */
final class Output {

    private final Terminal terminal;
    private final OutputOptions options;
    private final Colors colors;

    Output(Terminal terminal, OutputOptions options) {
        this.terminal = terminal;
        this.options = options;
        this.colors = new Colors(!options.noColor
                && terminal.variable("NO_COLOR") == null
                && !"dumb".equals(terminal.variable("TERM"))
                && terminal.outScreen().columns().isPresent());
    }

    OutputOptions.Format format() {
        return options.format;
    }

    Colors colors() {
        return colors;
    }

    boolean isForPeople() {
        return options.format == OutputOptions.Format.table || options.format == OutputOptions.Format.wide;
    }

    /** Whether a program reads it as a tree. */
    boolean isTree() {
        return options.format == OutputOptions.Format.json || options.format == OutputOptions.Format.yaml;
    }

    /**
     * Prints a list in the chosen form. As JSON and YAML it is an object with {@code items}.
     *
     * @param name what {@code -o name} prints of an item
     */
    void list(List<JsonNode> items, List<Column> columns, Function<JsonNode, String> name) {
        switch (options.format) {
            case table, wide -> table(items, columns);
            case name -> items.forEach(item -> line(Table.printable(name.apply(item))));
            case json, yaml -> {
                ObjectNode list = Json.object();
                list.putArray("items").addAll(items);
                tree(list);
            }
        }
    }

    private void table(List<JsonNode> items, List<Column> columns) {
        if (items.isEmpty()) {
            notice("nothing found");
            return;
        }
        Table.Laid laid = lay(items, columns);
        line(colors.heading(laid.lines().getFirst()));
        laid.lines().stream().skip(1).map(colors::words).forEach(this::line);
        if (!laid.leftOut().isEmpty()) {
            notice("left out: " + String.join(", ", laid.leftOut()) + " (-o wide shows them)");
        }
    }

    /** Further rows of a table, without its headings. */
    void rows(List<JsonNode> items, List<Column> columns) {
        lay(items, columns).lines().stream().skip(1).map(colors::words).forEach(this::line);
    }

    private Table.Laid lay(List<JsonNode> items, List<Column> columns) {
        boolean wide = options.format == OutputOptions.Format.wide;
        List<Column> shown = columns.stream()
                .filter(column -> wide || column.weight() != Column.WIDE)
                .toList();
        int width = wide ? Integer.MAX_VALUE : terminal.outScreen().columns().orElse(Integer.MAX_VALUE);
        return Table.lay(shown, items, width);
    }

    /** Prints one thing as a program reads it: JSON, or YAML where that was chosen. */
    void tree(JsonNode tree) {
        try {
            if (options.format == OutputOptions.Format.yaml) {
                text(Json.yaml(tree));
            } else {
                line(Json.pretty(tree));
            }
        } catch (JsonProcessingException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    void line(String line) {
        text(line + "\n");
    }

    /** Prints it as it is, and at once. */
    void text(String text) {
        try {
            terminal.out().write(text.getBytes(StandardCharsets.UTF_8));
            terminal.out().flush();
        } catch (IOException closed) {
            throw new ClosedPipe();
        }
    }

    /** For people, on standard error. */
    void notice(String sentence) {
        terminal.err().println("larder: " + sentence);
    }
}
