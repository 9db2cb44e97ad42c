package dev.larder.reconcile;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.larder.reconcile.PresetStore.DeclaredPreset;
import dev.larder.reconcile.PresetStore.LiveClaims;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;
import java.util.function.ToIntFunction;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * The pool of one preset in a row: what a person looks at first.
 *
 * @param rollout the open one of the preset's line, with the versions before; null where none is
 */
@Schema(name = "PoolRow")
record PoolRow(
        String organization,
        String template,
        String preset,
        UUID presetId,
        @JsonUnwrapped PresetWithPool.Condition condition,
        @JsonUnwrapped Counts counts,
        @Nullable LineView rollout) {

    /**
     * @param desired how many prebuilds are wanted; null, as the next two, for a preset without prebuilds
     * @param ready how many could be claimed, those of a version before that a rollout has not replaced yet included
     * @param building how many are being built, or wait for a worker; in the same way
     * @param claimed claims that hold a workspace of the preset
     * @param waiting claims that wait for one
     */
    record Counts(
            @Nullable Integer desired,
            @Nullable Integer ready,
            @Nullable Integer building,
            long claimed,
            long waiting) {}

    static PoolRow of(DeclaredPreset preset, @Nullable LinePlan line, LiveClaims claims, Instant at) {
        Optional<LinePlan> planned = Optional.ofNullable(line);
        @Nullable
        Plan plan = planned.flatMap(known -> known.of(preset.id()))
                .map(Planned::plan)
                .orElse(null);
        return new PoolRow(
                preset.named().organization(),
                preset.named().template(),
                preset.named().name(),
                preset.id(),
                PresetWithPool.Condition.of(preset, plan, at),
                new Counts(
                        plan == null ? null : plan.state().desired(),
                        planned.map(known -> sum(known, PoolState::eligible)).orElse(null),
                        planned.map(known -> sum(known, PoolState::starting)).orElse(null),
                        claims.claimed(),
                        claims.waiting()),
                planned.flatMap(known -> LineView.of(known, at)).orElse(null));
    }

    private static int sum(LinePlan line, ToIntFunction<PoolState> count) {
        return line.members().stream()
                .mapToInt(member -> count.applyAsInt(member.plan().state()))
                .sum();
    }
}
