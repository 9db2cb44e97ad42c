package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes a version of a template the active one. */
@Command(
        name = "promote",
        description = {
            "Makes a version of a template the active one. It may be an older one.",
            "--wait: until its rollouts are done. Exit code 10: one is held, was rolled back or superseded."
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  larder promote demo/orders-database 3",
            "  larder promote demo/orders-database 3 --wait --timeout=30m"
        })
public final class PromoteCommand extends ClientCommand {

    @Parameters(index = "0", paramLabel = "TEMPLATE", description = "organization/template, or template.")
    @SuppressWarnings("NullAway.Init")
    String template;

    @Parameters(index = "1", paramLabel = "VERSION", description = "The version's number.")
    int version;

    @Option(names = "--wait", description = "Waits until the rollouts that it began are done.")
    boolean wait;

    @Option(
            names = "--timeout",
            paramLabel = "DURATION",
            defaultValue = "1h",
            description = "How long --wait waits. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init")
    Duration timeout;

    @Override
    ExitCode run(Session session) {
        if (version < 1) {
            throw usage("VERSION must be 1 or more.");
        }
        RolloutWait rollouts = new RolloutWait(session);
        Set<String> before = wait ? rollouts.ended(Reference.template(template), version) : Set.of();
        Answer answer = session.api()
                .post(
                        new PresetPaths(session).template(template, "promote"),
                        Json.object().put("version", version));
        switch (session.output().format()) {
            case json, yaml -> session.output().tree(answer.body());
            case name -> session.output().line(template);
            case table, wide -> session.output().line("version " + version + " of " + template + " is active");
        }
        if (wait) {
            follow(rollouts, before);
        }
        return ExitCode.OK;
    }

    /** Fails at the first one that is not done: the others go on. */
    private void follow(RolloutWait rollouts, Set<String> before) {
        Waits.Deadline deadline = Waits.Deadline.in(timeout);
        for (JsonNode rollout : rollouts.newest(Reference.template(template), version, before)) {
            rollouts.untilDone(rollout, deadline);
        }
    }
}
