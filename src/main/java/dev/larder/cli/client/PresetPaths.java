package dev.larder.cli.client;

/** The addresses of presets and templates that a user names. */
final class PresetPaths {

    private final Session session;

    PresetPaths(Session session) {
        this.session = session;
    }

    /** @param parts what follows the preset: {@code pool}, {@code plan}, {@code pause} */
    String preset(String reference, String... parts) {
        return switch (Reference.preset(reference)) {
            case Reference.Id(String id) -> add(Paths.of("presets", id), parts);
            case Reference.PresetName(var template, String preset) ->
                add(template(template) + Paths.part("presets") + Paths.part(preset), parts);
            case Reference.TemplateName template -> throw new IllegalArgumentException(template.toString());
        };
    }

    /** @param parts what follows the template: {@code promote}, {@code pause} */
    String template(String reference, String... parts) {
        return add(template(Reference.template(reference)), parts);
    }

    private String template(Reference.TemplateName name) {
        return Paths.of("organizations", name.organization(session), "templates", name.template());
    }

    private static String add(String path, String... parts) {
        return parts.length == 0 ? path : path + "/" + String.join("/", parts);
    }
}
