package dev.larder.reconcile;

import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Why nothing is created, or why what is created waits, as the API shows it.
 *
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

    static List<HoldView> of(List<Blocker> holds) {
        return holds.stream().map(HoldView::of).toList();
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
            case Blocker.NoWorker(var missing, var since) -> new HoldView("no_worker", since, null, missing.detail());
        };
    }

    /** A start of a prebuild that failed. */
    record FailedJob(UUID job, UUID workspace, @Nullable String code, Instant at) {}
}
