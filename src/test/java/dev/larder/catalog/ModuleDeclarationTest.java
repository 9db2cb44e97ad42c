package dev.larder.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.larder.model.Declaration;
import dev.larder.model.Refusal;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Declarations of backend {@code terraform}, and parameters that are lists and maps. */
class ModuleDeclarationTest {

    @Test
    void a_module_is_taken_with_its_sub_folders_and_an_empty_http_backend() {
        Declaration read = accepted("""
                backend: terraform
                files:
                  main.tf: |
                    terraform {
                      # Larder keeps the state.
                      backend "http" {}
                    }
                    variable "size" { type = number }
                    module "disk" { source = "./modules/disk" }
                  modules/disk/main.tf: 'terraform { backend "s3" {} }'
                  README.md: read me
                parameters: [{name: size, type: number, required: true}]
                """);

        assertThat(read.files()).containsKeys("main.tf", "modules/disk/main.tf");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            README.md: nothing                             | missing_module       | files
            modules/a/main.tf: ''                          | missing_module       | files
            main.tf: 'terraform { backend "s3" {} }'       | backend_configured   | files.'main.tf'
            main.tf: 'terraform { cloud { } }'             | backend_configured   | files.'main.tf'
            main.tf: 'terraform { backend "http" { address = "x" } }' | backend_configured | files.'main.tf'
            main.tf.json: '{"terraform":[{"backend":{"local":{}}}]}'  | backend_configured | files.'main.tf.json'
            main.tofu: 'terraform { backend local {} }'    | backend_configured   | files.'main.tofu'
            zz_larder_override.tf: ''                      | reserved_file        | files.'zz_larder_override.tf'
            zz_larder.auto.tfvars.json: '{}'               | reserved_file        | files.'zz_larder.auto.tfvars.json'
            terraform.tfstate: '{}'                        | reserved_file        | files.'terraform.tfstate'
            .terraform/terraform.tfstate: '{}'             | reserved_file        | files.'.terraform/terraform.tfstate'
            .terraform/modules/modules.json: '{}'          | reserved_file        | files.'.terraform/modules/modules.json'
            """)
    void what_larder_cannot_keep_the_state_of_is_refused(String file, String code, String field) {
        assertThat(refusals("{backend: terraform, files: {a.md: '', " + file.replaceFirst("^(\\S+):", "'$1':") + "}}"))
                .extracting(
                        Refusal::code,
                        refusal -> refusal.field().replace("[\"", ".'").replace("\"]", "'"))
                .contains(tuple(code, field));
    }

    @Test
    void a_parameter_that_the_module_does_not_declare_is_refused_by_its_name() {
        assertThat(refusals("""
                        backend: terraform
                        files: {main.tf: "variable size {}"}
                        parameters: [{name: size}, {name: sise}, {name: larder_owner}]
                        """))
                .extracting(Refusal::code, Refusal::field)
                .containsExactly(
                        tuple("parameter_undeclared", "parameters[1].name"),
                        tuple("reserved_parameter", "parameters[2].name"));
    }

    @Test
    void a_file_that_does_not_parse_is_told_with_its_line_instead_of_the_parameters_behind_the_fault() {
        assertThat(refusals("""
                        backend: terraform
                        files: {main.tf: "locals {\\n a = [1\\n}\\nvariable size {}"}
                        parameters: [{name: size}]
                        """)).singleElement().satisfies(refusal -> {
            assertThat(refusal.code()).isEqualTo("module_invalid");
            assertThat(refusal.field()).isEqualTo("files[\"main.tf\"]");
            assertThat(refusal.detail()).contains("line 3");
        });
    }

    @Test
    void lists_and_maps_are_kept_as_one_text_however_they_are_written() {
        Declaration read = accepted("""
                backend: exec
                files: {start.sh: "true"}
                parameters:
                  - {name: zones, type: list, default: [b, a, 1.50, true, ~]}
                  - {name: labels, type: map, sensitive: true}
                presets:
                  - {name: one, parameters: {labels: {z: 1, a: {d: [], c: x}}}}
                  - {name: two, parameters: {labels: '{"a":1}', zones: '["x"]'}}
                """);

        assertThat(read.parameters().getFirst().defaultValue()).isEqualTo("[\"b\",\"a\",1.5,true,null]");
        assertThat(read.presets().getFirst().parameters())
                .isEqualTo(Map.of("labels", "{\"a\":{\"c\":\"x\",\"d\":[]},\"z\":1}"));
        assertThat(read.presets().getLast().parameters()).isEqualTo(Map.of("labels", "{\"a\":1}", "zones", "[\"x\"]"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            list   | {a: b}        | value_not_of_type
            list   | 7             | value_not_of_type
            list   | "[1"          | value_not_of_type
            list   | "[1] 2"       | value_not_of_type
            map    | [a]           | value_not_of_type
            map    | "{\\"a\\":1,\\"a\\":2}" | value_not_of_type
            map    | text          | value_not_of_type
            string | [a]           | wrong_type
            number | {a: b}        | wrong_type
            """)
    void a_value_of_another_form_is_refused(String type, String value, String code) {
        assertThat(refusals("{backend: exec, files: {start.sh: 'true'}, parameters: [{name: a, type: " + type
                        + ", default: " + value + "}]}"))
                .extracting(Refusal::code, Refusal::field)
                .containsExactly(tuple(code, "parameters[0].default"));
    }

    private static Declaration accepted(String yaml) {
        return ((ParsedDeclaration.Accepted) parse(yaml)).declaration();
    }

    private static List<Refusal> refusals(String yaml) {
        return ((ParsedDeclaration.Refused) parse(yaml)).refusals();
    }

    private static ParsedDeclaration parse(String yaml) {
        return DeclarationParser.parse(yaml.getBytes(StandardCharsets.UTF_8), "application/yaml");
    }
}
