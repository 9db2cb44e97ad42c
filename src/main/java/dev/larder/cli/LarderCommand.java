package dev.larder.cli;

import io.quarkus.picocli.runtime.annotations.TopCommand;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/**
 * The command line: without a subcommand, a server. A further subcommand is a class with {@code @Command} that
 * is named in {@code subcommands} below; it is made without the application, and calls {@link Boot} where it
 * needs one.
 */
@TopCommand
@Command(
        name = "larder",
        description = "Runs a Larder server, configured by environment variables and config/application.properties.",
        footer = "Exit codes: 1 failed, 2 wrong usage or configuration, 128 + n ended by signal n.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        subcommands = WorkerCommand.class)
public final class LarderCommand implements Callable<Integer> {

    /** @return the exit code: 2 if the arguments are wrong, after the usage was printed */
    public static int execute(String... args) {
        return new CommandLine(new LarderCommand()).execute(args);
    }

    @Override
    public Integer call() {
        return Boot.run(ServerApplication.class);
    }
}
