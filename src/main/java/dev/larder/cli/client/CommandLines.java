package dev.larder.cli.client;

import dev.larder.model.Durations;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/** What every command of {@code larder} has in common: how it reads its arguments and how it fails. */
public final class CommandLines {

    private CommandLines() {}

    /** @param top the annotated top command with its subcommands */
    public static CommandLine of(Object top, Terminal terminal) {
        return new CommandLine(top)
                .registerConverter(Duration.class, CommandLines::duration)
                .registerConverter(Kind.class, new KindArgument())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setOut(new PrintWriter(terminal.out(), true, StandardCharsets.UTF_8))
                .setErr(new PrintWriter(terminal.err(), true, StandardCharsets.UTF_8))
                .setColorScheme(CommandLine.Help.defaultColorScheme(CommandLine.Help.Ansi.OFF))
                .setUsageHelpWidth(helpWidth(terminal))
                .setParameterExceptionHandler((refused, arguments) -> refused(refused))
                .setExecutionExceptionHandler((thrown, command, parsed) -> failed(thrown, command));
    }

    static Duration duration(String text) {
        return Durations.read(text)
                .orElseThrow(() -> new TypeConversionException("'" + text + "' is not " + Durations.EXAMPLES));
    }

    private static final int HELP_WIDTH_MIN = 56;
    private static final int HELP_WIDTH_MAX = 110;

    /** Only a terminal's own variable is asked: help must not start another process. */
    private static int helpWidth(Terminal terminal) {
        String columns = String.valueOf(terminal.variable("COLUMNS"));
        int told = columns.matches("[0-9]{1,4}") ? Integer.parseInt(columns) : HELP_WIDTH_MAX;
        return Math.clamp(told, HELP_WIDTH_MIN, HELP_WIDTH_MAX);
    }

    /** Names what is wrong, then what was probably meant, then how the command is used, with its first example. */
    private static int refused(ParameterException thrown) {
        ParameterException refused = unknownFirst(thrown);
        CommandLine command = refused.getCommandLine();
        PrintWriter err = command.getErr();
        err.println("larder: " + refused.getMessage());
        UnmatchedArgumentException.printSuggestions(refused, err);
        err.print("Usage: " + command.getHelp().synopsis("Usage: ".length()));
        example(command);
        err.println("Help: " + command.getCommandSpec().qualifiedName() + " --help");
        return ExitCode.USAGE.number();
    }

    /** The parser reports a missing argument before an unknown option, which is often a misspelt one. */
    private static ParameterException unknownFirst(ParameterException refused) {
        List<String> unknown = refused.getCommandLine().getUnmatchedArguments();
        return refused instanceof MissingParameterException && !unknown.isEmpty()
                ? new UnmatchedArgumentException(refused.getCommandLine(), unknown)
                : refused;
    }

    private static void example(CommandLine command) {
        String[] examples = command.getCommandSpec().usageMessage().footer();
        if (examples.length > 0) {
            command.getErr().println("Example: " + examples[0].strip());
        }
    }

    private static int failed(Exception thrown, CommandLine command) throws Exception {
        return switch (thrown) {
            case ClosedPipe unread -> ExitCode.OK.number();
            case Failure failure -> {
                command.getErr().println("larder: " + failure.sentence());
                if (failure.exit() == ExitCode.USAGE) {
                    example(command);
                }
                yield failure.exit().number();
            }
            default -> throw thrown;
        };
    }
}
