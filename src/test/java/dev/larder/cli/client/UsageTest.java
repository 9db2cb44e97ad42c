package dev.larder.cli.client;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.cli.LarderCommand;
import java.io.ByteArrayOutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/** What is said about wrong options and arguments, and about right ones. None of these calls a server. */
class UsageTest {

    @TempDir
    Path home;

    private CommandLine top() {
        return LarderCommand.commandLine(
                Typed.at(home).terminal(new ByteArrayOutputStream(), new ByteArrayOutputStream()));
    }

    private static Stream<CommandLine> below(CommandLine command) {
        return Stream.concat(
                Stream.of(command), command.getSubcommands().values().stream().flatMap(UsageTest::below));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--port=8081                       | --port",
                "sevre                             | server",
                "get                               | KIND",
                "get poools                        | poools' is none of pools, presets",
                "get pools --statsu=ready          | --status",
                "get pools -o xml                  | --output",
                "get pools --limit=0               | --limit",
                "get pools --limit=many            | --limit",
                "get pools --every=0s              | --every",
                "get pools --request-timeout=soon  | a duration like 90s",
                "apply                             | --file",
                "apply -f /nowhere                 | --file",
                "pause preset                      | NAME of the preset",
                "pause deployment demo             | deployment has no NAME",
                "pause preset a/b --scope=none     | --scope",
                "pause preset a/b --for=1h --until=2026-12-24T18:00:00Z | --for and --until",
                "invalidate organization demo      | LEVEL",
                "promote demo/orders               | VERSION",
                "promote demo/orders none          | VERSION",
                "wait pool                         | NAME",
                "wait template demo/orders         | KIND",
                "wait pool a/b --for=red           | --for",
                "claim --foo                       | '--foo'",
                "claim --tll=1h                    | --ttl",
                "get --limit=1 --limit=2 pools     | --limit",
                "context                           | list, use, show",
                "rollout                           | pause, resume, skip-canary or rollback",
                "rollout pause                     | ROLLOUT",
                "completion tcsh                   | SHELL",
                "login                             | larder login --server",
                "worker --servr=http://127.0.0.1:1 | --server"
            })
    void a_usage_error_names_what_is_wrong_and_gives_an_example(String line, String named) {
        Typed.Result refused = Typed.at(home).with("LARDER_TOKEN", "larder_x").run(line);

        assertThat(refused.out()).isEmpty();
        assertThat(refused.err()).contains(named).containsAnyOf("Example: larder ", "Run: larder login");
        assertThat(refused.exit()).isIn(ExitCode.USAGE.number(), ExitCode.NEEDS_LOGIN.number());
    }

    /** The words after larder that call a command: "context use". */
    private static String words(CommandLine command) {
        return command.getCommandSpec().qualifiedName().replaceFirst("^larder ?", "");
    }

    private Typed.Result refused(CommandLine command, String... more) {
        List<String> line = new ArrayList<>(List.of(words(command).split(" ")));
        line.remove("");
        line.addAll(List.of(more));
        Typed.Result refused = Typed.at(home).run(line.toArray(String[]::new));
        assertThat(refused.exit()).as(line + " " + refused).isEqualTo(ExitCode.USAGE.number());
        assertThat(refused.out()).isEmpty();
        assertThat(refused.err()).as(line.toString()).contains("Example: ", "larder " + words(command));
        return refused;
    }

    @Test
    void every_command_names_an_unknown_option_also_where_an_argument_is_missing_too() {
        for (CommandLine command : below(top()).toList()) {
            assertThat(refused(command, "--no-such-option").err().lines().findFirst())
                    .hasValue("larder: Unknown option: '--no-such-option'");
        }
    }

    @Test
    void every_option_that_lacks_its_value_is_named() {
        for (CommandLine command : below(top()).toList()) {
            for (OptionSpec option : command.getCommandSpec().options()) {
                if (option.arity().min() > 0) {
                    assertThat(refused(command, option.longestName()).err())
                            .startsWith("larder: ")
                            .contains("'" + option.longestName());
                }
            }
        }
    }

    @Test
    void every_command_has_a_description_and_examples_that_can_be_parsed() {
        List<String> wrong = new ArrayList<>();
        for (CommandLine command : below(top()).toList()) {
            String[] examples = command.getCommandSpec().usageMessage().footer();
            String name = command.getCommandSpec().qualifiedName();
            if (examples.length == 0 || command.getCommandSpec().usageMessage().description().length == 0) {
                wrong.add(name + " has no examples or no description");
            }
            for (String example : examples) {
                String line =
                        example.strip().replaceFirst("^.*\\| (?=larder )", "").replaceFirst("^source <\\(", "");
                String arguments = line.replaceFirst("^larder ?", "").replaceFirst("( [<>|] |\\)).*$", "");
                try {
                    var parsed = top().parseArgs(arguments.isEmpty() ? new String[0] : arguments.split(" "));
                } catch (CommandLine.ParameterException refused) {
                    wrong.add(example + ": " + refused.getMessage());
                }
            }
        }

        assertThat(wrong).isEmpty();
    }

    @Test
    void every_option_has_a_description_and_no_line_of_help_is_longer_than_the_terminal() {
        for (CommandLine command : below(top()).toList()) {
            assertThat(command.getCommandSpec().options())
                    .allSatisfy(option -> assertThat(option.description())
                            .as(option.longestName())
                            .isNotEmpty());
        }
        Typed narrow = Typed.at(home).with("COLUMNS", "60");

        assertThat(narrow.run("get --help").out().lines().filter(line -> !line.contains("larder ")))
                .allSatisfy(line -> assertThat(line.length()).as(line).isLessThanOrEqualTo(60));
    }

    @Test
    void help_goes_to_standard_output_and_names_the_commands() {
        Typed.Result help = Typed.at(home).run("--help");

        assertThat(help.exit()).isZero();
        assertThat(help.err()).isEmpty();
        assertThat(help.out()).contains("apply", "get", "login", "server", "worker");
    }
}
