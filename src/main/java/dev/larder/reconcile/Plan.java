package dev.larder.reconcile;

import dev.larder.model.JobStatus;
import dev.larder.model.Pause;
import dev.larder.model.PauseScope;
import dev.larder.model.Prebuild;
import dev.larder.model.PresetSnapshot;
import dev.larder.model.Schedules;
import dev.larder.model.Transition;
import dev.larder.model.WorkerSupply;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

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
        return of(preset, Quota.alone(preset, at), at, limits);
    }

    /** By what its line allots to it. */
    static Plan of(PresetSnapshot preset, Quota quota, Instant at, Limits limits) {
        return new Planning(preset, quota, at, limits).plan();
    }

    /** What clients have of it: its state, but nothing of a version that is tried. */
    PoolState stock() {
        return isTrial() ? PoolState.NONE : state;
    }

    /** Whether the version is a canary. */
    boolean isTrial() {
        return desired.reason() instanceof Desired.Reason.Canary;
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

    /** Whether a pause holds everything back, not only what is created. */
    static boolean pausedAltogether(List<Pause> pauses, Instant at) {
        return pauses.stream().anyMatch(pause -> pause.scope() == PauseScope.ALL && pause.holdsAt(at));
    }

    /** The state while one preset's plan is being decided: its quota, and what holds it back. */
    private static final class Planning {

        private final PresetSnapshot preset;
        private final Quota quota;
        private final Instant at;
        private final Limits limits;
        private final FailurePolicy failing;
        private final List<Action> effects = new ArrayList<>();
        private final List<Blocker> holds = new ArrayList<>();

        Planning(PresetSnapshot preset, Quota quota, Instant at, Limits limits) {
            this.preset = preset;
            this.quota = quota;
            this.at = at;
            this.limits = limits;
            this.failing = new FailurePolicy(preset.failures(), limits, at);
        }

        Plan plan() {
            holdWhilePaused();
            holds.addAll(quota.holds());
            effects.addAll(quota.removals());
            if (isWanted()) {
                judge();
                lookForBuilders();
                create();
            }
            List<Action> performed = pausedAltogether(quota.pauses(), at) ? List.of() : effects;
            return new Plan(
                    at,
                    quota.desired(),
                    quota.state(),
                    performed,
                    holds,
                    quota.state().absurd(),
                    nextLook());
        }

        private boolean isWanted() {
            return preset.active() || preset.served();
        }

        private void holdWhilePaused() {
            quota.pauses().stream()
                    .filter(pause -> pause.holdsAt(at))
                    .map(Blocker.Paused::new)
                    .forEach(holds::add);
        }

        private void judge() {
            Judgement judgement = Judgement.of(
                    preset, failing, limits, quota.missing(), quota.desired().instances());
            effects.addAll(judgement.marks());
            holds.addAll(judgement.holds());
        }

        private void lookForBuilders() {
            if (quota.missing() == 0 && quota.state().starting() == 0) {
                return;
            }
            switch (preset.builders()) {
                case WorkerSupply.Available available -> {}
                case WorkerSupply.Missing none -> holds.add(new Blocker.NoWorker(none, waitingSince()));
                case WorkerSupply.Held held -> holds.add(new Blocker.PlaceHeld(held));
            }
        }

        private @Nullable Instant waitingSince() {
            return preset.prebuilds().stream()
                    .filter(prebuild -> prebuild.underWay(Transition.START) && prebuild.status() == JobStatus.PENDING)
                    .map(Prebuild::createdAt)
                    .min(Instant::compareTo)
                    .orElse(null);
        }

        private void create() {
            int count = holds.stream().mapToInt(this::allowed).reduce(creatable(), Math::min);
            if (count > 0) {
                effects.add(new Action.Create(count, preset.attempts()));
            }
        }

        private int creatable() {
            return Math.min(quota.missing(), quota.most());
        }

        /** How many may be created in spite of this hold. */
        private int allowed(Blocker hold) {
            return switch (hold) {
                case Blocker.NoWorker unserved -> creatable();
                case Blocker.PlaceHeld(var place) ->
                    at.isAfter(place.until()) && quota.state().starting() == 0 ? 1 : 0;
                case Blocker.Backoff backoff -> 0;
                case Blocker.HardLimited limited -> 0;
                case Blocker.ValidationFailed failed -> 0;
                case Blocker.Paused paused -> 0;
                case Blocker.RolloutHeld held -> 0;
            };
        }

        private Optional<Instant> nextLook() {
            Stream<Instant> always = quota.pauses().stream()
                    .filter(pause -> pause.holdsAt(at))
                    .map(Pause::until)
                    .flatMap(Stream::ofNullable);
            Stream<Instant> whileWanted = isWanted() ? nextChanges() : Stream.empty();
            return Stream.concat(always, whileWanted)
                    .filter(instant -> instant.isAfter(at))
                    .min(Instant::compareTo);
        }

        private Stream<Instant> nextChanges() {
            return Stream.of(scheduleEdge(), backoffEnds(), probes(), expirations(), quota.looks().stream())
                    .flatMap(instants -> instants);
        }

        private Stream<Instant> scheduleEdge() {
            return Schedules.of(preset.schedules(), preset.timezone()).nextEdge(at).stream();
        }

        private Stream<Instant> backoffEnds() {
            return holds.stream()
                    .flatMap(hold -> hold instanceof Blocker.Backoff backoff
                            ? Stream.of(backoff.until(), failing.firstForgotten())
                            : Stream.empty())
                    .map(end -> end.plus(PAST));
        }

        private Stream<Instant> probes() {
            return holds.stream()
                    .flatMap(hold -> hold instanceof Blocker.PlaceHeld(var place)
                            ? Stream.of(place.until().plus(PAST))
                            : Stream.empty());
        }

        private Stream<Instant> expirations() {
            return preset.prebuilds().stream()
                    .filter(prebuild -> prebuild.running() && !preset.expired(prebuild, at))
                    .flatMap(prebuild -> preset.expiresAt(prebuild).stream())
                    .map(end -> end.plus(PAST));
        }
    }
}
