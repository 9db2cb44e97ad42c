package dev.larder.http;

import dev.larder.model.PresetFilter;
import jakarta.ws.rs.QueryParam;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.jspecify.annotations.Nullable;

/** The query parameters of a list whose items belong to presets: their names. Each may be given alone. */
public class PresetParameters {

    @QueryParam("organization")
    @Parameter(description = Filters.ORGANIZATION)
    public @Nullable String organization;

    @QueryParam("template")
    @Parameter(description = "Only of templates of this name")
    public @Nullable String template;

    @QueryParam("preset")
    @Parameter(description = "Only of presets of this name")
    public @Nullable String preset;

    /** Those of the parameters. Code {@code invalid_text}. */
    public PresetFilter filter() {
        return new PresetFilter(
                Filters.text("organization", organization),
                Filters.text("template", template),
                Filters.text("preset", preset));
    }

    /** The same for one preset, of an address. */
    public static PresetFilter of(String organization, String template, Optional<String> preset) {
        return new PresetFilter(Optional.of(organization), Optional.of(template), preset);
    }
}
