package dev.larder.cli.client;

import java.util.Optional;

/**
 * Compares this command's version with that of the server, which each of its answers names in a header. Versions that
 * differ in the last number alone speak the same API.
 */
final class ServerVersion {

    static final String HEADER = "Larder-Version";

    private ServerVersion() {}

    /** @return the sentence that says the difference; empty where the versions speak the same API */
    static Optional<String> difference(String own, Optional<String> server) {
        if (server.isEmpty()) {
            return Optional.of("the server does not say its version; this command is " + own);
        }
        return release(server.get()).equals(release(own))
                ? Optional.empty()
                : Optional.of("the server is " + server.get() + ", this command is " + own);
    }

    /** {@code 1.4} of {@code 1.4.2-SNAPSHOT}. */
    private static String release(String version) {
        String[] numbers = version.replaceFirst("-.*$", "").split("\\.", -1);
        return numbers.length < 2 ? version : numbers[0] + "." + numbers[1];
    }
}
