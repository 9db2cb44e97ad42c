package dev.larder.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.argumentSet;

import dev.larder.model.Declaration;
import dev.larder.model.Declaration.PresetDeclaration;
import dev.larder.model.Parameter;
import dev.larder.model.Refusal;
import dev.larder.model.Schedule;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class DeclarationParserTest {

    private static final String WHOLE = """
            backend: postgres
            files: {01-schema.sql: "CREATE TABLE t (n int);", 02-seed.sql: "INSERT INTO t VALUES (1);"}
            tags: {zone: eu}
            startTimeout: 5m
            parameters:
              - {name: region, type: string, default: eu}
              - {name: size, type: number, required: true, mutable: true}
              - {name: secret, sensitive: true}
            presets:
              - name: small
                parameters: {region: us, size: 1.10}
                prebuilds:
                  instances: 5
                  ttl: 24h
                  timezone: Europe/Zurich
                  schedules:
                    - {cron: "* 8-18 * * 1-5", instances: 10}
              - {name: bare, parameters: {size: 2}}
            """;

    @Test
    void reads_everything_a_declaration_can_say() {
        Declaration read = accepted(WHOLE);

        assertThat(read.backend()).isEqualTo("postgres");
        assertThat(read.files()).containsOnlyKeys("01-schema.sql", "02-seed.sql");
        assertThat(read.tags()).isEqualTo(Map.of("zone", "eu"));
        assertThat(read.startTimeout()).isEqualTo(Duration.ofMinutes(5));
        assertThat(read.parameters())
                .containsExactly(
                        new Parameter("region", "string", false, false, false, "eu"),
                        new Parameter("size", "number", true, true, false, null),
                        new Parameter("secret", "string", false, false, true, null));
        assertThat(read.presets())
                .containsExactly(
                        new PresetDeclaration(
                                "small",
                                Map.of("region", "us", "size", "1.10"),
                                Optional.of(5),
                                Optional.of(Duration.ofHours(24)),
                                "Europe/Zurich",
                                List.of(new Schedule("* 8-18 * * 1-5", 10))),
                        new PresetDeclaration(
                                "bare", Map.of("size", "2"), Optional.empty(), Optional.empty(), null, List.of()));
    }

    @Test
    void reads_the_same_from_json() {
        String json = """
                {"backend": "exec", "files": {"start.sh": "true"}, "startTimeout": "PT90S",
                 "presets": [{"name": "p", "prebuilds": {"instances": 0, "schedules": []}}]}""";
        String yaml = """
                backend: exec
                files: {start.sh: "true"}
                startTimeout: 90s
                presets:
                - name: p
                  prebuilds:
                    instances: 0
                """;

        assertThat(DeclarationParser.parse(bytes(json), "application/json; charset=utf-8"))
                .isEqualTo(parse(yaml))
                .isInstanceOf(ParsedDeclaration.Accepted.class);
    }

    @Test
    void takes_yaml_numbers_and_booleans_as_the_text_of_a_string() {
        Declaration read = accepted("""
                backend: postgres
                parameters: [{name: a}, {name: b}, {name: c}, {name: d, type: bool}, {name: e}]
                presets: [{name: p, parameters: {a: 1.10, b: 007, c: true, d: True, e: no}}]
                """);

        assertThat(read.presets().getFirst().parameters())
                .isEqualTo(Map.of("a", "1.10", "b", "007", "c", "true", "d", "true", "e", "no"));
    }

    @Test
    void a_workspace_may_be_used_once_unless_it_is_said_otherwise() {
        Declaration read = accepted("""
                backend: exec
                files: {start.sh: x, reset.sh: x}
                presets:
                - {name: once, prebuilds: {instances: 1}}
                - {name: often, prebuilds: {instances: 1, maxUses: 20}}
                """);

        assertThat(read.presets())
                .extracting(preset -> preset.handOut().maxUses())
                .containsExactly(1, 20);
    }

    @Test
    void reads_how_many_jobs_may_be_in_flight() {
        Declaration read = accepted("""
                backend: postgres
                presets:
                - {name: any, prebuilds: {instances: 1}}
                - {name: few, prebuilds: {instances: 1, maxJobs: 4, maxDeletes: 2}}
                """);

        assertThat(read.presets())
                .extracting(preset -> preset.renewal().limits().jobs())
                .containsExactly(Optional.empty(), Optional.of(4));
        assertThat(read.presets())
                .extracting(preset -> preset.renewal().limits().deletes())
                .containsExactly(Optional.empty(), Optional.of(2));
    }

    @Test
    void treats_null_as_absent() {
        Declaration read = accepted("""
                backend: postgres
                files:
                tags: ~
                startTimeout: null
                presets: [{name: p, parameters: ~, prebuilds: ~}]
                """);

        assertThat(read.startTimeout()).isEqualTo(Duration.ofMinutes(10));
        assertThat(read.presets().getFirst().instances()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"90s,90", "10m,600", "8h,28800", "1d,86400", "1h30m,5400", "PT1M30S,90"})
    void reads_durations_with_a_unit(String text, long seconds) {
        assertThat(accepted("{backend: postgres, startTimeout: " + text + "}").startTimeout())
                .isEqualTo(Duration.ofSeconds(seconds));
    }

    static Stream<Arguments> refused() {
        return Stream.of(
                bad("backend missing", "{}", "missing_field", "backend"),
                bad("backend unknown", "{backend: docker}", "unknown_backend", "backend"),
                bad("backend a number", "{backend: 7}", "wrong_type", "backend"),
                bad("a list", "[backend]", "wrong_type", "body"),
                bad("a word", "hello", "wrong_type", "body"),
                bad("unknown field", "{backend: postgres, color: red}", "unknown_field", "color"),
                bad("field twice", "{backend: postgres, backend: exec}", "duplicate_name", "backend"),
                bad("merge key", "{backend: postgres, <<: {tags: {}}}", "unknown_field", "[\"<<\"]"),
                bad(
                        "NUL in a file",
                        "{\"backend\": \"postgres\", \"files\": {\"a.sql\": \"\\0\"}}",
                        "invalid_text",
                        "files[\"a.sql\"]"),
                bad(
                        "an unknown claim order",
                        "{backend: exec, files: {start.sh: x}, presets: [{name: a, prebuilds: {instances: 1, claimOrder: best}}]}",
                        "unknown_claim_order",
                        "presets[0].prebuilds.claimOrder"),
                bad(
                        "several uses without a reset",
                        "{backend: exec, files: {start.sh: x}, presets: [{name: a, prebuilds: {instances: 1, maxUses: 2}}]}",
                        "missing_reset_script",
                        "presets[0].prebuilds.maxUses"),
                bad(
                        "several uses of what has no scripts",
                        "{backend: postgres, files: {reset.sh: x}, presets: [{name: a, prebuilds: {instances: 1, maxUses: 2}}]}",
                        "missing_reset_script",
                        "presets[0].prebuilds.maxUses"),
                bad(
                        "no use at all",
                        "{backend: exec, files: {start.sh: x, reset.sh: x}, presets: [{name: a, prebuilds: {instances: 1, maxUses: 0}}]}",
                        "out_of_range",
                        "presets[0].prebuilds.maxUses"),
                bad(
                        "no job at all",
                        "{backend: postgres, presets: [{name: a, prebuilds: {instances: 1, maxJobs: 0}}]}",
                        "out_of_range",
                        "presets[0].prebuilds.maxJobs"),
                bad(
                        "deletes in words",
                        "{backend: postgres, presets: [{name: a, prebuilds: {instances: 1, maxDeletes: few}}]}",
                        "wrong_type",
                        "presets[0].prebuilds.maxDeletes"),
                bad("exec without start.sh", "{backend: exec, files: {lib.sh: x}}", "missing_start_script", "files"),
                bad(
                        "exec with an empty start.sh",
                        "{backend: exec, files: {start.sh: ''}}",
                        "missing_start_script",
                        "files"),
                exec("stop.sh, which no build runs", "stop.sh: x", "script_never_run", "files[\"stop.sh\"]"),
                exec("a script in another case", "Ready.sh: x", "script_never_run", "files[\"Ready.sh\"]"),
                exec("a script in capitals", "VERIFY.SH: x", "script_never_run", "files[\"VERIFY.SH\"]"),
                exec("a script saved as a text", "claim.sh.txt: x", "script_never_run", "files[\"claim.sh.txt\"]"),
                exec("a script's old form", "delete.sh~: x", "script_never_run", "files[\"delete.sh~\"]"),
                exec("a script of another language", "reset.py: x", "script_never_run", "files[\"reset.py\"]"),
                exec("a script without an ending", "ready: x", "script_never_run", "files.ready"),
                exec("an empty verify.sh", "verify.sh: ''", "empty_script", "files[\"verify.sh\"]"),
                exec("a blank ready.sh", "ready.sh: ' '", "empty_script", "files[\"ready.sh\"]"),
                exec(
                        "Windows line ends",
                        "ready.sh: \"#!/bin/sh\\r\\nexit 0\\r\\n\"",
                        "windows_line_ends",
                        "files[\"ready.sh\"]"),
                exec(
                        "one Windows line end without an interpreter",
                        "claim.sh: \"true\\r\\ntrue\\n\"",
                        "windows_line_ends",
                        "files[\"claim.sh\"]"),
                exec(
                        "Windows line ends for bash",
                        "claim.sh: \"#!/usr/bin/env bash\\ntrue\\r\\n\"",
                        "windows_line_ends",
                        "files[\"claim.sh\"]"),
                exec(
                        "a helper whose interpreter ends in CR",
                        "lib/a.py: \"#!/usr/bin/python3\\r\\npass\\r\\n\"",
                        "windows_line_ends",
                        "files[\"lib/a.py\"]"),
                exec("a byte order mark", "claim.sh: \"\\uFEFF#!/bin/sh\"", "byte_order_mark", "files[\"claim.sh\"]"),
                bad(
                        "a name of 256 bytes in 130 characters",
                        "{backend: postgres, files: {lib/" + "ü".repeat(126) + ".sql: x}}",
                        "name_too_long",
                        FieldPath.field("files", "lib/" + "ü".repeat(126) + ".sql")),
                noEffect("01.SQL: SELECT 1", "files[\"01.SQL\"]"),
                noEffect("01.sql.zip: x", "files[\"01.sql.zip\"]"),
                unsupported("1.sql: \"SELECT 1;\\n\\\\i other.sql\""),
                unsupported("1.sql: \"SELECT 'open\""),
                unsupported("1.sql: CREATE DATABASE shop"),
                unsupported("1.sql: \"COPY t FROM stdin;\\n1\""),
                noEffect("'01.sql ': SELECT 1", "files[\"01.sql \"]"),
                noEffect("schema/01: SELECT 1", "files[\"schema/01\"]"),
                noEffect("README.md: read me", "files[\"README.md\"]"),
                noEffect("start.sh: 'true'", "files[\"start.sh\"]"),
                noEffect("sql: SELECT 1", "files.sql"),
                noEffect("01.sql: ' \n'", "files[\"01.sql\"]"),
                bad("files a list", "{backend: postgres, files: [a]}", "wrong_type", "files"),
                bad("file a list", "{backend: postgres, files: {a: []}}", "wrong_type", "files.a"),
                bad("file without content", "{backend: postgres, files: {a: }}", "wrong_type", "files.a"),
                bad("file twice", "{backend: postgres, files: {a: x, a: y}}", "duplicate_name", "files.a"),
                bad(
                        "absolute path",
                        "{backend: postgres, files: {/etc/passwd: x}}",
                        "invalid_path",
                        "files[\"/etc/passwd\"]"),
                bad(
                        "path upwards",
                        "{backend: postgres, files: {a/../../b: x}}",
                        "invalid_path",
                        "files[\"a/../../b\"]"),
                bad("path with a dot", "{backend: postgres, files: {./a: x}}", "invalid_path", "files[\"./a\"]"),
                bad(
                        "path with a backslash",
                        "{backend: postgres, files: {'a\\b': x}}",
                        "invalid_path",
                        "files[\"a\\b\"]"),
                bad("empty path", "{backend: postgres, files: {'': x}}", "invalid_path", "files[\"\"]"),
                bad(
                        "file that is a folder too",
                        "{backend: postgres, files: {a: x, a/b: y}}",
                        "invalid_path",
                        "files.a"),
                bad(
                        "101 files",
                        "{backend: postgres, files: {" + repeated(101, "f%d: x") + "}}",
                        "too_many_files",
                        "files"),
                bad(
                        "more than 1 MiB",
                        "{backend: postgres, files: {a: '" + "é\n".repeat(524_289) + "'}}",
                        "files_too_large",
                        "files"),
                bad("tag a list", "{backend: postgres, tags: {a: [b]}}", "wrong_type", "tags.a"),
                bad("tag name with a blank", "{backend: postgres, tags: {'a b': c}}", "invalid_name", "tags[\"a b\"]"),
                bad("21 tags", "{backend: postgres, tags: {" + repeated(21, "t%d: x") + "}}", "too_many_tags", "tags"),
                bad(
                        "tags larger than an index entry",
                        "{backend: postgres, tags: {" + repeated(20, "t%d: " + "\u4e00".repeat(128)) + "}}",
                        "tags_too_large",
                        "tags"),
                bad("time-out without a unit", "{backend: postgres, startTimeout: 90}", "wrong_type", "startTimeout"),
                bad(
                        "time-out no duration",
                        "{backend: postgres, startTimeout: soon}",
                        "invalid_duration",
                        "startTimeout"),
                bad("time-out zero", "{backend: postgres, startTimeout: 0s}", "out_of_range", "startTimeout"),
                bad(
                        "time-out negative",
                        "{backend: postgres, startTimeout: PT-5S}",
                        "invalid_duration",
                        "startTimeout"),
                bad("time-out 25 h", "{backend: postgres, startTimeout: 25h}", "out_of_range", "startTimeout"),
                bad(
                        "time-out huge",
                        "{backend: postgres, startTimeout: P999999999999999999D}",
                        "invalid_duration",
                        "startTimeout"),
                bad(
                        "time-out of half a second",
                        "{backend: postgres, startTimeout: PT1.5S}",
                        "invalid_duration",
                        "startTimeout"),
                parameter("without a name", "{type: bool}", "missing_field", "name"),
                parameter("name with a capital", "{name: Region}", "invalid_name", "name"),
                parameter("name too long", "{name: " + "a".repeat(64) + "}", "invalid_name", "name"),
                parameter("type unknown", "{name: a, type: set}", "unknown_type", "type"),
                parameter("required a word", "{name: a, required: perhaps}", "wrong_type", "required"),
                parameter(
                        "default not of its type",
                        "{name: a, type: number, default: many}",
                        "value_not_of_type",
                        "default"),
                parameter("default a list", "{name: a, default: [x]}", "wrong_type", "default"),
                parameter("unknown field", "{name: a, defualt: x}", "unknown_field", "defualt"),
                bad(
                        "parameter twice",
                        "{backend: postgres, parameters: [{name: a}, {name: a}]}",
                        "duplicate_name",
                        "parameters[1].name"),
                bad(
                        "51 parameters",
                        "{backend: postgres, parameters: [" + repeated(51, "{name: p%d}") + "]}",
                        "too_many_parameters",
                        "parameters"),
                preset("without a name", "{}", "missing_field", "name"),
                preset("name with a capital", "{name: Small}", "invalid_name", "name"),
                preset("name with a dash at its end", "{name: small-}", "invalid_name", "name"),
                preset("name a list", "{name: []}", "wrong_type", "name"),
                preset("unknown parameter", "{name: p, parameters: {size: 1}}", "unknown_parameter", "parameters.size"),
                preset("unknown field", "{name: p, instances: 3}", "unknown_field", "instances"),
                bad(
                        "preset twice",
                        "{backend: postgres, presets: [{name: a}, {name: a}]}",
                        "duplicate_name",
                        "presets[1].name"),
                bad(
                        "101 presets",
                        "{backend: postgres, presets: [" + repeated(101, "{name: p%d}") + "]}",
                        "too_many_presets",
                        "presets"),
                bad(
                        "required parameter missing",
                        "{backend: postgres, parameters: [{name: a, required: true}], presets: [{name: p}]}",
                        "missing_required_parameter",
                        "presets[0].parameters.a"),
                bad(
                        "value not of its type",
                        "{backend: postgres, parameters: [{name: a, type: bool}],"
                                + " presets: [{name: p, parameters: {a: yes}}]}",
                        "value_not_of_type",
                        "presets[0].parameters.a"),
                prebuilds("without instances", "{ttl: 1h}", "missing_field", "instances"),
                prebuilds("negative instances", "{instances: -1}", "out_of_range", "instances"),
                prebuilds("huge instances", "{instances: 1001}", "out_of_range", "instances"),
                prebuilds(
                        "instances beyond any number", "{instances: 99999999999999999999}", "wrong_type", "instances"),
                prebuilds("instances a fraction", "{instances: 1.5}", "wrong_type", "instances"),
                prebuilds("instances a text", "{instances: '5'}", "wrong_type", "instances"),
                prebuilds("ttl too short", "{instances: 1, ttl: 59s}", "out_of_range", "ttl"),
                prebuilds("ttl too long", "{instances: 1, ttl: 366d}", "out_of_range", "ttl"),
                prebuilds(
                        "unknown timezone", "{instances: 1, timezone: Europe/Zuerich}", "unknown_timezone", "timezone"),
                prebuilds("timezone an offset", "{instances: 1, timezone: '+02:00'}", "unknown_timezone", "timezone"),
                prebuilds("timezone a number", "{instances: 1, timezone: 7}", "wrong_type", "timezone"),
                schedules("bad cron", "{cron: 'every day', instances: 1}", "invalid_cron", "[0].cron"),
                schedules("minute not any", "{cron: '0 9 * * *', instances: 1}", "cron_minute_not_any", "[0].cron"),
                schedules("without cron", "{instances: 1}", "missing_field", "[0].cron"),
                schedules("without instances", "{cron: '* 9 * * *'}", "missing_field", "[0].instances"),
                schedules("negative instances", "{cron: '* 9 * * *', instances: -1}", "out_of_range", "[0].instances"),
                schedules(
                        "overlap",
                        "{cron: '* 9-12 * * *', instances: 1}, {cron: '* 12 * * 1', instances: 2}",
                        "overlapping_schedules",
                        "[1].cron"),
                schedules("51 of them", repeated(51, "{cron: '* 9 * * *', instances: %d}"), "too_many_schedules", ""));
    }

    @ParameterizedTest
    @MethodSource("refused")
    void refuses(String declaration, String code, String field) {
        ParsedDeclaration parsed = parse(declaration);

        assertThat(parsed).isInstanceOf(ParsedDeclaration.Refused.class);
        assertThat(((ParsedDeclaration.Refused) parsed).refusals())
                .extracting(refusal -> refusal.code() + " " + refusal.field())
                .contains(code + " " + field);
    }

    @Test
    void tells_everything_that_is_wrong_at_once() {
        ParsedDeclaration parsed = parse("""
                backend: docker
                colour: red
                parameters: [{name: A}]
                presets:
                  - {name: p, prebuilds: {instances: -1, ttl: 1s, timezone: Mars/Olympus}}
                  - {name: q, prebuilds: {instances: 1, schedules: [{cron: x, instances: 1}, {cron: "* 1 * * *"}]}}
                """);

        assertThat(((ParsedDeclaration.Refused) parsed).refusals())
                .extracting(Refusal::field)
                .containsExactlyInAnyOrder(
                        "backend",
                        "colour",
                        "parameters[0].name",
                        "presets[0].prebuilds.instances",
                        "presets[0].prebuilds.ttl",
                        "presets[0].prebuilds.timezone",
                        "presets[1].prebuilds.schedules[0].cron",
                        "presets[1].prebuilds.schedules[1].instances");
    }

    @Test
    void tells_at_most_a_hundred_things() {
        ParsedDeclaration parsed = parse("{backend: postgres, tags: {" + repeated(500, "'%d ?': x") + "}}");

        assertThat(((ParsedDeclaration.Refused) parsed).refusals()).hasSize(100);
    }

    @Test
    void never_repeats_a_value_that_may_be_secret() {
        ParsedDeclaration parsed = parse("""
                backend: postgres
                parameters: [{name: a, type: number, sensitive: true, default: hunter2}]
                presets: [{name: p, parameters: {a: hunter2}}]
                """);

        assertThat(parsed.toString()).contains("value_not_of_type").doesNotContain("hunter2");
    }

    static Stream<Arguments> malformed() {
        String deep = "[".repeat(100_000);
        String bomb = """
                a: &a [x, x, x, x, x, x, x, x, x]
                b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]
                """;
        return Stream.of(
                argumentSet("empty", "", "application/yaml", "empty"),
                argumentSet("empty JSON", " ", "application/json", "empty"),
                argumentSet("only a comment", "# nothing", "application/yaml", "empty"),
                argumentSet("JSON cut off", "{\"backend\":", "application/json", "line 1"),
                argumentSet("JSON with a trailing word", "{} x", "application/json", "line 1, column"),
                argumentSet("JSON with a bare word", "{\n  hunter2}", "application/json", "line 2"),
                argumentSet("two JSON documents", "{}{}", "application/json", "more than one document"),
                argumentSet("YAML as JSON", "backend: postgres", "application/json", "line 1"),
                argumentSet("YAML with a tab", "backend:\n\t- x", "application/yaml", "line 1"),
                argumentSet("YAML with bad indentation", "a: 1\n  b: 2", "application/yaml", "line 2"),
                argumentSet("YAML with an open quote", "a: 'x", "application/yaml", "line 1"),
                argumentSet("two YAML documents", "a: 1\n---\nb: 2", "application/yaml", "more than one document"),
                argumentSet("YAML alias", "a: &x 1\nb: *x", "application/yaml", "aliases"),
                argumentSet("YAML alias as a name", "a: &x b\n*x : 2", "application/yaml", "not valid YAML"),
                argumentSet("YAML alias of itself", "&a [*a]", "application/yaml", "aliases"),
                argumentSet("YAML alias bomb", bomb, "application/yaml", "aliases"),
                argumentSet("YAML list as a name", "? [a, b]\n: c", "application/yaml", "not valid YAML"),
                argumentSet("YAML binary", "a: !!binary aGk=", "application/yaml", "unknown kind"),
                argumentSet("deep JSON", deep, "application/json", "nested"),
                argumentSet("deep YAML", deep, "application/yaml", "nested"),
                argumentSet("YAML line too long", "a: " + "b".repeat(131_072), "application/yaml", "line has more"),
                argumentSet("50,001 values", "[" + "1,".repeat(50_000) + "1]", "application/json", "50000"),
                argumentSet("YAML control character", "a: \u0007", "application/yaml", "not valid YAML"));
    }

    @ParameterizedTest
    @MethodSource("malformed")
    void says_where_a_body_is_malformed_and_not_what_it_holds(String body, String type, String detail) {
        ParsedDeclaration parsed = DeclarationParser.parse(bytes(body), type);

        assertThat(parsed).isInstanceOf(ParsedDeclaration.Malformed.class);
        assertThat(((ParsedDeclaration.Malformed) parsed).detail())
                .contains(detail)
                .doesNotContain("hunter2");
    }

    @Test
    void refuses_what_is_not_utf8() {
        assertThat(DeclarationParser.parse(new byte[] {'a', ':', ' ', (byte) 0xff}, "application/yaml"))
                .isEqualTo(new ParsedDeclaration.Malformed("The body is not UTF-8."));
    }

    @Test
    void refuses_half_a_surrogate_pair() {
        ParsedDeclaration parsed = DeclarationParser.parse(
                bytes("{\"backend\": \"postgres\", \"tags\": {\"a\": \"\\ud800\"}}"), "application/json");

        assertThat(((ParsedDeclaration.Refused) parsed).refusals())
                .extracting(Refusal::code)
                .containsExactly("invalid_text");
    }

    @ParameterizedTest
    @CsvSource({"text/plain", "application/xml", "''", "application/jsonx"})
    void takes_no_other_media_type(String type) {
        assertThat(DeclarationParser.parse(bytes(WHOLE), type)).isEqualTo(new ParsedDeclaration.UnknownType());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "lib.sh: x",
                "lib/start.sh: x",
                "started.sh: x",
                "startup: x",
                "delete.sql: DROP",
                "README: x",
                "stop.sh: x, delete.sh: '. ./stop.sh'",
                "start.py: x, ready.sh: python3 start.py",
                "data.csv: \"a\\r\\nb\\r\\n\"",
                "data.csv: \"\\uFEFFa\"",
                "ready.sh: \"#!/usr/bin/env python3\\r\\npass\\r\\n\"",
                "ready.sh: \"printf 'a\\rb'\""
            })
    void files_that_scripts_may_use_are_accepted_as_they_are(String file) {
        assertThat(DeclarationParser.parse(
                        ("{backend: exec, files: {start.sh: x, " + file + "}}").getBytes(StandardCharsets.UTF_8),
                        "application/yaml"))
                .isInstanceOf(ParsedDeclaration.Accepted.class);
    }

    private static Arguments bad(String name, String declaration, String code, String field) {
        return argumentSet(name, declaration, code, field);
    }

    private static Arguments exec(String name, String file, String code, String field) {
        return bad("exec: " + name, "{backend: exec, files: {start.sh: x, " + file + "}}", code, field);
    }

    private static Arguments noEffect(String file, String field) {
        return bad("no effect: " + file, "{backend: postgres, files: {" + file + "}}", "file_without_effect", field);
    }

    private static Arguments unsupported(String file) {
        return bad(
                "unsupported: " + file,
                "{backend: postgres, files: {" + file + "}}",
                "unsupported_sql",
                "files[\"1.sql\"]");
    }

    private static Arguments parameter(String name, String parameter, String code, String field) {
        return bad(
                "parameter: " + name,
                "{backend: postgres, parameters: [" + parameter + "]}",
                code,
                "parameters[0]." + field);
    }

    private static Arguments preset(String name, String preset, String code, String field) {
        return bad("preset: " + name, "{backend: postgres, presets: [" + preset + "]}", code, "presets[0]." + field);
    }

    private static Arguments prebuilds(String name, String prebuilds, String code, String field) {
        return preset("prebuilds: " + name, "{name: p, prebuilds: " + prebuilds + "}", code, "prebuilds." + field);
    }

    private static Arguments schedules(String name, String schedules, String code, String field) {
        return prebuilds(
                "schedules: " + name, "{instances: 1, schedules: [" + schedules + "]}", code, "schedules" + field);
    }

    private static String repeated(int times, String pattern) {
        StringBuilder all = new StringBuilder();
        for (int index = 0; index < times; index++) {
            all.append(index == 0 ? "" : ", ").append(String.format(java.util.Locale.ROOT, pattern, index));
        }
        return all.toString();
    }

    private static Declaration accepted(String yaml) {
        ParsedDeclaration parsed = parse(yaml);
        assertThat(parsed).isInstanceOf(ParsedDeclaration.Accepted.class);
        return ((ParsedDeclaration.Accepted) parsed).declaration();
    }

    private static ParsedDeclaration parse(String yaml) {
        return DeclarationParser.parse(bytes(yaml), "application/yaml");
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
