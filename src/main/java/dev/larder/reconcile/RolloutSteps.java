package dev.larder.reconcile;

import dev.larder.lifecycle.RolloutControl;
import dev.larder.lifecycle.RolloutStore;
import dev.larder.model.CanaryEvidence;
import dev.larder.model.RolloutRole;
import dev.larder.model.RolloutState;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.UUID;

/** Makes the steps that plans have for rollouts. Each is conditional on the state that it was decided on. */
@ApplicationScoped
public class RolloutSteps {

    private final RolloutStore rollouts;
    private final RolloutControl control;

    public RolloutSteps(RolloutStore rollouts, RolloutControl control) {
        this.rollouts = rollouts;
        this.control = control;
    }

    /** @return false where the rollout is in another state by now, and nothing was changed */
    Uni<Boolean> make(RolloutStep step, LinePlan line, Instant at) {
        return switch (step) {
            case RolloutStep.Begin(var cause) -> rollouts.begin(active(line), cause, at);
            case RolloutStep.PassCanary passed ->
                rollouts.passCanary(open(line), verdict(line, "passed", List.of()), at);
            case RolloutStep.Hold(var code, var detail) ->
                rollouts.hold(open(line), code, detail, verdict(line, "failed", List.of(detail)), at);
            case RolloutStep.RollBack(var code, var detail) ->
                control.rollBack(open(line), code, detail, verdict(line, "failed", List.of(detail)), at);
            case RolloutStep.Finish finished -> rollouts.finish(open(line), at);
            case RolloutStep.Supersede(var code) -> control.supersede(open(line), code, at);
            case RolloutStep.Remind reminded -> rollouts.remind(open(line), at);
        };
    }

    /** Old stock of the preset is about to be taken, by its rollout if it is in one. */
    Uni<Void> replacing(UUID preset, Instant at) {
        return rollouts.replacing(preset, at);
    }

    private static UUID active(LinePlan line) {
        return line.members().stream()
                .map(Planned::preset)
                .filter(preset -> preset.active())
                .findFirst()
                .orElseThrow()
                .id();
    }

    private static UUID open(LinePlan line) {
        return line.rollout().orElseThrow().id();
    }

    /** Empty where no canary was judged: the verdict that it passed with, if it had one, stays. */
    private static JsonObject verdict(LinePlan line, String outcome, List<String> reasons) {
        return line.members().stream()
                .filter(one -> one.preset().is(RolloutRole.CANARY))
                .flatMap(one -> one.preset().membership().stream())
                .filter(member -> member.rollout().state() == RolloutState.CANARY)
                .findFirst()
                .map(member -> verdict(outcome, reasons, member.canaries()))
                .orElseGet(JsonObject::new);
    }

    /** As {@code GET /rollouts/{id}} shows it, and what was known of each canary. */
    private static JsonObject verdict(String outcome, List<String> reasons, List<CanaryEvidence> canaries) {
        List<String> jobs = canaries.stream()
                .filter(CanaryEvidence::condemns)
                .flatMap(canary -> canary.failed().stream())
                .map(failed -> failed.job().toString())
                .toList();
        return new JsonObject()
                .put("outcome", outcome)
                .put("reasons", new JsonArray(reasons))
                .put("jobs", new JsonArray(jobs))
                .put(
                        "canaries",
                        new JsonArray(canaries.stream().map(RolloutSteps::row).toList()));
    }

    private static JsonObject row(CanaryEvidence canary) {
        JsonObject row = new JsonObject()
                .put("workspace", canary.workspace().toString())
                .put("ready", canary.ready())
                .put("verified", canary.verified())
                .put("tried", canary.tried());
        canary.failed()
                .ifPresent(failed -> row.put("job", failed.job().toString())
                        .put("blame", failed.blame())
                        .put("code", failed.code()));
        return row;
    }
}
