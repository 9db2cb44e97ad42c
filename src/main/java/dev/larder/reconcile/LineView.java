package dev.larder.reconcile;

import dev.larder.model.PresetSnapshot;
import dev.larder.model.Rollout;
import dev.larder.model.RolloutCause;
import dev.larder.model.RolloutRole;
import dev.larder.model.RolloutState;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * The open rollout of a preset's line, and the pools that are in it.
 *
 * @param pools the newest version first
 */
record LineView(
        UUID id,
        @Schema(implementation = RolloutCause.class) String cause,
        @Schema(implementation = RolloutState.class) String state,
        boolean paused,
        List<MemberView> pools) {

    /**
     * @param version the number of the template's version
     * @param role {@code target}, {@code canary} or {@code before}; null for a version whose stock is only removed
     * @param because which rule decided how many of this version are wanted
     * @param holds why nothing of this version is created, or why what is created waits
     * @param stale how many running prebuilds are to be replaced, and are handed out until then
     */
    record MemberView(
            UUID preset,
            int version,

            @Schema(implementation = RolloutRole.class) @Nullable
            String role,

            int stale,
            PoolState counts,
            Because because,
            List<HoldView> holds) {

        static MemberView of(Planned member, Instant at) {
            PresetSnapshot preset = member.preset();
            return new MemberView(
                    preset.id(),
                    preset.identity().version(),
                    preset.membership().map(known -> known.role().word()).orElse(null),
                    stale(preset, at),
                    member.plan().state(),
                    Because.of(member.plan().desired()),
                    HoldView.of(member.plan().holds()));
        }

        private static int stale(PresetSnapshot preset, Instant at) {
            if (preset.is(RolloutRole.BEFORE)) {
                return (int) preset.prebuilds().stream()
                        .filter(prebuild -> preset.isSound(prebuild, at))
                        .count();
            }
            return preset.active() ? Staleness.of(preset, at).stale().size() : 0;
        }
    }

    /** Empty where no rollout is open. */
    static Optional<LineView> of(LinePlan line, Instant at) {
        return line.rollout().map(rollout -> of(rollout, line, at));
    }

    private static LineView of(Rollout rollout, LinePlan line, Instant at) {
        return new LineView(
                rollout.id(),
                rollout.cause().word(),
                rollout.state().word(),
                rollout.paused(),
                line.members().stream().map(member -> MemberView.of(member, at)).toList());
    }
}
