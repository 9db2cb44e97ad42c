package dev.larder.cli.client;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which server a command calls, and as which user. */
final class ServerOptions {

    @Option(
            names = "--context",
            paramLabel = "NAME",
            description = "The context to use; else LARDER_CONTEXT, else the one that 'larder context use' chose.")
    @Nullable
    String context;

    @Option(
            names = "--server",
            paramLabel = "URL",
            description = "The server's address; else LARDER_URL, else the context's.")
    @Nullable
    URI server;

    @Option(
            names = "--token",
            paramLabel = "TOKEN",
            description = "Other users of this machine can see it; prefer --token-file."
                    + " Without both: LARDER_TOKEN, then the context's.")
    @Nullable
    String token;

    @Option(names = "--token-file", paramLabel = "FILE", description = "A file that holds the token.")
    @Nullable
    Path tokenFile;

    @Option(
            names = {"-O", "--organization"},
            paramLabel = "NAME",
            description = "The organization of names that have none; else LARDER_ORGANIZATION, else the context's,"
                    + " else the one of the user.")
    @Nullable
    String organization;

    @Option(
            names = "--ca-file",
            paramLabel = "FILE",
            description =
                    "Certificates (PEM) that the server's is checked with; else the context's, else the system's.")
    @Nullable
    Path caFile;

    @Option(
            names = "--request-timeout",
            paramLabel = "DURATION",
            defaultValue = "30s",
            description = "How long one call to the server may take. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init")
    Duration requestTimeout;
}
