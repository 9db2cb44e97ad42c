package dev.larder.cli.client;

import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/** What {@code get}, {@code describe} and {@code wait} can name. Read in the plural and in the singular. */
enum Kind {
    pools,
    presets,
    templates,
    claims,
    workspaces,
    jobs,
    workers,
    rollouts;

    String singular() {
        return name().substring(0, name().length() - 1);
    }

    static Optional<Kind> of(String text) {
        String lower = text.toLowerCase(Locale.ROOT);
        return Stream.of(values())
                .filter(kind -> kind.name().equals(lower) || kind.singular().equals(lower))
                .findFirst();
    }
}
