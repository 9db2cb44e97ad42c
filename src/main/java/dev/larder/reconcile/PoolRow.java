package dev.larder.reconcile;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.larder.reconcile.PresetStore.DeclaredPreset;
import dev.larder.reconcile.PresetStore.LiveClaims;
import java.time.Instant;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/** The pool of one preset in a line: what a person looks at first. */
@Schema(name = "PoolRow")
record PoolRow(
        String organization,
        String template,
        String preset,
        UUID presetId,
        @JsonUnwrapped PresetWithPool.Condition condition,
        @JsonUnwrapped Counts counts) {

    /**
     * @param desired how many prebuilds are wanted; null, as the next two, for a preset without prebuilds
     * @param ready how many could be claimed
     * @param building how many are being built, or wait for a worker
     * @param claimed claims that hold a workspace of the preset
     * @param waiting claims that wait for one
     */
    record Counts(
            @Nullable Integer desired,
            @Nullable Integer ready,
            @Nullable Integer building,
            long claimed,
            long waiting) {}

    static PoolRow of(DeclaredPreset preset, @Nullable Plan plan, LiveClaims claims, Instant at) {
        return new PoolRow(
                preset.named().organization(),
                preset.named().template(),
                preset.named().name(),
                preset.id(),
                PresetWithPool.Condition.of(preset, plan, at),
                plan == null
                        ? new Counts(null, null, null, claims.claimed(), claims.waiting())
                        : new Counts(
                                plan.state().desired(),
                                plan.state().eligible(),
                                plan.state().starting(),
                                claims.claimed(),
                                claims.waiting()));
    }
}
