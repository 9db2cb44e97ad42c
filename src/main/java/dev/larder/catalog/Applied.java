package dev.larder.catalog;

import dev.larder.model.Refusal;
import java.util.List;
import java.util.Set;

/** The result of applying a declaration. */
public sealed interface Applied {

    /** There is no such organization for this caller. */
    record NoOrganization() implements Applied {}

    /** The template is not the one that the caller's condition names; nothing was written. */
    record Stale() implements Applied {}

    /**
     * The organization has not these files, to which the declaration refers; nothing was written.
     *
     * @param digests every missing one
     */
    record FilesMissing(Set<String> digests) implements Applied {}

    /** Backend {@code postgres} cannot read these files, to which the declaration refers; nothing was written. */
    record FilesUnreadable(List<Refusal> refusals) implements Applied {}

    /**
     * The template is as declared.
     *
     * @param version the version that holds the declaration
     * @param presets of that version
     * @param templateCreated false where a template of that name existed
     * @param versionCreated false where a version declares the same already
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
