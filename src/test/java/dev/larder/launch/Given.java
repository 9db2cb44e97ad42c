package dev.larder.launch;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** What the person who starts it has set in the environment, and the checkout that it is started from. */
record Given(Path checkout, Map<String, String> environment) {

    static Given here() {
        return new Given(Path.of(System.getProperty("larder.launch.checkout", ".")), System.getenv());
    }

    /** The first of these variables that is set. */
    Optional<String> first(String... names) {
        for (String name : names) {
            String value = environment.get(name);
            if (value != null && !value.isBlank()) {
                return Optional.of(value.strip());
            }
        }
        return Optional.empty();
    }

    Home home() {
        return new Home(first("LARDER_HOME").map(Path::of).orElse(checkout.resolve(".larder")));
    }
}
