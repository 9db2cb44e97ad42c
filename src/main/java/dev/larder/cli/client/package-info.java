/**
 * The commands that call a server: {@code larder get}, {@code larder apply} and the others. They need no database and
 * start nothing of the application, so that a command takes the time of its process and of its calls.
 *
 * <p>A command extends {@code cli.client.ClientCommand}, which gives it a {@code cli.client.Session}: the
 * {@code cli.client.ApiClient} of the chosen server, the default organization and the {@code cli.client.Output}. The
 * process around it is a {@code cli.client.Terminal}; tests make their own.
 *
 * <p>A claim: {@code cli.client.ClaimCommand} → {@code cli.client.Claiming}, which repeats calls under one key →
 * {@code cli.client.PrintedClaim}, or {@code cli.client.CommandWithClaim}, which runs a
 * {@code cli.client.ChildCommand} while {@code cli.client.LeaseKeeper} renews the lease.
 * {@code cli.client.Interruption} says what signals do meanwhile.
 *
 * <p><b>Owns</b> the file of contexts ({@code cli.client.ContextFile}, mode 0600) and the exit codes
 * ({@code cli.client.ExitCode}).
 *
 * <p><b>Authoritative</b>: the server. A command decides nothing that the server can decide. An option wins over the
 * environment, and the environment over the context file.
 *
 * <p><b>States</b>: none; a command asks the server again each time. <b>Failures</b> ({@code cli.client.Failure}): one
 * sentence on stderr and an exit code that tells the kinds apart. A server of another version is named. A reader that
 * closes the pipe ends a command without a message.
 *
 * <p><b>Bounds.</b> Each call has a deadline ({@code --request-timeout}, 30 s). An answer that is read as a whole has
 * at most 64 MiB. Lists are read page by page up to {@code --limit}. There is no databind class and no other
 * reflection than picocli's, which the native image knows from the annotations.
 */
@NullMarked
package dev.larder.cli.client;

import org.jspecify.annotations.NullMarked;
