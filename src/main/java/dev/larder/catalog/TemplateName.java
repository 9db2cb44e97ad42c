package dev.larder.catalog;

import dev.larder.model.Caller;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A template as a caller names it.
 *
 * @param organization name or id of the template's organization
 */
public record TemplateName(Caller caller, String organization, String template) {

    /** The organization whose templates alone the caller may see; null for a caller of the whole deployment. */
    @Nullable
    UUID callersOrganization() {
        return caller.organization().orElse(null);
    }
}
