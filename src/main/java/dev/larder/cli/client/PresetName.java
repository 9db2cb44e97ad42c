package dev.larder.cli.client;

import java.util.Optional;

/**
 * A preset as a user names it: {@code TEMPLATE/PRESET} or {@code ORGANIZATION/TEMPLATE/PRESET}.
 *
 * @param organization empty for the default one
 */
record PresetName(Optional<String> organization, String template, String preset) {

    static PresetName of(String text) {
        String[] parts = text.split("/", -1);
        for (String part : parts) {
            if (part.isBlank()) {
                throw refused(text);
            }
        }
        return switch (parts.length) {
            case 2 -> new PresetName(Optional.empty(), parts[0], parts[1]);
            case 3 -> new PresetName(Optional.of(parts[0]), parts[1], parts[2]);
            default -> throw refused(text);
        };
    }

    private static Failure refused(String text) {
        return Failure.of(
                ExitCode.USAGE, "a preset is named TEMPLATE/PRESET or ORGANIZATION/TEMPLATE/PRESET, not '" + text + "'");
    }
}
