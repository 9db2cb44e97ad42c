package dev.larder.reconcile;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.larder.reconcile.PresetStore.DeclaredPreset;
import dev.larder.reconcile.PresetStore.Named;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A preset and its pool, as the API lists them; the room catalog shows what a preset declares.
 *
 * @param pool in numbers; null for a preset without prebuilds
 */
record PresetWithPool(
        UUID id,
        @JsonUnwrapped Named named,
        boolean active,
        String status,
        @Nullable String statusReason,
        @Nullable Integer instances,
        @Nullable PoolState pool) {

    static PresetWithPool of(DeclaredPreset preset, @Nullable Plan plan) {
        return new PresetWithPool(
                preset.id(),
                preset.named(),
                preset.active(),
                preset.status().word(),
                preset.statusReason().orElse(null),
                preset.instances().orElse(null),
                plan == null ? null : plan.state());
    }
}
