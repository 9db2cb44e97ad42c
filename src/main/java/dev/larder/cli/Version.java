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
        try (InputStream resource = Version.class.getResourceAsStream("/larder-version.txt")) {
            String version =
                    new String(Objects.requireNonNull(resource).readAllBytes(), StandardCharsets.UTF_8).strip();
            return new String[] {"larder " + version};
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }
}
