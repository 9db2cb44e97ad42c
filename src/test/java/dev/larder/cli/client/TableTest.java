package dev.larder.cli.client;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TableTest {

    private static final List<Column> COLUMNS = List.of(
            Column.always("NAME", Column.field("name")),
            Column.of("STATUS", Column.field("status"), 90),
            Column.of("REASON", Column.field("reason"), 10));

    private static JsonNode row(String name, String status, String reason) {
        return Json.object().put("name", name).put("status", status).put("reason", reason);
    }

    private static final List<JsonNode> ROWS = List.of(
            row("demo/orders-database/small", "healthy", ""),
            row("demo/a", "hard_limited", "the last 3 builds failed with exit code 1"));

    @Test
    void columns_stand_below_their_headings_and_an_absent_value_is_a_hyphen() {
        assertThat(Table.lay(COLUMNS, ROWS, Integer.MAX_VALUE).lines())
                .containsExactly(
                        "NAME                        STATUS        REASON",
                        "demo/orders-database/small  healthy       -",
                        "demo/a                      hard_limited  the last 3 builds failed with exit code 1");
    }

    @Test
    void the_column_with_the_least_weight_is_left_out_where_the_terminal_is_too_narrow() {
        Table.Laid laid = Table.lay(COLUMNS, ROWS, 40);

        assertThat(laid.leftOut()).containsExactly("REASON");
        assertThat(laid.lines()).contains("demo/orders-database/small  healthy");
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 20, 30, 39, 40, 41, 60, 80, 200})
    void no_line_is_longer_than_the_terminal_is_wide(int width) {
        assertThat(Table.lay(COLUMNS, ROWS, width).lines())
                .allSatisfy(line -> assertThat(line.length()).as(line).isLessThanOrEqualTo(width));
    }

    @Test
    void a_name_that_does_not_fit_is_shortened_with_an_ellipsis() {
        assertThat(Table.lay(COLUMNS, ROWS, 20).lines().get(1)).isEqualTo("demo/orders-databas…");
    }

    @Test
    void a_value_cannot_move_the_cursor_or_begin_a_line() {
        List<JsonNode> rows = List.of(row("a\u001B[2Jb", "x\ny", "tab\there"));

        assertThat(Table.lay(COLUMNS, rows, Integer.MAX_VALUE).lines().get(1)).isEqualTo("a?[2Jb  x y     tab?here");
    }
}
