package dev.larder.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever a caller sends is answered, and soon. */
class DeclarationParserNoiseTest {

    private static final String DECLARED = """
            backend: exec
            files: {start.sh: "a", "b/c": |
               text
              }
            tags: {x: y}
            startTimeout: 10m
            parameters: [{name: p, type: number, default: 1.5e3, sensitive: true}]
            presets:
              - name: one
                parameters: {p: 0x10}
                prebuilds: {instances: 1, ttl: P1D, timezone: Europe/Rome,
                  schedules: [{cron: "* 9 * * *", instances: 2}, {cron: "* 10-12 * * MON", instances: 3}]}
            """;
    private static final String JSON =
            "{\"backend\":\"exec\",\"files\":{\"start.sh\":\"a\\u00e9\\n\"},\"presets\":[{\"name\":\"one\","
                    + "\"prebuilds\":{\"instances\":1,\"ttl\":\"8h\",\"schedules\":[{\"cron\":\"* 9 * * *\","
                    + "\"instances\":2}]}}],\"parameters\":[{\"name\":\"a\",\"required\":true,\"default\":-1.5e+3}]}";
    private static final String NOISE = "{}[]:,-?&*!|>'\"%@`#~ \n\t\\/.0123456789eE+abcnull\0\uFEFF\u0007é\u2028";
    private static final int ROUNDS = 5_000;

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void is_answered_however_it_is_garbled(long seed) {
        Random random = new Random(seed);

        for (int round = 0; round < ROUNDS; round++) {
            boolean yaml = random.nextBoolean();
            byte[] body = garbled(yaml ? DECLARED : JSON, random);
            try {
                ParsedDeclaration parsed =
                        DeclarationParser.parse(body, yaml ? "application/yaml" : "application/json");
                assertThat(parsed).isNotNull();
            } catch (RuntimeException fault) {
                throw new AssertionError(
                        "seed " + seed + " round " + round + ":\n" + new String(body, StandardCharsets.UTF_8), fault);
            }
        }
    }

    private static byte[] garbled(String text, Random random) {
        StringBuilder garbled = new StringBuilder(text);
        for (int change = random.nextInt(6) + 1; change > 0; change--) {
            int at = random.nextInt(garbled.length());
            char noise = NOISE.charAt(random.nextInt(NOISE.length()));
            switch (random.nextInt(4)) {
                case 0 -> garbled.setCharAt(at, noise);
                case 1 -> garbled.insert(at, noise);
                case 2 -> garbled.delete(at, Math.min(garbled.length() - 1, at + random.nextInt(20)));
                default -> garbled.insert(at, garbled.substring(0, Math.min(garbled.length(), random.nextInt(80))));
            }
        }
        byte[] bytes = garbled.toString().getBytes(StandardCharsets.UTF_8);
        if (random.nextInt(20) == 0) {
            bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
        }
        return bytes;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "[", "{", "\"", "'", "- ", "? ", ": ", "a: ", "&a ", "*a ", "!a ", "|\n", ">\n", "- -\n", "a,", "#",
                "%", "---\n", "\\", "[a,", "{a: ", "? a\n", "a: b\n", "- a\n", "\n", " ", "0", "a b ", "{\"a\":", "é"
            })
    @Timeout(10)
    void two_megabytes_of_anything_take_seconds_at_most(String piece) {
        byte[] body = piece.repeat(2 * 1024 * 1024 / piece.getBytes(StandardCharsets.UTF_8).length)
                .getBytes(StandardCharsets.UTF_8);

        assertThat(DeclarationParser.parse(body, "application/yaml")).isNotInstanceOf(ParsedDeclaration.Accepted.class);
        assertThat(DeclarationParser.parse(body, "application/json")).isNotInstanceOf(ParsedDeclaration.Accepted.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"#", "a,", "0", "\\", " ", "'", "[a,"})
    @Timeout(10)
    void two_megabytes_in_the_longest_lines_take_seconds_at_most(String piece) {
        String line = piece.repeat(SyntaxReader.MAX_YAML_LINE / piece.length()) + "\n";
        byte[] body = line.repeat(15).getBytes(StandardCharsets.UTF_8);

        assertThat(DeclarationParser.parse(body, "application/yaml")).isNotInstanceOf(ParsedDeclaration.Accepted.class);
    }

    @Test
    @Timeout(10)
    void the_most_schedules_there_can_be_take_seconds_at_most() {
        StringBuilder yaml = new StringBuilder("backend: postgres\npresets:\n");
        for (int preset = 0; preset < 100; preset++) {
            yaml.append("- {name: p%d, prebuilds: {instances: 1, schedules: [".formatted(preset));
            for (int schedule = 0; schedule < 50; schedule++) {
                yaml.append("{cron: \"* %d * %d *\", instances: 1},".formatted(schedule % 24, schedule / 24 + 1));
            }
            yaml.append("]}}\n");
        }

        ParsedDeclaration parsed =
                DeclarationParser.parse(yaml.toString().getBytes(StandardCharsets.UTF_8), "application/yaml");

        assertThat(parsed).isInstanceOf(ParsedDeclaration.Accepted.class);
    }
}
