package dev.larder.reconcile;

import dev.larder.model.PauseScope;
import dev.larder.model.PresetSnapshot;
import dev.larder.model.Schedules;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What a cycle does to one preset's pool, and why (design, sections 2.2 to 2.4). Pure: the same snapshot, instant and
 * limits give the same plan. A satisfied pool gives no effects, and neither does a snapshot that the effects
 * were applied to.
 *
 * @param at the instant it was decided for
 * @param effects in the order they are to be performed; empty when nothing changes
 * @param holds why nothing is created, or, under a pause of scope {@code all}, done at all. Nothing is created
 *     while there is one, with two exceptions: {@link Blocker.NoWorker} and the probe of
 *     {@link Blocker.PlaceHeld}
 * @param clamped whether more were missing than are wanted at all, which must not happen; logged as an error
 * @param nextLook the earliest instant at which the plan may become another by the clock alone: backoff, ttl,
 *     pause or schedule; schedules are looked ahead {@link Schedules#EDGE_HORIZON}
 */
public record Plan(
        Instant at,
        Desired desired,
        PoolState state,
        List<Action> effects,
        List<Blocker> holds,
        boolean clamped,
        Optional<Instant> nextLook) {

    // The step after which an inclusive end is over: Postgres stores microseconds, the API shows milliseconds.
    static final Duration PAST = Duration.ofMillis(1);

    public Plan {
        effects = List.copyOf(effects);
        holds = List.copyOf(holds);
    }

    /** By the preset's own stock alone, as if it were in no rollout. */
    public static Plan of(PresetSnapshot preset, Instant at, Limits limits) {
        return Planning.of(preset, Quota.alone(preset, at), at, limits);
    }

    /** The prebuilds this plan would create. */
    public int creates() {
        return effects.stream()
                .mapToInt(effect -> effect instanceof Action.Create create ? create.count() : 0)
                .sum();
    }

    /** Whether a pause of the whole deployment holds everything back (design, section 2.1.8). */
    boolean pausedEverywhere() {
        return holds.stream()
                .anyMatch(hold -> hold instanceof Blocker.Paused(var pause)
                        && pause.scope() == PauseScope.ALL
                        && pause.level().equals("deployment"));
    }
}
