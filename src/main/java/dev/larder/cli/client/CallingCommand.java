package dev.larder.cli.client;

import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** A command that calls a server and has its own way to print. It is made without the application. */
abstract class CallingCommand implements Callable<Integer> {

    @Spec
    @SuppressWarnings("NullAway.Init")
    CommandSpec spec;

    @Mixin
    final ServerOptions server = new ServerOptions();

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Shows this help.")
    boolean help;

    /**
     * Does the work. A {@link Failure} that it throws becomes its sentence and exit code ({@code CommandLines}).
     *
     * @return the exit code of the process
     */
    abstract int run(Terminal terminal);

    @Override
    public final Integer call() {
        return run(((Terminal.Holder) spec.root().userObject()).terminal());
    }

    final Session session(Terminal terminal, OutputOptions options) {
        return new Session(terminal, server, new Output(terminal, options));
    }

    /** @param sentence names the option or argument; an example follows it */
    final ParameterException usage(String sentence) {
        return new ParameterException(spec.commandLine(), sentence);
    }
}
