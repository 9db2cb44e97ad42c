package dev.larder.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/**
 * Runs jobs of a server on another host. Needs the server's address and a worker's token, and no database. Backends
 * are configured as in a server.
 */
@Command(
        name = "worker",
        description =
                "Works on a server's jobs. What it can build is configured as in a server: LARDER_BACKEND_EXEC_ENABLED=true.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footerHeading = "%nExamples:%n",
        footer = "  larder worker --server=https://larder.example.org --token-file=worker-token --slots=4")
public final class WorkerCommand extends WorkerOptions implements Callable<Integer> {

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
}
