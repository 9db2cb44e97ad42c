package dev.larder.cli.client;

import java.util.Optional;
import java.util.regex.Pattern;

/** A template or a preset as a user names it. */
sealed interface Reference {

    Pattern ID = Pattern.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}");

    /** @param organization empty where the name has none: the default organization is meant */
    record TemplateName(Optional<String> organization, String template) implements Reference {

        String organization(Session session) {
            return organization.orElseGet(session::organization);
        }
    }

    record PresetName(TemplateName of, String preset) implements Reference {}

    record Id(String id) implements Reference {}

    static boolean isId(String text) {
        return ID.matcher(text).matches();
    }

    /** {@code organization/template} or {@code template}. */
    static TemplateName template(String text) {
        String[] parts = text.split("/", -1);
        return switch (parts.length) {
            case 1 -> new TemplateName(Optional.empty(), part(text, text));
            case 2 -> new TemplateName(Optional.of(part(parts[0], text)), part(parts[1], text));
            default ->
                throw Failure.of(
                        ExitCode.USAGE,
                        "'" + text + "' names no template. Example: orders-database, demo/orders-database");
        };
    }

    /** {@code organization/template/preset}, {@code template/preset}, or the preset's id. */
    static Reference preset(String text) {
        if (isId(text)) {
            return new Id(text);
        }
        int last = text.lastIndexOf('/');
        if (last < 0) {
            throw Failure.of(
                    ExitCode.USAGE,
                    "'" + text
                            + "' names no preset. Example: orders-database/small, demo/orders-database/small, or an id");
        }
        return new PresetName(template(text.substring(0, last)), part(text.substring(last + 1), text));
    }

    private static String part(String part, String whole) {
        if (part.isEmpty()) {
            throw Failure.of(ExitCode.USAGE, "'" + whole + "' has an empty part. Example: demo/orders-database/small");
        }
        return part;
    }
}
