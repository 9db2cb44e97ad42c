package dev.larder.model;

import java.util.UUID;

/** What the names of an organization, a template and a preset mean to a caller. */
public sealed interface NamedPreset {

    /** A preset of the template's active version. */
    record Known(UUID id) implements NamedPreset {}

    /**
     * Nothing has these names, or the caller does not see it.
     *
     * @param what {@code organization}, {@code template} or {@code preset}: the first of them that is unknown
     */
    record Unknown(String what) implements NamedPreset {}
}
