package dev.larder.reconcile;

import dev.larder.reconcile.PresetStore.DeclaredPreset;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A preset and its pool, as the API lists them; the room catalog shows what a preset declares.
 *
 * @param pool in numbers; null for a preset without prebuilds
 */
record PresetWithPool(
        UUID id,
        String organization,
        String template,
        int templateVersion,
        String name,
        boolean active,
        String status,
        @Nullable String statusReason,
        @Nullable Integer instances,
        @Nullable PoolState pool) {

    static PresetWithPool of(DeclaredPreset preset, @Nullable Plan plan) {
        return new PresetWithPool(
                preset.id(),
                preset.named().organization(),
                preset.named().template(),
                preset.named().templateVersion(),
                preset.named().name(),
                preset.active(),
                preset.status().word(),
                preset.statusReason().orElse(null),
                preset.instances().orElse(null),
                plan == null ? null : plan.state());
    }
}
