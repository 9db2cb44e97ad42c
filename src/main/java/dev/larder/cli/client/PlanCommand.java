package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Says what the next cycle would do to pools, without doing it. */
@Command(
        name = "plan",
        description = {
            "Shows what the server would do next to the pools of presets, without doing it.",
            "Of pools in an open rollout also the steps until its end, where builds take the usual time.",
            "Exit code 0: nothing. Exit code 2: something."
        },
        footerHeading = "%nExamples:%n",
        footer = {"  larder plan", "  larder plan demo/orders-database/small --at=2026-12-24T18:00:00Z"})
public final class PlanCommand extends ClientCommand {

    private static final int PRESETS_MAX = 10_000;

    @Parameters(
            paramLabel = "PRESET",
            description = "organization/template/preset, or an id. Without one: every preset with a pool.")
    List<String> presets = List.of();

    @Option(names = "--at", paramLabel = "TIME", description = "What a cycle would do at this time (ISO 8601).")
    @Nullable
    String at;

    @Override
    ExitCode run(Session session) {
        List<JsonNode> plans = new ArrayList<>();
        for (String preset : presets.isEmpty() ? all(session) : presets) {
            String path = new PresetPaths(session).preset(preset, "plan");
            plans.add(session.api()
                    .get(at == null ? path : Paths.with(path, "at", at))
                    .body());
        }
        session.output().list(plans, COLUMNS, PlanCommand::pool);
        Forecasts.printSteps(session.output(), stepsOfRollouts(plans));
        return plans.stream().allMatch(plan -> plan.path("pool").path("next").isEmpty())
                ? ExitCode.OK
                : ExitCode.CHANGES;
    }

    private static List<JsonNode> stepsOfRollouts(List<JsonNode> plans) {
        return plans.stream()
                .filter(plan -> plan.path("pool").path("rollout").isObject())
                .flatMap(plan -> Forecasts.steps(pool(plan), plan.path("forecast")).stream())
                .toList();
    }

    private static List<String> all(Session session) {
        return new Lists(session)
                .list(Kind.pools, Lists.Filter.NONE, PRESETS_MAX).items().stream()
                        .filter(pool -> pool.path("desired").isNumber())
                        .map(pool -> Json.text(pool, "presetId"))
                        .toList();
    }

    private static final List<Column> COLUMNS = List.of(
            Column.always("POOL", PlanCommand::pool),
            Column.of("NEXT", PlanCommand::next, 90),
            Column.of("ROLLOUT", plan -> Kinds.openRollout(plan.path("pool")), 60),
            Column.of("HOLDS", PlanCommand::holds, 70),
            Column.of("WANTED", plan -> Json.text(plan.path("pool").path("counts"), "desired"), 50),
            Column.of("READY", plan -> Json.text(plan.path("pool").path("counts"), "eligible"), 50),
            Column.wide("LOOKS AGAIN", plan -> Json.text(plan.path("pool"), "nextLook")));

    private static String pool(JsonNode plan) {
        return Json.text(plan.path("pool"), "name");
    }

    /** {@code create 2, delete 1 (expired)}. */
    private static String next(JsonNode plan) {
        StringJoiner all = new StringJoiner(", ");
        for (JsonNode action : plan.path("pool").path("next")) {
            all.add(Forecasts.action(action));
        }
        return all.toString();
    }

    private static String holds(JsonNode plan) {
        StringJoiner all = new StringJoiner(", ");
        plan.path("pool").path("holds").forEach(hold -> all.add(Json.text(hold, "kind")));
        return all.toString();
    }
}
