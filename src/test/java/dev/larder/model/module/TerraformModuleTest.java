package dev.larder.model.module;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.module.TerraformModule.Backend;
import dev.larder.model.module.TerraformModule.Fault;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TerraformModuleTest {

    @Test
    void variables_are_found_in_all_files_of_the_root_and_in_both_languages() {
        TerraformModule module = TerraformModule.of(Map.of(
                "main.tf", "variable \"a\" {}\nvariable b {\n type = map(object({ c = string }))\n}\n",
                "more.tf.json", "{\"variable\": {\"d\": {}, \"e\": {\"default\": 1}}}",
                "list.tf.json", "[{\"variable\": [{\"f\": {}}]}]",
                "modules/x/main.tf", "variable \"inner\" {}",
                "notes.md", "variable \"no\" {}"));

        assertThat(module.variables()).containsExactly("a", "b", "d", "e", "f");
        assertThat(module.declares("inner")).isFalse();
    }

    /** Each holds one variable "real", and something that only looks like one of "fake". */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "# variable \"fake\" {}\nvariable \"real\" {}",
                "// variable \"fake\" {\nvariable \"real\" {}",
                "/* variable \"fake\" {} \n } } */ variable \"real\" {}",
                "locals { a = \"variable \\\"fake\\\" { ${ \"}\" } {\" }\nvariable \"real\" {}",
                "locals {\n a = <<-EOT\n }\nvariable \"fake\" {}\n {{{ EOTX\n EOT\n}\nvariable \"real\" {}",
                "locals {\n a = <<EOT\nEOT\n b = [\n{\nvariable = \"fake\"\n}\n]\n}\nvariable \"real\" {}",
                "resource \"x\" \"y\" {\n variable \"fake\" {}\n}\nvariable \"real\" {}",
                "locals { a = \"$${\" \n b = \"%%{\" }\nvariable \"real\" {}",
                "locals { a = \"${ { x = \"${ \"}\" }\" }.x }\" }\nvariable \"real\" {}",
                "locals { a = 1 < 2 ? { b = \"variable\" } : {} }\nvariable real{}",
                "moved {\n from = a\n}\r\nvariable \"real\" {\r\n}\r\n",
                "\uFEFFvariable \"other\" {}\nvariable \"real\" {",
            })
    void only_what_is_a_block_of_the_file_counts(String text) {
        assertThat(TerraformModule.of(Map.of("main.tf", text)).variables())
                .contains("real")
                .doesNotContain("fake");
        assertThat(TerraformModule.faults(Map.of("main.tf", text)).isEmpty()).isEqualTo(!text.startsWith("\uFEFF"));
    }

    @Test
    void a_backend_is_found_with_whether_it_has_settings() {
        TerraformModule module = TerraformModule.of(Map.of("main.tf", """
                        terraform {
                          required_providers {
                            aws = { source = "hashicorp/aws" }
                          }
                          backend "s3" {
                            # none
                            bucket = "b"
                          }
                        }
                        terraform { backend "http" { /* nothing */ } }
                        """));

        assertThat(module.backends())
                .isEqualTo(List.of(new Backend("main.tf", "s3", false), new Backend("main.tf", "http", true)));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "}",
                "}}}",
                "\"",
                "<<",
                "<<A",
                "<<A\n",
                "variable",
                "variable \"",
                "{",
                "/*",
                "${",
                "\\",
                "a {\nb {\nc {"
            })
    void a_broken_file_is_read_to_its_end(String text) {
        assertThat(TerraformModule.of(Map.of("main.tf", text, "main.tf.json", text))
                        .variables())
                .isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "variable ~a~ {;  x = 1;variable ~b~ {}, 1",
        "variable ~a~ {};}, 2",
        "locals {;  a = [1;}, 3",
        "locals {;  a = ~x;};variable ~b~ {}, 2",
        "a = <<EOT; {;EOT;b = (, 4"
    })
    void a_file_that_surely_does_not_parse_is_named_with_a_line(String text, int line) {
        Map<String, String> files = Map.of("main.tf", text.replace(';', '\n').replace('~', '"'), "ok.tf", "a = 1");

        assertThat(TerraformModule.faults(files)).containsExactly(new Fault("main.tf", line));
    }

    @Test
    void json_that_does_not_parse_is_named_with_a_line() {
        assertThat(TerraformModule.faults(Map.of("main.tf.json", "{\n\"variable\": {]}\n")))
                .containsExactly(new Fault("main.tf.json", 2));
    }

    @Test
    void a_file_of_a_megabyte_of_brackets_is_read_in_one_pass() {
        String deep = "a = \"${".repeat(100_000) + "[{(".repeat(100_000) + "\nvariable \"x\" {}";

        assertThat(TerraformModule.of(Map.of("main.tf", deep)).variables()).isEmpty();
    }
}
