package dev.larder.cli.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CompletionTest {

    @TempDir
    Path home;

    private String script(String shell) {
        Typed.Result result = Typed.at(home).run("completion " + shell);
        assertThat(result.exit()).isZero();
        assertThat(result.err()).isEmpty();
        return result.out();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "larder g        | get",
                "larder context u | use",
                "larder get po   | pools",
                "larder get pools --stat | --status",
                "larder get pools -o js  | json",
                "larder completion f | fish"
            })
    void bash_completes_commands_options_and_their_values(String typed, String offered) throws Exception {
        Path script = Files.writeString(home.resolve("larder.bash"), script("bash"));
        String ask = """
                source %s
                COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE='%s'; COMP_POINT=${#COMP_LINE}
                _complete_larder
                printf '%%s\\n' "${COMPREPLY[@]}"
                """.formatted(script, typed, typed);

        assertThat(bash(ask).lines()).contains(offered);
    }

    private static String bash(String script) throws IOException, InterruptedException {
        Process bash = new ProcessBuilder("bash", "-c", script)
                .redirectErrorStream(true)
                .start();
        String printed = new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(bash.waitFor(10, TimeUnit.SECONDS)).isTrue();
        return printed;
    }

    @Test
    void zsh_gets_the_same_script_which_loads_what_zsh_needs() {
        assertThat(script("zsh")).contains("bashcompinit").isEqualTo(script("bash"));
    }

    @Test
    void fish_completes_commands_options_and_their_values() {
        assertThat(script("fish").lines())
                .contains(
                        "complete -c larder -n '__fish_use_subcommand' -a plan -d 'Shows what the server would do next to"
                                + " the pools of presets, without doing it'",
                        "complete -c larder -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'",
                        "complete -c larder -n '__fish_seen_subcommand_from get' -s o -l output -x -a"
                                + " 'table wide json yaml name' -d 'table, wide, json, yaml, name'");
    }
}
