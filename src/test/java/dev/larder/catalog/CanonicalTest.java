package dev.larder.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CanonicalTest {

    private static final String DECLARED = """
            backend: exec
            files: {start.sh: a, delete.sh: b}
            tags: {x: y}
            startTimeout: 10m
            parameters: [{name: p, type: string, default: d}]
            presets:
              - {name: one, parameters: {p: v}, prebuilds: {instances: 1, ttl: 1d, timezone: Europe/Rome,
                 schedules: [{cron: "* 9 * * *", instances: 2}]}}
              - {name: two}
            """;

    @Test
    void the_order_of_fields_and_files_and_the_writing_of_durations_make_no_difference() {
        String otherwise = """
                presets:
                  - {prebuilds: {ttl: PT24H, schedules: [{instances: 2, cron: "* 9 * * *"}], timezone: Europe/Rome,
                     instances: 1}, parameters: {p: v}, name: one}
                  - {name: two, prebuilds: null}
                parameters: [{default: d, name: p, required: false}]
                files: {delete.sh: "b", start.sh: 'a'}
                tags: {x: y}
                backend: exec
                """;

        assertThat(canonical(otherwise)).isEqualTo(canonical(DECLARED));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "start.sh: a>start.sh: c",
                "delete.sh: b>delete.sh: c",
                "tags: {x: y}>tags: {x: z}",
                "startTimeout: 10m>startTimeout: 11m",
                "default: d>default: e",
                "type: string, default: d>type: string",
                "type: string, default: d>type: string, default: d, mutable: true",
                "type: string, default: d>type: string, default: d, required: true",
                "type: string, default: d>type: string, default: d, sensitive: true",
                "{p: v}>{p: w}",
                "instances: 1,>instances: 0,",
                "ttl: 1d>ttl: 2d",
                "ttl: 1d,>",
                "Europe/Rome>Europe/Paris",
                "* 9 * * *>* 10 * * *",
                "instances: 2>instances: 3",
                "name: two>name: three",
                "{name: two}>{name: two, prebuilds: {instances: 0}}"
            })
    void whatever_is_declared_makes_a_difference(String change) {
        String[] fromTo = change.split(">", -1);
        assertThat(DECLARED).contains(fromTo[0]);

        assertThat(canonical(DECLARED.replace(fromTo[0], fromTo[1]))).isNotEqualTo(canonical(DECLARED));
    }

    /** Databases hold fingerprints of these bytes. If the bytes change, every template gets a new version. */
    @Test
    void a_declaration_has_the_same_bytes_in_every_version() throws NoSuchAlgorithmException {
        String every = DECLARED.replace("delete.sh: b", "reset.sh: b")
                .replace("instances: 2}]", "instances: 2}], claimOrder: newest, maxUses: 2, maxJobs: 3, maxDeletes: 4");
        byte[] bytes = HexFormat.of().parseHex(canonical(every));

        assertThat(HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes)))
                .isEqualTo("09c672e643c630997f959050060475c04343fef48371475383ecdb4b4293292f");
    }

    @Test
    void the_examples_are_accepted() throws IOException {
        int examples = 0;
        try (DirectoryStream<Path> files = Files.newDirectoryStream(Path.of("src/docs/examples"), "*.yaml")) {
            for (Path file : files) {
                assertThat(DeclarationParser.parse(Files.readAllBytes(file), "application/yaml"))
                        .as(file.toString())
                        .isInstanceOf(ParsedDeclaration.Accepted.class);
                examples++;
            }
        }

        assertThat(examples).isPositive();
    }

    private static String canonical(String yaml) {
        ParsedDeclaration parsed = DeclarationParser.parse(yaml.getBytes(StandardCharsets.UTF_8), "application/yaml");
        assertThat(parsed).isInstanceOf(ParsedDeclaration.Accepted.class);
        return HexFormat.of()
                .formatHex(Canonical.of(((ParsedDeclaration.Accepted) parsed).declaration())
                        .whole());
    }
}
