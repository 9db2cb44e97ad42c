package dev.larder.cli;

import dev.larder.cli.client.ApplyCommand;
import dev.larder.cli.client.ClaimCommand;
import dev.larder.cli.client.CommandLines;
import dev.larder.cli.client.CompletionCommand;
import dev.larder.cli.client.ContextCommand;
import dev.larder.cli.client.DescribeCommand;
import dev.larder.cli.client.EventsCommand;
import dev.larder.cli.client.GetCommand;
import dev.larder.cli.client.InvalidateCommand;
import dev.larder.cli.client.LoginCommand;
import dev.larder.cli.client.LogoutCommand;
import dev.larder.cli.client.LogsCommand;
import dev.larder.cli.client.PauseCommand;
import dev.larder.cli.client.PlanCommand;
import dev.larder.cli.client.PromoteCommand;
import dev.larder.cli.client.ReleaseCommand;
import dev.larder.cli.client.RenewCommand;
import dev.larder.cli.client.ResumeCommand;
import dev.larder.cli.client.RolloutCommand;
import dev.larder.cli.client.Terminal;
import dev.larder.cli.client.TopPoolsCommand;
import dev.larder.cli.client.TryCommand;
import dev.larder.cli.client.VersionCommand;
import dev.larder.cli.client.WaitCommand;
import io.quarkus.picocli.runtime.annotations.TopCommand;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/**
 * The command line: without a subcommand, a server. A further subcommand is a class with {@code @Command} that
 * is named in {@code subcommands} below; it is made without the application. One that calls a server is a
 * {@code cli.client.ClientCommand}; one that needs the application calls {@link Boot}.
 */
@TopCommand
@Command(
        name = "larder",
        description = {
            "Keeps ready-to-use workspaces in stock. Without a command: runs a server.",
            "src/docs/cli.md lists all options and exit codes."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footerHeading = "%nExamples:%n",
        footer = {
            "  larder login --server=https://larder.example.org --token-stdin < token.txt",
            "  larder apply -f orders-database/",
            "  larder get pools"
        },
        subcommands = {
            LoginCommand.class,
            LogoutCommand.class,
            ContextCommand.class,
            ApplyCommand.class,
            TryCommand.class,
            ClaimCommand.class,
            RenewCommand.class,
            ReleaseCommand.class,
            GetCommand.class,
            DescribeCommand.class,
            LogsCommand.class,
            EventsCommand.class,
            TopPoolsCommand.class,
            PlanCommand.class,
            WaitCommand.class,
            PauseCommand.class,
            ResumeCommand.class,
            PromoteCommand.class,
            RolloutCommand.class,
            InvalidateCommand.class,
            ServerCommand.class,
            WorkerCommand.class,
            CompletionCommand.class,
            VersionCommand.class
        })
public final class LarderCommand implements Callable<Integer>, Terminal.Holder {

    private final Terminal terminal;

    /** For the framework, which makes one of each command. */
    LarderCommand() {
        this(Terminal.ofProcess());
    }

    private LarderCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    /** @return the exit code: {@code cli.client.ExitCode} */
    public static int execute(String... args) {
        return execute(Terminal.ofProcess(), args);
    }

    /** The same with another terminal, for tests. */
    public static int execute(Terminal terminal, String... args) {
        return commandLine(terminal).execute(args);
    }

    /** Without running a command: for the reference and for tests. */
    public static CommandLine commandLine(Terminal terminal) {
        return CommandLines.of(new LarderCommand(terminal), terminal);
    }

    @Override
    public Terminal terminal() {
        return terminal;
    }

    @Override
    public Integer call() {
        return Boot.run(ServerApplication.class);
    }
}
