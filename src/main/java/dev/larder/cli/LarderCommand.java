package dev.larder.cli;

import io.quarkus.picocli.runtime.annotations.TopCommand;
import io.quarkus.runtime.Quarkus;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** What is run without a subcommand: a server, until it is told to stop. */
@TopCommand
@Command(
        name = "larder",
        description = "Serves, as configured.",
        mixinStandardHelpOptions = true,
        subcommands = WorkerCommand.class)
public final class LarderCommand implements Callable<Integer> {

    @Override
    public Integer call() {
        Quarkus.waitForExit();
        return 0;
    }
}
