package dev.larder.reconcile;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.larder.model.PresetSnapshot;
import dev.larder.model.PresetStatus;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * The state of a pool and its reasons.
 *
 * @param status of this preset; {@code next} is of this preset too
 * @param counts what clients have: of all versions that are handed out, as the next two ({@link LineStock})
 * @param because which rule decided how many are wanted
 * @param holds why nothing is created, or why what is created waits
 * @param rollout the open one of the preset's line, with each version by itself; null where none is
 */
record PoolView(
        UUID preset,
        String name,
        @Schema(implementation = PresetStatus.class) String status,
        PoolState counts,
        Because because,
        List<HoldView> holds,
        @JsonUnwrapped Outlook outlook,
        @Nullable LineView rollout) {

    /**
     * @param next what the next cycle would do, in order; empty for a satisfied pool
     * @param nextLook when the clock alone may change this
     */
    record Outlook(List<ActionView> next, @Nullable Instant nextLook) {

        static Outlook of(Planned planned, LinePlan line) {
            Stream<ActionView> step = line.step().map(ActionView::of).stream();
            Stream<ActionView> effects = planned.plan().effects().stream().map(ActionView::of);
            return new Outlook(
                    Stream.concat(step, effects).toList(), line.nextLook().orElse(null));
        }
    }

    static PoolView of(Planned planned, LinePlan line) {
        PresetSnapshot preset = planned.preset();
        LineStock stock = LineStock.of(line, preset.id());
        return new PoolView(
                preset.id(),
                preset.identity().organizationName() + "/" + preset.identity().templateName() + "/" + preset.name(),
                preset.status().word(),
                stock.counts(),
                Because.of(stock.desired()),
                HoldView.of(stock.holds()),
                Outlook.of(planned, line),
                LineView.of(line, planned.plan().at()).orElse(null));
    }

    boolean holdsForFailures() {
        return holds.stream().anyMatch(HoldView::explainsFailures);
    }

    PoolView after(HoldView.FailedJob failed) {
        List<HoldView> explained =
                holds.stream().map(hold -> hold.after(failed)).toList();
        return new PoolView(preset, name, status, counts, because, explained, outlook, rollout);
    }

    /**
     * @param kind {@code create}, {@code delete}, {@code cancel_pending}, a {@code mark_…}, or a step of the rollout:
     *     {@code begin_rollout}, {@code pass_canary}, {@code hold_rollout}, {@code roll_back}, {@code finish_rollout},
     *     {@code supersede_rollout}, {@code remind_of_rollout}
     */
    record ActionView(
            String kind,
            @Nullable Integer count,
            @Nullable String reason,
            @Nullable List<UUID> workspaces) {

        static ActionView of(RolloutStep step) {
            return switch (step) {
                case RolloutStep.Begin(var cause) -> step("begin_rollout", cause.word());
                case RolloutStep.PassCanary passed -> step("pass_canary", null);
                case RolloutStep.Hold(var code, var detail) -> step("hold_rollout", code);
                case RolloutStep.RollBack(var code, var detail) -> step("roll_back", code);
                case RolloutStep.Finish finished -> step("finish_rollout", null);
                case RolloutStep.Supersede(var code) -> step("supersede_rollout", code);
                case RolloutStep.Remind reminded -> step("remind_of_rollout", null);
            };
        }

        private static ActionView step(String kind, @Nullable String reason) {
            return new ActionView(kind, null, reason, null);
        }

        static ActionView of(Action action) {
            return switch (action) {
                case Action.Create(var count, var attempts) -> new ActionView("create", count, null, null);
                case Action.Delete(var ids, var reason) -> new ActionView("delete", ids.size(), reason.word(), ids);
                case Action.CancelPending(var ids) -> new ActionView("cancel_pending", ids.size(), null, ids);
                case Action.MarkHardLimited(var reason, var attempts) ->
                    new ActionView("mark_hard_limited", null, reason, null);
                case Action.MarkValidationFailed(var reason) ->
                    new ActionView("mark_validation_failed", null, reason, null);
                case Action.MarkHealthy() -> new ActionView("mark_healthy", null, null, null);
            };
        }
    }
}
