package dev.larder.model;

import java.util.Optional;

/**
 * What the items of a list belong to: each by its name or its id. An id of a preset is of one version, a name of all.
 */
public record PresetFilter(Optional<String> organization, Optional<String> template, Optional<String> preset) {

    /** All items. */
    public static final PresetFilter ALL = new PresetFilter(Optional.empty(), Optional.empty(), Optional.empty());

    /** Whether a template or a preset is named. */
    public boolean namesPresets() {
        return template.isPresent() || preset.isPresent();
    }
}
