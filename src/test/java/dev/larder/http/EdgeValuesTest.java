package dev.larder.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EdgeValuesTest {

    @Test
    void an_entity_tag_is_read_as_it_is_written() {
        assertThat(ETags.ifMatch(ETags.format(7))).isEqualTo(OptionalInt.of(7));
        assertThat(ETags.ifMatch(null)).isEmpty();
        assertThat(ETags.ifMatch("*")).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"7", "W/\"7\"", "\"7\", \"8\"", "\"\"", "\"-1\"", "\"0\"", "\"9999999999\"", ""})
    void an_entity_tag_that_cannot_be_honoured_is_refused(String header) {
        assertThatThrownBy(() -> ETags.ifMatch(header)).hasMessageStartingWith("If-Match");
    }

    @Test
    void pages_lead_through_all_items_once() {
        List<UUID> all = Stream.generate(UUID::randomUUID)
                .limit(7)
                .sorted(EdgeValuesTest::unsigned)
                .toList();

        List<UUID> seen = new java.util.ArrayList<>();
        String after = null;
        do {
            PageRequest request = PageRequest.of("3", after);
            Page<UUID> page = Page.of(request, rows(all, request), id -> id);
            seen.addAll(page.items());
            after = page.next();
        } while (after != null);

        assertThat(seen).isEqualTo(all);
    }

    @Test
    void a_last_page_that_is_exactly_full_has_no_next() {
        PageRequest request = PageRequest.of("2", null);
        List<UUID> two = List.of(UUID.randomUUID(), UUID.randomUUID());

        assertThat(Page.of(request, two, id -> id).next()).isNull();
    }

    @Test
    void a_body_gives_its_fields_by_type() {
        JsonBody body = body("{\"n\":5,\"t\":\"x\",\"b\":true,\"d\":\"PT8H\",\"i\":null}");

        assertThat(body.integer("n")).isEqualTo(5);
        assertThat(body.text("t")).isEqualTo("x");
        assertThat(body.optionalBoolean("b")).contains(true);
        assertThat(body.optionalDuration("d")).contains(Duration.ofHours(8));
        assertThat(body.optionalInteger("i")).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"1.0", "1e3", "9999999999", "\"5\"", "true", "[]", "{}"})
    void a_whole_number_is_nothing_else(String value) {
        JsonBody body = body("{\"n\":" + value + "}");

        assertThatThrownBy(() -> body.optionalInteger("n")).hasMessageStartingWith("n: must be a whole number");
    }

    @ParameterizedTest
    @ValueSource(strings = {"PT0S", "-PT1H", "0s", "P1Y", "PT0.5S", ""})
    void a_duration_is_positive(String value) {
        JsonBody body = body("{\"d\":\"" + value + "\"}");

        assertThatThrownBy(() -> body.optionalDuration("d")).hasMessageStartingWith("d: must be a duration like 90s");
    }

    private record Values(int n, String t, boolean b, String d, int i) {}

    private static JsonBody body(String json) {
        return JsonBody.of(json.getBytes(StandardCharsets.UTF_8), Values.class);
    }

    private static List<UUID> rows(List<UUID> all, PageRequest request) {
        return all.stream()
                .filter(id -> request.after().isEmpty()
                        || unsigned(id, request.after().get()) > 0)
                .limit(request.rows())
                .toList();
    }

    /** As PostgreSQL orders them; Java compares the halves as signed numbers. */
    private static int unsigned(UUID a, UUID b) {
        int high = Long.compareUnsigned(a.getMostSignificantBits(), b.getMostSignificantBits());
        return high != 0 ? high : Long.compareUnsigned(a.getLeastSignificantBits(), b.getLeastSignificantBits());
    }
}
