package dev.larder.catalog;

import java.util.List;

/** What applying a declaration came to. */
public sealed interface Applied {

    /** There is no such organization for this caller. */
    record NoOrganization() implements Applied {}

    /** The template is not the one the caller wanted to change; nothing was written. */
    record Stale() implements Applied {}

    /**
     * The template stands as declared.
     *
     * @param version the version that holds the declaration
     * @param presets of that version
     * @param templateCreated false where there was one of that name
     * @param versionCreated false where the same had been declared already
     * @param changed whether anything was written
     */
    record Done(
            TemplateView template,
            int version,
            List<PresetView> presets,
            boolean templateCreated,
            boolean versionCreated,
            boolean changed)
            implements Applied {}
}
