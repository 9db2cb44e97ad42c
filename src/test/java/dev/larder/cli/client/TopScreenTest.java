package dev.larder.cli.client;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TopScreenTest {

    private static final TopScreen TOP = new TopScreen(List.of(
            Column.always("POOL", Column.field("name")),
            Column.of("STATUS", Column.field("status"), 80),
            Column.always("READY", Column.field("ready")),
            Column.of("WANTED", Column.field("wanted"), 70),
            Column.of("BUILDING", Column.field("building"), 60)));

    private static JsonNode pool(String preset) {
        return Json.object()
                .put("name", "acme/a-template-with-quite-a-long-name/" + preset)
                .put("status", "validation_failed")
                .put("ready", 33)
                .put("wanted", 50)
                .put("building", 2);
    }

    /** In an order that no user wants. */
    private static List<JsonNode> pools(int count) {
        return IntStream.range(0, count)
                .mapToObj(nth -> pool("p%02d".formatted(count - 1 - nth)))
                .toList();
    }

    @ParameterizedTest
    @ValueSource(ints = {40, 41, 60, 80, 120, 200})
    void no_line_is_wider_than_the_terminal_and_stock_is_always_shown(int columns) {
        List<String> lines = TOP.screen(pools(5), "", columns, 24);

        assertThat(lines).hasSize(7).allMatch(line -> line.length() <= columns);
        assertThat(lines.get(1)).contains("POOL", "READY");
        assertThat(lines.subList(2, 7)).allMatch(line -> line.contains("33"));
    }

    @Test
    void a_wide_terminal_shows_all_in_the_order_of_names() {
        assertThat(TOP.screen(pools(2), "", 200, 24))
                .containsExactly(
                        "2 pools: ready 66, wanted 100, building 4",
                        "POOL                                        STATUS             READY  WANTED  BUILDING",
                        "acme/a-template-with-quite-a-long-name/p00  validation_failed  33     50      2",
                        "acme/a-template-with-quite-a-long-name/p01  validation_failed  33     50      2");
    }

    @Test
    void what_does_not_fit_is_counted() {
        List<String> lines = TOP.screen(pools(30), "", 80, 10);

        assertThat(lines).hasSize(10);
        // 10 lines: the sums, the heading, 7 pools and this one.
        assertThat(lines.getLast()).isEqualTo("23 more lines need a larger terminal");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void a_terminal_of_hardly_a_line_is_not_overrun(int rows) {
        assertThat(TOP.screen(pools(3), "", 40, rows)).hasSizeLessThanOrEqualTo(rows);
    }

    @Test
    void a_failure_stands_above_what_was_seen_last() {
        List<String> lines = TOP.screen(pools(1), "the server\ncannot be reached", 40, 24);

        assertThat(lines.getFirst()).isEqualTo("the server cannot be reached");
        assertThat(lines.getLast()).contains("33");
    }

    @Test
    void a_frame_overwrites_each_line_to_its_end_and_clears_the_rest() {
        assertThat(LiveScreen.frame(List.of("a", "b")))
                .isEqualTo("\u001B[?2026h\u001B[Ha\u001B[K\r\nb\u001B[K\u001B[J\u001B[?2026l");
    }
}
