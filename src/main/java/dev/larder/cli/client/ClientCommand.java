package dev.larder.cli.client;

import picocli.CommandLine.Mixin;

/** A command that calls a server and prints in the usual forms. */
abstract class ClientCommand extends CallingCommand {

    @Mixin
    final OutputOptions outputOptions = new OutputOptions();

    /** Does the work. A {@link Failure} that it throws becomes its sentence and exit code ({@code CommandLines}). */
    abstract ExitCode run(Session session);

    @Override
    final int run(Terminal terminal) {
        return run(session(terminal, outputOptions)).number();
    }
}
