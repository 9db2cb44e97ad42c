package dev.larder.cli.client;

import picocli.CommandLine.Command;

/** Ends a pause. */
@Command(
        name = "resume",
        description = "Ends a pause. A pause of another level stays.",
        footerHeading = "%nExamples:%n",
        footer = {"  larder resume preset demo/orders-database/small", "  larder resume deployment"})
public final class ResumeCommand extends LevelCommand {

    @Override
    ExitCode run(Session session) {
        refuseUnusable();
        Answer answer = level == Level.deployment
                ? session.api().put(path(session), Json.object().put("paused", false))
                : session.api().post(path(session) + "/resume", null);
        print(session, answer, subject() + " is resumed");
        return ExitCode.OK;
    }
}
