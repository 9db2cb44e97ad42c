package dev.larder.cli;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The options of {@link WorkerCommand}. */
class WorkerOptions {

    @Spec
    @SuppressWarnings("NullAway.Init")
    CommandSpec spec;

    @Option(
            names = "--server",
            required = true,
            defaultValue = "${env:LARDER_URL:-${env:LARDER_SERVER}}",
            description = "The server's address: https://larder.example.org. Also LARDER_URL.")
    @SuppressWarnings("NullAway.Init")
    URI server;

    @Option(
            names = "--token-file",
            description = "Holds the token of a user whose role is worker; else LARDER_TOKEN does.")
    @Nullable
    Path tokenFile;

    @Option(names = "--name", description = "For people; the host's name otherwise.")
    @Nullable
    String name;

    @Option(names = "--slots", description = "How many jobs at once; ${DEFAULT-VALUE} otherwise.", defaultValue = "2")
    int slots;

    @Option(
            names = "--reserved",
            description = "How many of the slots prebuild jobs never take. Without it: half of them are kept from"
                    + " prebuild jobs that may take more than an hour, and none from the others.")
    @Nullable
    Integer reserved;

    @Option(names = "--tag", description = "key=value, repeatable: it takes the jobs whose tags are all among these.")
    Map<String, String> tags = new LinkedHashMap<>();

    /** @param args the command line with the subcommand, which was found to be in order */
    static WorkerOptions of(String... args) {
        WorkerOptions options = new WorkerOptions();
        var unused = new CommandLine(CommandSpec.create())
                .addSubcommand("worker", options)
                .parseArgs(args);
        return options;
    }

    final void refuseUnusable() {
        String scheme = String.valueOf(server.getScheme());
        if (!(scheme.equals("http") || scheme.equals("https")) || server.getHost() == null) {
            throw new ParameterException(
                    spec.commandLine(), "--server must be like https://larder.example.org, not '" + server + "'.");
        }
        if (slots < 1 || (reserved != null && (reserved < 0 || reserved >= slots))) {
            throw new ParameterException(
                    spec.commandLine(), "--slots must be 1 or more, and --reserved less than --slots.");
        }
        String unused = token();
    }

    String token() {
        try {
            String token = tokenFile == null ? System.getenv("LARDER_TOKEN") : Files.readString(tokenFile);
            if (token == null || token.isBlank()) {
                throw new ParameterException(spec.commandLine(), "Missing: --token-file=<file>, or LARDER_TOKEN.");
            }
            return token.strip();
        } catch (IOException unreadable) {
            throw new ParameterException(spec.commandLine(), "--token-file cannot be read: " + tokenFile);
        }
    }
}
