package dev.larder.reconcile;

import dev.larder.model.CanaryEvidence;
import dev.larder.model.Prebuild;
import dev.larder.model.PresetSnapshot;
import dev.larder.model.PresetSnapshot.Membership;
import dev.larder.model.Rollout;
import dev.larder.model.RolloutCause;
import dev.larder.model.RolloutPolicy.Canary;
import dev.larder.model.RolloutPolicy.OnFailure;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Which state a line's rollout comes to next, and when the clock alone may decide that (decision 0046). */
final class Progress {

    private static final Duration REMINDED_EVERY = Duration.ofDays(1);

    private final Line line;
    private final PresetSnapshot target;
    private final Rollout rollout;
    private final Instant at;
    private final Limits limits;

    private Progress(Line line, PresetSnapshot target, Rollout rollout, Instant at, Limits limits) {
        this.line = line;
        this.target = target;
        this.rollout = rollout;
        this.at = at;
        this.limits = limits;
    }

    /** @return empty where the state stays as it is */
    static Optional<RolloutStep> step(Line line, Instant at, Limits limits) {
        Optional<PresetSnapshot> target = line.target();
        if (target.filter(preset -> Plan.pausedAltogether(preset.pauses(), at)).isPresent()) {
            return Optional.empty();
        }
        Optional<Rollout> rollout = line.rollout();
        if (rollout.isEmpty()) {
            return target.flatMap(preset -> begun(preset, at));
        }
        if (target.filter(PresetSnapshot::active).isEmpty()) {
            return Optional.of(new RolloutStep.Supersede("target_not_active"));
        }
        return new Progress(line, target.get(), rollout.get(), at, limits).step();
    }

    private static Optional<RolloutStep> begun(PresetSnapshot preset, Instant at) {
        return preset.rollout().isRolling()
                ? Staleness.of(preset, at).cause().map(RolloutStep.Begin::new)
                : Optional.empty();
    }

    /** When the state may change by the clock alone; may be in the past. */
    static Optional<Instant> nextLook(Line line) {
        Optional<Rollout> rollout = line.rollout();
        return rollout.flatMap(open -> line.target().map(target -> switch (open.state()) {
            case CANARY -> ofCanary(target, open).plus(Plan.PAST);
            case PROGRESSING -> deadline(target, open).plus(Plan.PAST);
            case HELD -> open.toldAt().plus(REMINDED_EVERY);
            case DONE, ROLLED_BACK, SUPERSEDED -> open.phaseAt();
        }));
    }

    private Optional<RolloutStep> step() {
        if (rollout.paused()) {
            return Optional.empty();
        }
        return switch (rollout.state()) {
            case CANARY -> afterCanary();
            case PROGRESSING -> isFinished() ? Optional.of(new RolloutStep.Finish()) : failed();
            case HELD -> whileHeld();
            case DONE, ROLLED_BACK, SUPERSEDED -> Optional.empty();
        };
    }

    private Optional<RolloutStep> afterCanary() {
        Optional<Canary> declared = target.rollout().canary();
        if (declared.isEmpty()) {
            return Optional.empty();
        }
        List<CanaryEvidence> canaries =
                target.membership().map(Membership::canaries).orElse(List.of());
        Instant deadline = isPaused() ? Instant.MAX : ofCanary(target, rollout);
        return switch (Verdict.of(declared.get(), canaries, deadline, at)) {
            case Verdict.Passed passed -> Optional.of(new RolloutStep.PassCanary());
            case Verdict.Failed(var code, var detail) -> Optional.of(failed(code, detail));
            case Verdict.Undecided undecided -> Optional.empty();
        };
    }

    private RolloutStep failed(String code, String detail) {
        boolean back =
                rollout.cause() == RolloutCause.PROMOTION && target.rollout().onFailure() == OnFailure.ROLLBACK;
        return back ? new RolloutStep.RollBack(code, detail) : new RolloutStep.Hold(code, detail);
    }

    /** What is stale of a promotion's target is renewed by a rollout of its own. */
    private boolean isFinished() {
        boolean onlyTarget = line.befores().stream()
                .flatMap(before -> before.prebuilds().stream())
                .allMatch(Prebuild::stopped);
        return onlyTarget && (isRenewal() ? Staleness.of(target, at).cause().isEmpty() : hasFresh());
    }

    private boolean isRenewal() {
        return rollout.cause() != RolloutCause.PROMOTION;
    }

    /** The new version was built once at least, or none is wanted of it. A claim may have taken it since. */
    private boolean hasFresh() {
        return Desired.declared(target, at).instances() == 0
                || target.membership().map(Membership::newestReadyAt).isPresent()
                || target.prebuilds().stream().anyMatch(prebuild -> target.isSound(prebuild, at));
    }

    /** A pause at any level keeps creation back. */
    private boolean isPaused() {
        return target.pauses().stream().anyMatch(pause -> pause.holdsAt(at));
    }

    private Optional<RolloutStep> failed() {
        if (isPaused()) {
            return Optional.empty();
        }
        FailurePolicy failing = new FailurePolicy(target.failures(), limits, at);
        Judgement judgement = Judgement.of(target, failing, limits, 0, 0);
        // A renewal has no other version to go back to: its preset's own mark tells of it.
        boolean hopeless = !isRenewal() && neverReady();
        for (Blocker hold : judgement.holds()) {
            if (hopeless && hold instanceof Blocker.HardLimited(var reason)) {
                return Optional.of(failed("hard_limited", reason));
            }
            if (hopeless && hold instanceof Blocker.ValidationFailed(var reason)) {
                return Optional.of(failed("validation_failed", reason));
            }
        }
        return at.isAfter(deadline(target, rollout)) && !onlyRemovalsAreLeft()
                ? Optional.of(failed("deadline", "nothing more became ready by the deadline"))
                : Optional.empty();
    }

    /** As many as are wanted are ready: a removal that takes its time says nothing of what was built. */
    private boolean onlyRemovalsAreLeft() {
        Staleness staleness = Staleness.of(target, at);
        long ready = target.prebuilds().stream()
                .filter(prebuild -> prebuild.ready() && target.isSound(prebuild, at))
                .filter(prebuild -> !isRenewal() || !staleness.includes(prebuild))
                .count();
        return ready >= Desired.declared(target, at).instances();
    }

    /** Nothing became ready since the state began. */
    private boolean neverReady() {
        @Nullable Instant ready = newestReadyAt(target);
        return ready == null || ready.isBefore(rollout.phaseAt());
    }

    private static @Nullable Instant newestReadyAt(PresetSnapshot target) {
        return Stream.concat(
                        target.membership().map(Membership::newestReadyAt).stream(),
                        target.prebuilds().stream().flatMap(prebuild -> Stream.ofNullable(prebuild.readyAt())))
                .max(Instant::compareTo)
                .orElse(null);
    }

    /** Each prebuild that becomes ready gives the rollout its time anew, and so does the end of a pause. */
    private static Instant deadline(PresetSnapshot target, Rollout rollout) {
        return Stream.concat(Stream.ofNullable(newestReadyAt(target)), pauseEnds(target))
                .map(from -> from.plus(target.rollout().deadline()))
                .filter(again -> again.isAfter(rollout.deadlineAt()))
                .max(Instant::compareTo)
                .orElse(rollout.deadlineAt());
    }

    private static Instant ofCanary(PresetSnapshot target, Rollout rollout) {
        return target.rollout().canary().stream()
                .flatMap(canary -> pauseEnds(target).map(end -> end.plus(canary.deadline())))
                .filter(again -> again.isAfter(rollout.deadlineAt()))
                .max(Instant::compareTo)
                .orElse(rollout.deadlineAt());
    }

    /** Of pauses that end by their own time, those that have ended included. */
    private static Stream<Instant> pauseEnds(PresetSnapshot target) {
        return target.pauses().stream().flatMap(pause -> Stream.ofNullable(pause.until()));
    }

    /** A renewal whose builds succeed again has ended: a pool may always have something stale. */
    private Optional<RolloutStep> whileHeld() {
        if (isRenewal() && (isFinished() || !neverReady())) {
            return Optional.of(new RolloutStep.Finish());
        }
        return at.isBefore(rollout.toldAt().plus(REMINDED_EVERY))
                ? Optional.empty()
                : Optional.of(new RolloutStep.Remind());
    }
}
