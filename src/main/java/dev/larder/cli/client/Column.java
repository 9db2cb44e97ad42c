package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.function.Function;

/**
 * A column of a table.
 *
 * @param value the cell of a row; empty where the row has none
 * @param weight columns with the least weight are left out first where the terminal is too narrow; one of
 *     {@link #ALWAYS} never is; one of {@link #WIDE} is shown by {@code -o wide} alone
 */
record Column(String heading, Function<JsonNode, String> value, int weight) {

    static final int ALWAYS = 100;
    static final int WIDE = 0;

    static Column always(String heading, Function<JsonNode, String> value) {
        return new Column(heading, value, ALWAYS);
    }

    static Column of(String heading, Function<JsonNode, String> value, int weight) {
        return new Column(heading, value, weight);
    }

    static Column wide(String heading, Function<JsonNode, String> value) {
        return new Column(heading, value, WIDE);
    }

    /** The text of a field. */
    static Function<JsonNode, String> field(String name) {
        return row -> Json.text(row, name);
    }
}
