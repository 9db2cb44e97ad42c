package dev.larder.cli;

import io.quarkus.runtime.annotations.RegisterForReflection;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import picocli.CommandLine.IVersionProvider;

/** The version that was built, from a resource that the build fills in. */
@RegisterForReflection
public final class Version implements IVersionProvider {

    @Override
    public String[] getVersion() {
        return new String[] {"larder " + number()};
    }

    /** Such as {@code 0.1.0}. */
    public static String number() {
        try (InputStream resource = Version.class.getResourceAsStream("/larder-version.txt")) {
            return new String(Objects.requireNonNull(resource).readAllBytes(), StandardCharsets.UTF_8).strip();
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }
}
