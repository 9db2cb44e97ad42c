package dev.larder.cli;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * Runs jobs of a server on another host. Needs the server's address and a worker's token, and no database. Backends
 * are configured as in a server.
 */
@Command(
        name = "worker",
        description =
                "Works on a server's jobs. What it can build is configured as in a server: LARDER_BACKEND_EXEC_ENABLED=true.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class)
public final class WorkerCommand implements Callable<Integer> {

    @Spec
    @SuppressWarnings("NullAway.Init")
    CommandSpec spec;

    @Option(
            names = "--server",
            required = true,
            defaultValue = "${env:LARDER_SERVER}",
            description = "The server's address: https://larder.example.org. Also LARDER_SERVER.")
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

    /** The options of a command line that {@link LarderCommand} has found to be in order. */
    static WorkerCommand of(String... args) {
        return (WorkerCommand) new CommandLine(new LarderCommand())
                .parseArgs(args)
                .subcommand()
                .commandSpec()
                .userObject();
    }

    @Override
    public Integer call() {
        refuseUnusable();
        // A worker listens on no port and asks no database.
        System.setProperty("larder.role", "worker");
        System.setProperty("quarkus.http.host-enabled", "false");
        String[] args =
                spec.root().commandLine().getParseResult().originalArgs().toArray(String[]::new);
        return Boot.run(WorkerApplication.class, args);
    }

    private void refuseUnusable() {
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
