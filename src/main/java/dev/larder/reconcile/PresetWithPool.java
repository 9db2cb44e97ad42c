package dev.larder.reconcile;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.larder.model.LevelPause;
import dev.larder.model.PresetStatus;
import dev.larder.reconcile.PresetStore.DeclaredPreset;
import dev.larder.reconcile.PresetStore.Named;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * A preset and its pool, as the API lists them; the room catalog shows what a preset declares.
 *
 * @param pool what clients have, in numbers: of all versions that are handed out ({@link LineStock}); null for a preset
 *     without prebuilds
 */
record PresetWithPool(
        UUID id,
        @JsonUnwrapped Named named,
        boolean active,
        @JsonUnwrapped Condition condition,
        @Nullable Integer instances,
        @Nullable PoolState pool) {

    /**
     * What keeps the pool from its work.
     *
     * @param pause of the narrowest level that is paused now; null where none is
     * @param holds why nothing is created, or why what is created waits, as {@code GET /presets/{id}/pool} has them
     */
    record Condition(
            @Schema(implementation = PresetStatus.class) String status,
            @Nullable String statusReason,
            @Nullable LevelPause pause,
            List<HoldView> holds) {

        static Condition of(DeclaredPreset preset, @Nullable LineStock stock, Instant at) {
            return new Condition(
                    preset.standing().status().word(),
                    preset.standing().reason().orElse(null),
                    LevelPause.narrowest(preset.standing().pauses(), at).orElse(null),
                    stock == null ? List.of() : HoldView.of(stock.holds()));
        }
    }

    static PresetWithPool of(DeclaredPreset preset, @Nullable LineStock stock, Instant at) {
        return new PresetWithPool(
                preset.id(),
                preset.named(),
                preset.active(),
                Condition.of(preset, stock, at),
                preset.instances().orElse(null),
                stock == null ? null : stock.counts());
    }
}
