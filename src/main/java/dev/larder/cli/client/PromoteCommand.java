package dev.larder.cli.client;

import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Makes a version of a template the active one. */
@Command(
        name = "promote",
        description = "Makes a version of a template the active one. It may be an older one.",
        footerHeading = "%nExamples:%n",
        footer = {"  larder promote demo/orders-database 3"})
public final class PromoteCommand extends ClientCommand {

    @Parameters(index = "0", paramLabel = "TEMPLATE", description = "organization/template, or template.")
    @SuppressWarnings("NullAway.Init")
    String template;

    @Parameters(index = "1", paramLabel = "VERSION", description = "The version's number.")
    int version;

    @Override
    ExitCode run(Session session) {
        if (version < 1) {
            throw usage("VERSION must be 1 or more.");
        }
        Answer answer = session.api()
                .post(
                        new PresetPaths(session).template(template, "promote"),
                        Json.object().put("version", version));
        switch (session.output().format()) {
            case json, yaml -> session.output().tree(answer.body());
            case name -> session.output().line(template);
            case table, wide -> session.output().line("version " + version + " of " + template + " is active");
        }
        return ExitCode.OK;
    }
}
