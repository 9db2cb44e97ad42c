package dev.larder.cli.client;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TopScreenTest {

    private static JsonNode pool(String preset, int ready, int desired) {
        ObjectNode pool = Json.object()
                .put("organization", "acme")
                .put("template", "a-template-with-quite-a-long-name")
                .put("preset", preset)
                .put("ready", ready)
                .put("desired", desired)
                .put("building", 2)
                .put("claimed", 30)
                .put("waiting", 1)
                .put("status", "validation_failed");
        pool.putArray("holds").addObject().put("kind", "backoff");
        return pool;
    }

    private static List<JsonNode> pools(int count) {
        return IntStream.range(0, count)
                .mapToObj(nth -> pool("p%02d".formatted(nth), 3, 5))
                .toList();
    }

    @ParameterizedTest
    @ValueSource(ints = {40, 41, 60, 80, 120, 200})
    void no_line_is_wider_than_the_terminal_and_stock_is_always_shown(int columns) {
        List<String> lines = TopScreen.screen(pools(5), "", columns, 24);

        assertThat(lines).hasSize(7).allMatch(line -> line.length() <= columns);
        assertThat(lines.get(1)).contains("POOL", "READY");
        assertThat(lines.subList(2, 7)).allMatch(line -> line.contains("3/5"));
    }

    @Test
    void a_wide_terminal_shows_all() {
        assertThat(TopScreen.screen(pools(1), "", 200, 24))
                .containsExactly(
                        "1 pool, ready 3/5, waiting 1, building 2, claimed 30",
                        "POOL                                        READY  WAITING  BUILDING  CLAIMED  STATUS             HOLDS",
                        "acme/a-template-with-quite-a-long-name/p00  3/5    1        2         30       validation_failed  backoff");
    }

    @Test
    void what_does_not_fit_is_counted() {
        List<String> lines = TopScreen.screen(pools(30), "", 80, 10);

        assertThat(lines).hasSize(10);
        // 10 lines: the sums, the heading, 7 pools and this one.
        assertThat(lines.getLast()).isEqualTo("23 more lines need a larger terminal");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void a_terminal_of_hardly_a_line_is_not_overrun(int rows) {
        assertThat(TopScreen.screen(pools(3), "", 40, rows)).hasSizeLessThanOrEqualTo(rows);
    }

    @Test
    void a_failure_stands_above_what_was_seen_last() {
        List<String> lines = TopScreen.screen(pools(1), "the server\ncannot be reached", 40, 24);

        assertThat(lines.getFirst()).isEqualTo("the server cannot be reached");
        assertThat(lines.getLast()).contains("3/5");
    }

    @Test
    void a_frame_overwrites_each_line_to_its_end_and_clears_the_rest() {
        assertThat(LiveScreen.frame(List.of("a", "b")))
                .isEqualTo("\u001B[?2026h\u001B[Ha\u001B[K\r\nb\u001B[K\u001B[J\u001B[?2026l");
    }
}
