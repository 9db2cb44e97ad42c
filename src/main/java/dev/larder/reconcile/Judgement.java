package dev.larder.reconcile;

import dev.larder.model.PresetSnapshot;
import dev.larder.model.PresetStatus;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a preset's declaration and its failed builds say of further builds (design, sections 2.3.3 to 2.3.5).
 *
 * @param marks at most one: how the preset is marked now
 * @param holds why none is created of it
 */
record Judgement(List<Action> marks, List<Blocker> holds) {

    private static final String EXPIRED_UNREADY =
            "its prebuilds take longer to build than their ttl: they have expired when they are ready";

    /**
     * @param missing how many prebuilds are missing: without any there is no backoff
     * @param desired how many are wanted
     */
    static Judgement of(PresetSnapshot preset, FailurePolicy failing, Limits limits, int missing, int desired) {
        Judgement status = ofStatus(preset, failing, limits);
        if (missing == 0 || status.blocks()) {
            return status;
        }
        List<Blocker> holds = new ArrayList<>(status.holds);
        failing.backoff(desired).ifPresent(holds::add);
        return new Judgement(status.marks, holds);
    }

    /** Whether the preset itself is the reason that none is created. */
    boolean blocks() {
        return !holds.isEmpty();
    }

    /** Whether none will be created until a person acts. */
    boolean isFinal() {
        return holds.stream()
                .anyMatch(hold -> hold instanceof Blocker.HardLimited || hold instanceof Blocker.ValidationFailed);
    }

    private static Judgement ofStatus(PresetSnapshot preset, FailurePolicy failing, Limits limits) {
        if (!preset.missingParameters().isEmpty()) {
            return invalid(
                    preset, "required parameter without a value: " + String.join(", ", preset.missingParameters()));
        }
        if (preset.status() == PresetStatus.HEALTHY && failing.buildsTooSlowlyForItsTtl()) {
            return invalid(preset, EXPIRED_UNREADY);
        }
        if (preset.status() == PresetStatus.VALIDATION_FAILED) {
            // Set by an earlier failure that a plan cannot see. Only a changed declaration or a reset lifts it.
            return held(new Blocker.ValidationFailed(statusReason(preset, "cannot be built as declared")));
        }
        return ofAttempts(preset, failing, limits);
    }

    private static Judgement invalid(PresetSnapshot preset, String reason) {
        boolean marked = preset.status() == PresetStatus.VALIDATION_FAILED;
        return new Judgement(
                marked ? List.of() : List.of(new Action.MarkValidationFailed(reason)),
                List.of(new Blocker.ValidationFailed(reason)));
    }

    private static Judgement ofAttempts(PresetSnapshot preset, FailurePolicy failing, Limits limits) {
        boolean marked = preset.status() == PresetStatus.HARD_LIMITED;
        if (!failing.reachesHardLimit()) {
            return new Judgement(marked ? List.of(new Action.MarkHealthy()) : List.of(), List.of());
        }
        String reason = "the newest %d attempts all failed".formatted(limits.hardLimit());
        return marked
                ? held(new Blocker.HardLimited(statusReason(preset, reason)))
                : new Judgement(
                        List.of(new Action.MarkHardLimited(reason, failing.failedAttempts())),
                        List.of(new Blocker.HardLimited(reason)));
    }

    private static Judgement held(Blocker hold) {
        return new Judgement(List.of(), List.of(hold));
    }

    private static String statusReason(PresetSnapshot preset, String otherwise) {
        @Nullable String reason = preset.statusReason();
        return reason == null ? otherwise : reason;
    }
}
