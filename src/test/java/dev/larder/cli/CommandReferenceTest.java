package dev.larder.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.cli.client.ExitCode;
import dev.larder.cli.client.Terminal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/**
 * Holds {@code src/docs/cli.md}, which is written from the commands themselves. {@code -Dlarder.cli.write=true} writes
 * it anew.
 */
class CommandReferenceTest {

    private static final Path REFERENCE = Path.of("src/docs/cli.md");

    /** Options that every command which calls a server has; they are listed once. */
    private static final List<String> COMMON = List.of(
            "--context",
            "--server",
            "--token",
            "--token-file",
            "--organization",
            "--ca-file",
            "--request-timeout",
            "--output",
            "--no-color",
            "--help");

    private static final String BEGINNING = """
            # The command line

            `larder` is a server, a worker, and the commands that call a server. These need no database and start nothing of the server. This page is
            written from the commands by a test; `larder COMMAND --help` shows the same.

            ## Where a command goes

            A command takes each of these from the first place that has it.

            | | Option | Environment | Context file |
            |---|---|---|---|
            | context | `--context` | `LARDER_CONTEXT` | the one that `larder context use` or `larder login` chose |
            | server | `--server` | `LARDER_URL` | `server` |
            | token | `--token`, `--token-file` | `LARDER_TOKEN` | `token`, of a context of the same server alone |
            | organization | `--organization` | `LARDER_ORGANIZATION` | `organization`, else the one of the user |
            | certificates | `--ca-file` | | `caFile` |

            The context file is `~/.config/larder/config.yaml` (`XDG_CONFIG_HOME` is followed), or the file that `LARDER_CONFIG` names. It is written with mode 0600.

            Standard output gets what was asked for, and nothing else: with `-o json` one JSON value, with `--watch` one line for each change. Notices, progress
            and failures go to standard error. A list as JSON or YAML is an object with `items`. Colours appear in a terminal alone, and not where `NO_COLOR` is set. In
            a narrow terminal a table leaves columns out and says so. A command whose reader closes the pipe ends quietly with 0. Ctrl-C ends a command with 130.

            A server of another version is said on standard error. Versions that differ in the last number alone speak the same API.

            ## Exit codes

            | Code | Meaning |
            |---|---|
            """;

    @Test
    void the_reference_is_what_the_commands_are() throws IOException {
        String written = reference();
        if (Boolean.getBoolean("larder.cli.write")) {
            Files.writeString(REFERENCE, written);
        }

        assertThat(REFERENCE).content().isEqualTo(written);
    }

    private static String reference() {
        CommandLine top = LarderCommand.commandLine(new Terminal(
                System.in, System.out, System.err, Map.of(), Path.of("/"), Terminal.Screen.NONE, Terminal.Screen.NONE));
        StringBuilder page = new StringBuilder(BEGINNING);
        for (ExitCode code : ExitCode.values()) {
            page.append("| %d | %s |%n".formatted(code.number(), code.meaning()));
        }
        page.append("| %d + n | ended by signal n; 130 is Ctrl-C |%n".formatted(ExitCode.SIGNAL));
        common(page, top.getSubcommands().get("get").getCommandSpec());
        below(top).forEach(command -> command(page, command.getCommandSpec()));
        return page.toString();
    }

    private static void common(StringBuilder page, CommandSpec command) {
        page.append("%n## Options of every command that calls a server%n%n".formatted());
        options(
                page,
                command.options().stream()
                        .filter(CommandReferenceTest::isCommon)
                        .toList());
    }

    private static boolean isCommon(OptionSpec option) {
        return COMMON.contains(option.longestName());
    }

    /** Whether the option is the one that is listed once. {@code claim --output} has a meaning of its own. */
    private static boolean isUsual(CommandSpec command, OptionSpec option) {
        return command.optionsMap().containsKey("--request-timeout")
                && (!option.longestName().equals("--output")
                        || command.optionsMap().containsKey("--no-color"));
    }

    private static Stream<CommandLine> below(CommandLine command) {
        return command.getSubcommands().values().stream().flatMap(each -> Stream.concat(Stream.of(each), below(each)));
    }

    private static void command(StringBuilder page, CommandSpec command) {
        page.append("%n## `%s`%n%n".formatted(command.qualifiedName()));
        Stream.of(command.usageMessage().description())
                .forEach(line -> page.append(line).append('\n'));
        page.append("%n```sh%n".formatted());
        Stream.of(command.usageMessage().footer())
                .forEach(example -> page.append(example.strip()).append('\n'));
        page.append("```\n");
        List<OptionSpec> own = command.options().stream()
                .filter(option -> !isCommon(option) || !isUsual(command, option))
                .filter(option -> !option.longestName().equals("--help")
                        && !option.longestName().equals("--version"))
                .toList();
        if (!own.isEmpty() || !command.positionalParameters().isEmpty()) {
            page.append('\n');
        }
        parameters(page, command.positionalParameters(), own.isEmpty());
        options(page, own);
    }

    private static void parameters(StringBuilder page, List<PositionalParamSpec> parameters, boolean alone) {
        if (parameters.isEmpty()) {
            return;
        }
        page.append("| Argument | |%n|---|---|%n".formatted());
        for (PositionalParamSpec parameter : parameters) {
            String label = parameter.paramLabel() + (parameter.arity().max() > 1 ? "..." : "");
            page.append("| `%s` | %s |%n".formatted(label, text(parameter)));
        }
        page.append(alone ? "" : "\n");
    }

    private static void options(StringBuilder page, List<OptionSpec> options) {
        if (options.isEmpty()) {
            return;
        }
        page.append("| Option | |%n|---|---|%n".formatted());
        for (OptionSpec option : options) {
            String value = option.arity().max() == 0 ? "" : "=" + option.paramLabel();
            page.append("| `%s%s` | %s |%n".formatted(String.join("`, `", option.names()), value, text(option)));
        }
    }

    private static String text(CommandLine.Model.ArgSpec argument) {
        return String.join(" ", argument.description()).replace("|", "\\|");
    }
}
