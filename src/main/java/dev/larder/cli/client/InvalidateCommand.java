package dev.larder.cli.client;

import picocli.CommandLine.Command;

/** Marks what is in stock as expired. */
@Command(
        name = "invalidate",
        description =
                "Marks the prebuilds of a preset or template as expired: they are no longer handed out, and replaced.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  larder invalidate preset demo/orders-database/small",
            "  larder invalidate template demo/orders-database"
        })
public final class InvalidateCommand extends LevelCommand {

    @Override
    ExitCode run(Session session) {
        refuseUnusable();
        if (level != Level.preset && level != Level.template) {
            throw usage("LEVEL must be preset or template.");
        }
        Answer answer = session.api().post(path(session) + "/invalidate", null);
        print(session, answer, subject() + " is invalidated");
        return ExitCode.OK;
    }
}
