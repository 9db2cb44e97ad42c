package dev.larder.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** The same as {@code larder} without a command. */
@Command(
        name = "server",
        description = "Runs a server, configured by environment variables and config/application.properties.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footerHeading = "%nExamples:%n",
        footer = "  larder server")
public final class ServerCommand implements Callable<Integer> {

    @Override
    public Integer call() {
        return Boot.run(ServerApplication.class);
    }
}
