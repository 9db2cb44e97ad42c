package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;

/** The addresses of presets and templates that a user names. */
final class PresetPaths {

    private final Session session;

    PresetPaths(Session session) {
        this.session = session;
    }

    /** @param parts what follows the preset: {@code pool}, {@code plan}, {@code pause} */
    String preset(String reference, String... parts) {
        return add(Paths.of("presets", id(Reference.preset(reference))), parts);
    }

    /** @param parts what follows the template: {@code promote}, {@code pause} */
    String template(String reference, String... parts) {
        Reference.TemplateName name = Reference.template(reference);
        return add(Paths.of("organizations", name.organization(session), "templates", name.template()), parts);
    }

    private static String add(String path, String... parts) {
        return parts.length == 0 ? path : path + "/" + String.join("/", parts);
    }

    private String id(Reference reference) {
        return switch (reference) {
            case Reference.Id(String id) -> id;
            case Reference.PresetName(var template, String preset) -> id(template, preset);
            case Reference.TemplateName template -> throw new IllegalArgumentException(template.toString());
        };
    }

    private String id(Reference.TemplateName template, String preset) {
        String path = Paths.of("organizations", template.organization(session), "templates", template.template());
        for (JsonNode each : session.api().get(path).body().path("presets")) {
            if (Json.text(each, "name").equals(preset)) {
                return Json.text(each, "id");
            }
        }
        throw Failure.of(
                ExitCode.NOT_FOUND,
                "the active version of the template " + template.template() + " has no preset " + preset);
    }
}
