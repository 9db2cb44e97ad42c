package dev.larder.cli.client;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Replaces what is in stock. */
@Command(
        name = "invalidate",
        description =
                "Replaces the prebuilds of a preset or template. They are handed out until then, unless the preset's"
                        + " rollout strategy is replace.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  larder invalidate preset demo/orders-database/small",
            "  larder invalidate template demo/orders-database",
            "  larder invalidate template demo/orders-database --immediately"
        })
public final class InvalidateCommand extends LevelCommand {

    @Option(names = "--immediately", description = "Hand out none of them from now on, as after the leak of a secret.")
    boolean immediately;

    @Override
    ExitCode run(Session session) {
        refuseUnusable();
        if (level != Level.preset && level != Level.template) {
            throw usage("LEVEL must be preset or template.");
        }
        String path = path(session) + "/invalidate";
        Answer answer = session.api().post(immediately ? Paths.with(path, "immediately", "true") : path, null);
        print(session, answer, subject() + " is invalidated" + (immediately ? " immediately" : ""));
        return ExitCode.OK;
    }
}
