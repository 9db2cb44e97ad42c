package dev.larder.reconcile;

import dev.larder.model.JobStatus;
import dev.larder.model.Pause;
import dev.larder.model.PauseScope;
import dev.larder.model.Prebuild;
import dev.larder.model.PresetSnapshot;
import dev.larder.model.PresetStatus;
import dev.larder.model.Schedules;
import dev.larder.model.Transition;
import dev.larder.model.WorkerSupply;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Predicate;
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
    private static final Duration PAST = Duration.ofMillis(1);

    private static final String EXPIRED_UNREADY =
            "its prebuilds take longer to build than their ttl: they have expired when they are ready";

    public Plan {
        effects = List.copyOf(effects);
        holds = List.copyOf(holds);
    }

    public static Plan of(PresetSnapshot preset, Instant at, Limits limits) {
        return new Planning(preset, at, limits).plan();
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

    /** The state while a plan is being decided. */
    private static final class Planning {

        private final PresetSnapshot preset;
        private final Instant at;
        private final Limits limits;
        private final Desired desired;
        private final PoolState state;
        private final FailurePolicy failing;
        private final List<Action> effects = new ArrayList<>();
        private final List<Blocker> holds = new ArrayList<>();

        Planning(PresetSnapshot preset, Instant at, Limits limits) {
            this.preset = preset;
            this.at = at;
            this.limits = limits;
            this.desired = Desired.of(preset, at);
            this.state = PoolState.of(preset, desired.instances(), at);
            this.failing = new FailurePolicy(preset.failures(), limits, at);
        }

        Plan plan() {
            holdWhilePaused();
            if (preset.active()) {
                removeWhatIsTooMuch();
                judgeStatus();
                backOff();
                lookForBuilders();
                create();
            } else {
                removeEverything();
            }
            List<Action> performed = pausedAltogether() ? List.of() : effects;
            return new Plan(at, desired, state, performed, holds, state.absurd(), nextLook());
        }

        private void holdWhilePaused() {
            preset.pauses().stream()
                    .filter(pause -> pause.holdsAt(at))
                    .map(Blocker.Paused::new)
                    .forEach(holds::add);
        }

        private boolean pausedAltogether() {
            return preset.pauses().stream().anyMatch(pause -> pause.scope() == PauseScope.ALL && pause.holdsAt(at));
        }

        private void removeEverything() {
            List<UUID> pending = ids(Prebuild::neverStarted);
            if (!pending.isEmpty()) {
                effects.add(new Action.CancelPending(pending));
            }
            delete(ids(Prebuild::running), DeleteReason.INACTIVE);
        }

        private void removeWhatIsTooMuch() {
            delete(ids(Prebuild::lost), DeleteReason.UNRELIABLE);
            delete(ids(prebuild -> sound(prebuild) && preset.expired(prebuild, at)), DeleteReason.EXPIRED);
            List<UUID> fresh = ids(prebuild -> sound(prebuild) && !preset.expired(prebuild, at));
            delete(fresh.subList(0, state.extraneous()), DeleteReason.EXTRANEOUS);
        }

        private static boolean sound(Prebuild prebuild) {
            return prebuild.running() && !prebuild.lost();
        }

        private void delete(List<UUID> ids, DeleteReason reason) {
            if (!ids.isEmpty()) {
                effects.add(new Action.Delete(List.copyOf(ids), reason));
            }
        }

        /** Oldest first, as the snapshot is. */
        private List<UUID> ids(Predicate<Prebuild> wanted) {
            return preset.prebuilds().stream().filter(wanted).map(Prebuild::id).toList();
        }

        private void judgeStatus() {
            if (!preset.missingParameters().isEmpty()) {
                String reason = "required parameter without a value: " + String.join(", ", preset.missingParameters());
                if (preset.status() != PresetStatus.VALIDATION_FAILED) {
                    effects.add(new Action.MarkValidationFailed(reason));
                }
                holds.add(new Blocker.ValidationFailed(reason));
            } else if (preset.status() == PresetStatus.HEALTHY && failing.buildsTooSlowlyForItsTtl()) {
                effects.add(new Action.MarkValidationFailed(EXPIRED_UNREADY));
                holds.add(new Blocker.ValidationFailed(EXPIRED_UNREADY));
            } else if (preset.status() == PresetStatus.VALIDATION_FAILED) {
                // Set by an earlier failure that a plan cannot see. Only a changed declaration or a reset lifts it.
                holds.add(new Blocker.ValidationFailed(statusReason("cannot be built as declared")));
            } else {
                judgeAttempts();
            }
        }

        private void judgeAttempts() {
            boolean marked = preset.status() == PresetStatus.HARD_LIMITED;
            if (failing.reachesHardLimit()) {
                String reason = "the newest %d attempts all failed".formatted(limits.hardLimit());
                if (!marked) {
                    effects.add(new Action.MarkHardLimited(reason, failing.failedAttempts()));
                }
                holds.add(new Blocker.HardLimited(marked ? statusReason(reason) : reason));
            } else if (marked) {
                effects.add(new Action.MarkHealthy());
            }
        }

        private String statusReason(String otherwise) {
            @Nullable String reason = preset.statusReason();
            return reason == null ? otherwise : reason;
        }

        private void backOff() {
            boolean held = holds.stream()
                    .anyMatch(hold -> hold instanceof Blocker.HardLimited || hold instanceof Blocker.ValidationFailed);
            if (state.missing() > 0 && !held) {
                failing.backoff(state.desired()).ifPresent(holds::add);
            }
        }

        private void lookForBuilders() {
            if (state.missing() == 0 && state.starting() == 0) {
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
            int count = holds.stream().mapToInt(this::allowed).reduce(state.creatable(), Math::min);
            if (count > 0) {
                effects.add(new Action.Create(count, preset.attempts()));
            }
        }

        /** How many may be created in spite of this hold. */
        private int allowed(Blocker hold) {
            return switch (hold) {
                case Blocker.NoWorker unserved -> state.creatable();
                case Blocker.PlaceHeld(var place) -> at.isAfter(place.until()) && state.starting() == 0 ? 1 : 0;
                case Blocker.Backoff backoff -> 0;
                case Blocker.HardLimited limited -> 0;
                case Blocker.ValidationFailed failed -> 0;
                case Blocker.Paused paused -> 0;
            };
        }

        private Optional<Instant> nextLook() {
            Stream<Instant> always = preset.pauses().stream()
                    .filter(pause -> pause.holdsAt(at))
                    .map(Pause::until)
                    .flatMap(Stream::ofNullable);
            Stream<Instant> whileActive = preset.active() ? nextChanges() : Stream.empty();
            return Stream.concat(always, whileActive)
                    .filter(instant -> instant.isAfter(at))
                    .min(Instant::compareTo);
        }

        private Stream<Instant> nextChanges() {
            return Stream.of(scheduleEdge(), backoffEnds(), probes(), expirations())
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
            return preset.ttl().stream()
                    .flatMap(ttl -> preset.prebuilds().stream()
                            .filter(prebuild -> prebuild.running() && !preset.expired(prebuild, at))
                            .map(prebuild -> prebuild.createdAt().plus(ttl).plus(PAST)));
        }
    }
}
