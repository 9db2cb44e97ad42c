package dev.larder.reconcile;

import org.jspecify.annotations.Nullable;

/**
 * Which rule decided how many prebuilds are wanted, as the API shows it.
 *
 * @param rule {@code base}, {@code schedule}, {@code inactive}, {@code schedules_unusable}, {@code canary},
 *     {@code replaced} or {@code refilled}
 * @param schedule index of the schedule that decided, in declared order
 */
record Because(
        String rule, @Nullable Integer schedule, @Nullable String detail) {

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
