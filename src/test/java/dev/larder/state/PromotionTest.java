package dev.larder.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.state.Promotion.Base;
import dev.larder.state.Promotion.Candidate;
import dev.larder.state.Promotion.Decision;
import dev.larder.state.Promotion.Right;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** S16: the matrix of serial and lineage, also for bodies that the client has encrypted. */
class PromotionTest {

    private static final String CURRENT = "ours";

    @ParameterizedTest(name = "serial {0} of lineage {1} after serial 7 of lineage ours: {2}")
    @CsvSource({
        "8, ours, promoted",
        "9223372036854775807, ours, promoted",
        "7, ours, serial_conflict",
        "6, ours, serial_regression",
        "0, ours, serial_regression",
        "8, other, lineage_mismatch",
        "7, other, lineage_mismatch",
        "6, other, lineage_mismatch"
    })
    void serial_and_lineage_decide_alike_whether_the_client_has_encrypted_the_body(
            long serial, String lineage, String expected) {
        for (String text : List.of(clear(serial, lineage), encrypted(serial, lineage))) {
            assertThat(code(Promotion.decide(base(7, false, Right.OPEN), candidate(text))))
                    .as(text)
                    .isEqualTo(expected);
        }
    }

    @Test
    void a_state_that_was_never_written_takes_any_serial_and_lineage() {
        Base empty = new Base(0, OptionalLong.empty(), null, false, false, Right.OPEN);

        assertThat(Promotion.decide(empty, candidate(clear(0, "any")))).isEqualTo(new Decision.Promote(0));
        assertThat(Promotion.decide(empty, candidate(encrypted(99, "any")))).isEqualTo(new Decision.Promote(0));
    }

    @Test
    void the_same_bytes_change_nothing_even_after_the_mutation_has_ended() {
        for (Right right : Right.values()) {
            assertThat(Promotion.decide(base(7, true, right), candidate(clear(7, CURRENT))))
                    .isEqualTo(new Decision.Same(3));
        }
    }

    @Test
    void force_overrides_serial_and_lineage_and_nothing_else() {
        Candidate forced = new Candidate(file(clear(1, "other")), false, false, OptionalLong.empty(), true);
        Candidate malformed = new Candidate(file("[]"), false, false, OptionalLong.empty(), true);
        Candidate large = new Candidate(file(clear(8, CURRENT)), true, false, OptionalLong.empty(), true);

        assertThat(Promotion.decide(base(7, false, Right.OPEN), forced)).isEqualTo(new Decision.Promote(3));
        assertThat(code(Promotion.decide(base(7, false, Right.SUPERSEDED), forced)))
                .isEqualTo("mutation_superseded");
        assertThat(code(Promotion.decide(base(7, false, Right.NONE), forced))).isEqualTo("mutation_required");
        assertThat(code(Promotion.decide(base(7, false, Right.OPEN), malformed)))
                .isEqualTo("malformed_state");
        assertThat(code(Promotion.decide(base(7, false, Right.OPEN), large))).isEqualTo("state_too_large");
    }

    @Test
    void a_body_with_another_md5_is_not_accepted_whatever_it_holds() {
        Candidate damaged = new Candidate(file(clear(8, CURRENT)), false, true, OptionalLong.empty(), true);

        assertThat(code(Promotion.decide(base(7, true, Right.OPEN), damaged))).isEqualTo("md5_mismatch");
    }

    @Test
    void a_destroyed_state_takes_nothing() {
        Base gone = new Base(3, OptionalLong.of(7), CURRENT, false, true, Right.OPEN);

        assertThat(code(Promotion.decide(gone, candidate(clear(8, CURRENT))))).isEqualTo("state_tombstoned");
    }

    @Test
    void what_is_no_state_is_malformed() {
        Stream.of(
                        "",
                        " ",
                        "null",
                        "[]",
                        "{",
                        "{}",
                        "\"{}\"",
                        "{\"serial\": 8}",
                        "{\"lineage\": \"ours\"}",
                        "{\"serial\": \"8\", \"lineage\": \"ours\"}",
                        "{\"serial\": 8.5, \"lineage\": \"ours\"}",
                        "{\"serial\": -1, \"lineage\": \"ours\"}",
                        "{\"serial\": 9223372036854775808, \"lineage\": \"ours\"}",
                        "{\"serial\": 8, \"serial\": 9, \"lineage\": \"ours\"}",
                        "{\"serial\": 8, \"lineage\": \"\"}",
                        "{\"serial\": 8, \"lineage\": null}",
                        "{\"serial\": 8, \"lineage\": \"a\\u0000b\"}",
                        "{\"serial\": 8, \"lineage\": \"" + "x".repeat(201) + "\"}",
                        clear(8, CURRENT) + "{}",
                        clear(8, CURRENT).substring(0, 60),
                        "\uFEFF" + clear(8, CURRENT),
                        "{\"serial\": 8, \"lineage\": \"ours\"}",
                        "{\"version\": \"4\", \"serial\": 8, \"lineage\": \"ours\"}",
                        "{\"version\": 4.0, \"serial\": 8, \"lineage\": \"ours\"}",
                        "{\"version\": null, \"serial\": 8, \"lineage\": \"ours\"}",
                        "{\"version\": 4, \"version\": 4, \"serial\": 8, \"lineage\": \"ours\"}",
                        "{\"version\": 9223372036854775808, \"serial\": 8, \"lineage\": \"ours\"}",
                        "{\"version\": 5, \"serial\": 8, \"lineage\": \"ours\"",
                        "{\"x\":" + "[".repeat(100_000))
                .forEach(text -> assertThat(code(Promotion.decide(base(7, false, Right.OPEN), candidate(text))))
                        .as(text.substring(0, Math.min(80, text.length())))
                        .isEqualTo("malformed_state"));
        assertThat(StateFile.of(clear(8, CURRENT).getBytes(StandardCharsets.UTF_16LE)))
                .isInstanceOf(StateFile.Malformed.class);
        assertThat(StateFile.of(clear(8, CURRENT).getBytes(StandardCharsets.UTF_16BE)))
                .isInstanceOf(StateFile.Malformed.class);
    }

    @Test
    void a_refusal_tells_nothing_of_the_body() {
        String planted =
                "{\"serial\": 8, \"lineage\": \"ours\", \"" + Given.SECRET + "\": \"" + Given.SECRET + "\" oops}";

        assertThat(file(planted))
                .isInstanceOfSatisfying(
                        StateFile.Malformed.class,
                        malformed -> assertThat(malformed.reason())
                                .startsWith("is not JSON at byte")
                                .doesNotContain("planted"));
    }

    @Test
    void managed_resources_are_counted_by_instance_and_told_by_address() {
        String text = """
                {"resources": [
                   {"mode": "managed", "type": "aws_s3_bucket", "name": "logs", "instances": [{"attributes": {"index_key": 9}}]},
                   {"instances": [{"index_key": 0}, {"index_key": "a", "deposed": "x"}], "name": "many", "type": "null_resource",
                    "mode": "managed", "module": "module.net[\\"eu\\"]"},
                   {"mode": "managed", "type": "gone", "name": "empty", "instances": []},
                   {"mode": "data", "type": "aws_ami", "name": "read", "instances": [{}]}, null],
                 "version": 4, "serial": 1, "lineage": "ours", "terraform_version": "1.11.4"}""";

        assertThat(file(text)).isInstanceOfSatisfying(StateFile.Clear.class, clear -> {
            assertThat(clear.managed()).isEqualTo(3);
            assertThat(clear.addresses())
                    .containsExactly(
                            "aws_s3_bucket.logs",
                            "module.net[\"eu\"].null_resource.many[0]",
                            "module.net[\"eu\"].null_resource.many[\"a\"]");
            assertThat(clear.tool()).isEqualTo("1.11.4");
        });
    }

    @ParameterizedTest
    @ValueSource(longs = {5, 3, 1, 0, -4, Long.MAX_VALUE})
    void a_state_of_another_format_than_4_is_not_promoted_and_the_refusal_names_its_format(long format) {
        assertThat(Promotion.decide(
                        base(7, false, Right.OPEN),
                        candidate("{\"version\": " + format + ", \"serial\": {\"in\": \"another form\"}}")))
                .isInstanceOfSatisfying(Decision.Reject.class, reject -> {
                    assertThat(reject.code()).isEqualTo("unsupported_state_format");
                    assertThat(reject.detail()).contains("format " + format + " ", "format 4");
                });
    }

    @Test
    void an_upload_that_names_the_current_version_is_decided_against_that_version_alone() {
        Base base = base(7, false, Right.OPEN);

        assertThat(Promotion.decide(base, expecting(3))).isEqualTo(new Decision.Promote(3));
        assertThat(code(Promotion.decide(base, expecting(2)))).isEqualTo("version_conflict");
        assertThat(code(Promotion.decide(base, expecting(0)))).isEqualTo("version_conflict");
        assertThat(Promotion.decide(base(7, true, Right.OPEN), expecting(2))).isEqualTo(new Decision.Same(3));
    }

    private static Candidate expecting(long version) {
        return new Candidate(file(clear(8, CURRENT)), false, false, OptionalLong.of(version), true);
    }

    private static Base base(long serial, boolean same, Right right) {
        return new Base(3, OptionalLong.of(serial), CURRENT, same, false, right);
    }

    private static Candidate candidate(String text) {
        return new Candidate(file(text), false, false, OptionalLong.empty(), false);
    }

    private static StateFile file(String text) {
        return StateFile.of(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String clear(long serial, String lineage) {
        return Given.body(serial, lineage, "x");
    }

    private static String encrypted(long serial, String lineage) {
        return "{\"serial\":%d,\"lineage\":\"%s\",\"meta\":{\"key_provider.pbkdf2.x\":\"ey==\"},\"encrypted_data\":\"%s\",\"encryption_version\":\"v0\"}"
                .formatted(serial, lineage, "x".repeat(100));
    }

    private static String code(Decision decision) {
        return switch (decision) {
            case Decision.Promote promote -> "promoted";
            case Decision.Same same -> "same";
            case Decision.Reject reject -> reject.code();
        };
    }
}
