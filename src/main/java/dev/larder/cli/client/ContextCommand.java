package dev.larder.cli.client;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Shows and changes the contexts: the servers that a person works with. */
@Command(
        name = "context",
        description = "Shows and changes the contexts: a context is a server, a token and a default organization.",
        footerHeading = "%nExamples:%n",
        footer = {"  larder context list", "  larder context use production", "  larder context set production -O demo"
        },
        subcommands = {
            ContextCommands.ListAll.class,
            ContextCommands.Use.class,
            ContextCommands.Show.class,
            ContextCommands.Change.class,
            ContextCommands.Delete.class
        })
public final class ContextCommand implements Runnable {

    @Spec
    @SuppressWarnings("NullAway.Init")
    CommandSpec spec;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Shows this help.")
    boolean help;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Missing: list, use, show, set or delete.");
    }
}
