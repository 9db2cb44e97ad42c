package dev.larder.cli.client;

import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** A command that calls a server. It is made without the application. */
abstract class ClientCommand implements Callable<Integer> {

    @Spec
    @SuppressWarnings("NullAway.Init")
    CommandSpec spec;

    @Mixin
    final ServerOptions server = new ServerOptions();

    @Mixin
    final OutputOptions outputOptions = new OutputOptions();

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Shows this help.")
    boolean help;

    /** Does the work. A {@link Failure} that it throws becomes its sentence and exit code ({@code CommandLines}). */
    abstract ExitCode run(Session session);

    @Override
    public final Integer call() {
        Terminal terminal = ((Terminal.Holder) spec.root().userObject()).terminal();
        return run(new Session(terminal, server, new Output(terminal, outputOptions)))
                .number();
    }

    /** @param sentence names the option or argument; an example follows it */
    final ParameterException usage(String sentence) {
        return new ParameterException(spec.commandLine(), sentence);
    }
}
