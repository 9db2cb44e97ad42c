package dev.larder.reconcile;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.larder.reconcile.PresetStore.DeclaredPreset;
import dev.larder.reconcile.PresetStore.LiveClaims;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
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
     * @param ready how many could be claimed, of all versions that are handed out ({@link LineStock})
     * @param building how many are being built, or wait for a worker; in the same way, so without a canary
     * @param claimed claims that hold a workspace of the preset, or of one that is in its open rollout
     * @param waiting claims that wait for one; in the same way
     */
    record Counts(
            @Nullable Integer desired,
            @Nullable Integer ready,
            @Nullable Integer building,
            long claimed,
            long waiting) {}

    static PoolRow of(DeclaredPreset preset, @Nullable LinePlan line, Map<UUID, LiveClaims> claims, Instant at) {
        Optional<LinePlan> planned = Optional.ofNullable(line);
        @Nullable
        LineStock stock = planned.map(known -> LineStock.of(known, preset.id())).orElse(null);
        LiveClaims live = members(preset, line)
                .map(member -> claims.getOrDefault(member, LiveClaims.NONE))
                .reduce(LiveClaims.NONE, LiveClaims::and);
        return new PoolRow(
                preset.named().organization(),
                preset.named().template(),
                preset.named().name(),
                preset.id(),
                PresetWithPool.Condition.of(preset, stock, at),
                new Counts(
                        stock == null ? null : stock.counts().desired(),
                        stock == null ? null : stock.counts().eligible(),
                        stock == null ? null : stock.counts().starting(),
                        live.claimed(),
                        live.waiting()),
                planned.flatMap(known -> LineView.of(known, at)).orElse(null));
    }

    /** The presets whose claims a row counts: of a preset without prebuilds, itself. */
    static Stream<UUID> members(DeclaredPreset preset, @Nullable LinePlan line) {
        return line == null
                ? Stream.of(preset.id())
                : line.members().stream().map(member -> member.preset().id());
    }
}
