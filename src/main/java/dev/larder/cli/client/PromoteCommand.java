package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes a version of a template the active one. */
@Command(
        name = "promote",
        description = {
            "Makes a version of a template the active one. It may be an older one.",
            "--wait: until its rollouts are done. Exit code 10: one is held, was rolled back or superseded.",
            "--dry-run: shows what would follow, step by step. Exit code 2: something would change."
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  larder promote demo/orders-database 3 --dry-run",
            "  larder promote demo/orders-database 3",
            "  larder promote demo/orders-database 3 --wait --timeout=30m"
        })
public final class PromoteCommand extends ClientCommand {

    @Parameters(index = "0", paramLabel = "TEMPLATE", description = "organization/template, or template.")
    @SuppressWarnings("NullAway.Init")
    String template;

    @Parameters(index = "1", paramLabel = "VERSION", description = "The version's number.")
    int version;

    @Option(
            names = "--dry-run",
            description = "Promotes nothing, and shows for each preset what the promotion would do, how long that takes"
                    + " and how many stay ready, where builds take the usual time and no client claims.")
    boolean dryRun;

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
        if (dryRun && wait) {
            throw usage("--dry-run begins no rollouts to --wait for.");
        }
        if (dryRun) {
            return showForecast(session);
        }
        RolloutWait rollouts = new RolloutWait(session);
        Set<String> before = wait ? rollouts.ended(Reference.template(template), version) : Set.of();
        Answer answer = post(session, new PresetPaths(session).template(template, "promote"));
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

    private Answer post(Session session, String path) {
        return session.api().post(path, Json.object().put("version", version));
    }

    private ExitCode showForecast(Session session) {
        String path = Paths.with(new PresetPaths(session).template(template, "promote"), "dryRun", "true");
        JsonNode answer = post(session, path).body();
        Output output = session.output();
        if (output.isTree()) {
            output.tree(answer);
        } else {
            List<JsonNode> presets = new ArrayList<>();
            List<JsonNode> steps = new ArrayList<>();
            for (JsonNode preset : answer.path("forecast")) {
                presets.add(preset);
                steps.addAll(Forecasts.steps(Json.text(preset, "preset"), preset.path("forecast")));
            }
            output.list(presets, Forecasts.PRESETS, Column.field("preset"));
            Forecasts.printSteps(output, steps);
        }
        return changes(answer) ? ExitCode.CHANGES : ExitCode.OK;
    }

    /** A version that is active already is promoted without effect. */
    private static boolean changes(JsonNode answer) {
        for (JsonNode preset : answer.path("forecast")) {
            if (!Json.text(preset, "change").equals("none")) {
                return true;
            }
        }
        return false;
    }

    /** Fails at the first one that is not done: the others go on. */
    private void follow(RolloutWait rollouts, Set<String> before) {
        Waits.Deadline deadline = Waits.Deadline.in(timeout);
        for (JsonNode rollout : rollouts.newest(Reference.template(template), version, before)) {
            rollouts.untilDone(rollout, deadline);
        }
    }
}
