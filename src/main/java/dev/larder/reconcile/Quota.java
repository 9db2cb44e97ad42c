package dev.larder.reconcile;

import dev.larder.model.Pause;
import dev.larder.model.Prebuild;
import dev.larder.model.PresetSnapshot;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Predicate;

/**
 * What one preset's stock is to become, before its failures, its pauses and its workers are looked at: by its own
 * numbers, or by those of its line ({@code RollingPlan}).
 *
 * @param removals in the order they are to be performed
 * @param missing how many prebuilds are missing
 * @param most how many of them may be created now
 * @param pauses that hold it, ended ones included
 * @param looks when the clock alone changes it, beside what {@code Plan} looks at
 * @param holds why nothing is to be created, beside what {@code Plan} finds
 */
record Quota(
        Desired desired,
        PoolState state,
        List<Action> removals,
        int missing,
        int most,
        List<Pause> pauses,
        Optional<Instant> looks,
        List<Blocker> holds) {

    /** With nothing that holds it beside what {@code Plan} finds. */
    Quota(
            Desired desired,
            PoolState state,
            List<Action> removals,
            int missing,
            int most,
            List<Pause> pauses,
            Optional<Instant> looks) {
        this(desired, state, removals, missing, most, pauses, looks, List.of());
    }

    /** Of a preset that is in no rollout. */
    static Quota alone(PresetSnapshot preset, Instant at) {
        Desired desired = Desired.of(preset, at);
        PoolState state = PoolState.of(preset, desired.instances(), at);
        List<Action> removals = preset.active() ? tooMuch(preset, state, at) : everything(preset);
        int wanted = desired.instances();
        Optional<Instant> looks = preset.active() && preset.rollout().isRolling()
                ? Staleness.of(preset, at).nextDue()
                : Optional.empty();
        return new Quota(desired, state, removals, state.missing(), wanted, preset.pauses(), looks);
    }

    private static List<Action> everything(PresetSnapshot preset) {
        List<Action> removals = new ArrayList<>();
        List<UUID> pending = ids(preset, Prebuild::neverStarted);
        if (!pending.isEmpty()) {
            removals.add(new Action.CancelPending(pending));
        }
        delete(removals, ids(preset, Prebuild::running), DeleteReason.INACTIVE);
        return removals;
    }

    private static List<Action> tooMuch(PresetSnapshot preset, PoolState state, Instant at) {
        List<Action> removals = unusable(preset, at);
        List<UUID> sound = preset.prebuilds().stream()
                .filter(prebuild -> preset.isSound(prebuild, at))
                .sorted(goesFirst(preset))
                .map(Prebuild::id)
                .toList();
        delete(removals, sound.subList(0, state.extraneous()), DeleteReason.EXTRANEOUS);
        return removals;
    }

    /** The oldest first; by a preset that replaces its stock without a gap, after those that are not ready yet. */
    private static Comparator<Prebuild> goesFirst(PresetSnapshot preset) {
        return Comparator.comparing(prebuild -> preset.rollout().isRolling() && prebuild.ready());
    }

    /** What goes whatever else there is: prebuilds whose state is lost, and expired ones. */
    static List<Action> unusable(PresetSnapshot preset, Instant at) {
        List<Action> removals = new ArrayList<>();
        delete(removals, ids(preset, Prebuild::lost), DeleteReason.UNRELIABLE);
        delete(
                removals,
                ids(preset, prebuild -> prebuild.running() && !prebuild.lost() && preset.expired(prebuild, at)),
                DeleteReason.EXPIRED);
        return removals;
    }

    static void delete(List<Action> removals, List<UUID> ids, DeleteReason reason) {
        if (!ids.isEmpty()) {
            removals.add(new Action.Delete(List.copyOf(ids), reason));
        }
    }

    /** Oldest first, as the snapshot is. */
    static List<UUID> ids(PresetSnapshot preset, Predicate<Prebuild> wanted) {
        return preset.prebuilds().stream().filter(wanted).map(Prebuild::id).toList();
    }
}
