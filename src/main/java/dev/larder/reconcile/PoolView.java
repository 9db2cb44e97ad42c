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
 * @param because which rule decided how many are wanted
 * @param holds why nothing is created, or why what is created waits
 * @param rollout the open one of the preset's line; null where none is
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
        Plan plan = planned.plan();
        return new PoolView(
                preset.id(),
                preset.identity().organizationName() + "/" + preset.identity().templateName() + "/" + preset.name(),
                preset.status().word(),
                plan.state(),
                Because.of(plan.desired()),
                plan.holds().stream().map(HoldView::of).toList(),
                Outlook.of(planned, line),
                LineView.of(line, plan.at()).orElse(null));
    }

    boolean holdsForFailures() {
        return holds.stream().anyMatch(HoldView::explainsFailures);
    }

    PoolView after(FailedJob failed) {
        List<HoldView> explained =
                holds.stream().map(hold -> hold.after(failed)).toList();
        return new PoolView(preset, name, status, counts, because, explained, outlook, rollout);
    }

    /** A start of a prebuild that failed. */
    record FailedJob(UUID job, UUID workspace, @Nullable String code, Instant at) {}

    /**
     * @param rule {@code base}, {@code schedule}, {@code inactive}, {@code schedules_unusable}, {@code canary},
     *     {@code replaced} or {@code refilled}
     * @param schedule index of the schedule that decided, in declared order
     */
    record Because(
            String rule,
            @Nullable Integer schedule,
            @Nullable String detail) {

        static Because of(Desired desired) {
            return switch (desired.reason()) {
                case Desired.Reason.Inactive() ->
                    new Because("inactive", null, "the version is not active, or its template deleted or deprecated");
                case Desired.Reason.Canary() -> new Because("canary", null, "the version is tried before it is served");
                case Desired.Reason.Replaced() ->
                    new Because("replaced", null, "a rollout replaces its stock by that of a later version");
                case Desired.Reason.Refilled() ->
                    new Because("refilled", null, "a later version is to replace its stock, and is not built now");
                case Desired.Reason.Base() -> new Because("base", null, null);
                case Desired.Reason.BySchedule(var index, var cron) -> new Because("schedule", index, cron);
                case Desired.Reason.ScheduleUnusable(var detail) -> new Because("schedules_unusable", null, detail);
            };
        }
    }

    /**
     * @param kind {@code backoff}, {@code hard_limited}, {@code validation_failed}, {@code paused},
     *     {@code rollout_held}, {@code place_held} or {@code no_worker}
     * @param since of a place and of jobs that no worker takes
     * @param until of a place: when the next build is tried there
     * @param lastFailure of {@code backoff} and {@code hard_limited}: the job that failed last, while its workspace is
     *     kept
     */
    record HoldView(
            String kind,
            @Nullable Instant since,
            @Nullable Instant until,
            String detail,
            @Nullable FailedJob lastFailure) {

        private HoldView(String kind, @Nullable Instant since, @Nullable Instant until, String detail) {
            this(kind, since, until, detail, null);
        }

        boolean explainsFailures() {
            return kind.equals("backoff") || kind.equals("hard_limited");
        }

        HoldView after(FailedJob failed) {
            return explainsFailures() ? new HoldView(kind, since, until, detail, failed) : this;
        }

        static HoldView of(Blocker hold) {
            return switch (hold) {
                case Blocker.Backoff(var until, var failures) ->
                    new HoldView("backoff", null, until, failures + " failed builds are remembered");
                case Blocker.HardLimited(var reason) -> new HoldView("hard_limited", null, null, reason);
                case Blocker.ValidationFailed(var reason) -> new HoldView("validation_failed", null, null, reason);
                case Blocker.Paused(var pause) ->
                    new HoldView(
                            "paused",
                            null,
                            pause.until(),
                            pause.level() + ", " + pause.scope().word());
                case Blocker.RolloutHeld() ->
                    new HoldView("rollout_held", null, null, "its rollout is held, until a template admin decides");
                case Blocker.PlaceHeld(var place) ->
                    new HoldView("place_held", place.since(), place.until(), place.detail());
                case Blocker.NoWorker(var missing, var since) ->
                    new HoldView("no_worker", since, null, missing.detail());
            };
        }
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
