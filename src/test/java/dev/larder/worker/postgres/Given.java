package dev.larder.worker.postgres;

import io.quarkus.runtime.configuration.MemorySize;
import java.math.BigInteger;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** PostgresSettings of a test. */
record Given(
        @Nullable String address,
        @Nullable String shownHost,
        @Nullable Integer shownPort,
        long temporaryBytes) implements PostgresSettings {

    Given(@Nullable String address, @Nullable String shownHost, @Nullable Integer shownPort) {
        this(address, shownHost, shownPort, 1_073_741_824);
    }

    static Given on(String address) {
        return new Given(address, null, null);
    }

    @Override
    public Optional<String> url() {
        return Optional.ofNullable(address);
    }

    @Override
    public Optional<String> username() {
        return Optional.empty();
    }

    @Override
    public Optional<String> password() {
        return Optional.empty();
    }

    @Override
    public Optional<String> publicHost() {
        return Optional.ofNullable(shownHost);
    }

    @Override
    public OptionalInt publicPort() {
        return shownPort == null ? OptionalInt.empty() : OptionalInt.of(shownPort);
    }

    @Override
    public int connectionLimit() {
        return 20;
    }

    @Override
    public MemorySize tempFileLimit() {
        return new MemorySize(BigInteger.valueOf(temporaryBytes));
    }
}
