package dev.larder.cli.client;

import org.jspecify.annotations.Nullable;

/** What a pause holds for. */
enum Level {
    deployment,
    organization,
    template,
    preset;

    /** The address below which {@code pause} and {@code resume} stand. The deployment has another one. */
    String path(Session session, @Nullable String name) {
        String named = name == null ? "" : name;
        return switch (this) {
            case deployment -> Paths.of("settings", "reconciliation");
            case organization -> Paths.of("organizations", named);
            case template -> new PresetPaths(session).template(named);
            case preset -> new PresetPaths(session).preset(named);
        };
    }

    /** The sentence that refuses a missing or a superfluous name; null where there is none. */
    @Nullable
    String refusal(@Nullable String name) {
        if (this == deployment) {
            return name == null ? null : "deployment has no NAME.";
        }
        return name == null ? "Missing: NAME of the " + this + "." : null;
    }
}
