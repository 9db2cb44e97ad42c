package dev.larder.cli.client;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Steers rollouts: how the stock of a preset changes from one version to the next. */
@Command(
        name = "rollout",
        description = "Pauses, resumes or rolls back a rollout, or skips its canary.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  larder rollout pause demo/orders-database/small",
            "  larder rollout rollback 0198c5a2-7a30-7c61-b0f2-5d8f0e6a1b2c"
        },
        subcommands = {
            RolloutCommands.Pause.class,
            RolloutCommands.Resume.class,
            RolloutCommands.SkipCanary.class,
            RolloutCommands.RollBack.class
        })
public final class RolloutCommand implements Runnable {

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
        throw new ParameterException(spec.commandLine(), "Missing: pause, resume, skip-canary or rollback.");
    }
}
