package dev.larder.http;

import dev.larder.model.NamedPreset;
import java.util.UUID;
import java.util.regex.Pattern;

/** Names that people give: of organizations, templates, presets, states, workspaces and children. */
public final class Names {

    public static final Pattern PATTERN = Pattern.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?");

    private Names() {}

    public static boolean isName(String text) {
        return PATTERN.matcher(text).matches();
    }

    /** The preset; 404 {@code organization_not_found}, {@code template_not_found} or {@code preset_not_found}. */
    public static UUID found(NamedPreset named) {
        return switch (named) {
            case NamedPreset.Known(var preset) -> preset;
            case NamedPreset.Unknown(var what) -> throw Problem.notFound(what);
        };
    }

    /** The text; 422 {@code invalid_name} where it is no name. */
    public static String checked(String text, String field) {
        if (!isName(text)) {
            throw Problem.unprocessable(
                    "invalid_name", field, "must be 1 to 63 lower-case letters, digits and inner hyphens.");
        }
        return text;
    }
}
