package dev.larder.reconcile;

import dev.larder.reconcile.PresetStore.DeclaredPreset;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A preset as the API shows it.
 *
 * @param pool in numbers; null for a preset without prebuilds
 */
record PresetView(
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

    static PresetView of(DeclaredPreset preset, @Nullable Plan plan) {
        return new PresetView(
                preset.id(),
                preset.organization(),
                preset.template(),
                preset.templateVersion(),
                preset.name(),
                preset.active(),
                preset.status().word(),
                preset.statusReason().orElse(null),
                preset.instances().orElse(null),
                plan == null ? null : plan.state());
    }
}
