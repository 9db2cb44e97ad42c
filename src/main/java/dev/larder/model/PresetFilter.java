package dev.larder.model;

import java.util.Optional;

/**
 * Names of what the items of a list belong to.
 *
 * @param organization its name or its id
 */
public record PresetFilter(Optional<String> organization, Optional<String> template, Optional<String> preset) {

    /** All items. */
    public static final PresetFilter ALL = new PresetFilter(Optional.empty(), Optional.empty(), Optional.empty());

    /** Whether a template or a preset is named. */
    public boolean namesPresets() {
        return template.isPresent() || preset.isPresent();
    }
}
