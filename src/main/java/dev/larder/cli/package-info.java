/**
 * The same binary's subcommands. The command line is parsed before anything starts
 * ({@code cli.LarderCommand}); without a subcommand the process is a server ({@code cli.ServerApplication}),
 * with {@code worker} it works for one ({@code cli.WorkerCommand}, {@code cli.WorkerOptions},
 * {@code cli.WorkerApplication}). Every other command calls a server ({@code cli.client.ClientCommand}).
 *
 * <p><b>Owns</b> the process's exit code and its signals ({@code cli.Signals}): the first stops gently, the
 * second shortens every wait, the third ends the process.
 *
 * <p><b>Authoritative</b>: the command line over the configuration.
 *
 * <p><b>States</b>: parsed, booted, told to stop, ended. <b>Failures</b> ({@code cli.StartFailure}): one
 * sentence on stderr without a secret, and exit code 2 where the configuration must change, 64 where
 * the command line must, 1 where the cause is unknown.
 *
 * <p><b>Bounds.</b> Each step of a stop has a deadline (decision 0027).
 */
@NullMarked
package dev.larder.cli;

import org.jspecify.annotations.NullMarked;
