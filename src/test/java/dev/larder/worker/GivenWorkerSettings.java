package dev.larder.worker;

import dev.larder.jobs.QueueSettings;
import io.quarkus.runtime.configuration.MemorySize;
import java.math.BigInteger;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/** How a worker of a test works. */
public record GivenWorkerSettings(int slots, Optional<Integer> reserved, Duration poll)
        implements WorkerSettings, QueueSettings {

    public GivenWorkerSettings(int slots, Duration poll) {
        this(slots, Optional.of(0), poll);
    }

    @Override
    public boolean enabled() {
        return true;
    }

    @Override
    public Optional<String> name() {
        return Optional.empty();
    }

    @Override
    public Map<String, String> tags() {
        return Map.of();
    }

    @Override
    public Duration heartbeat() {
        return Duration.ofSeconds(5);
    }

    @Override
    public Duration drain() {
        return Duration.ofSeconds(30);
    }

    @Override
    public int maxAttempts() {
        return 3;
    }

    @Override
    public Duration overrun() {
        return Duration.ofSeconds(30);
    }

    @Override
    public Duration patience() {
        return Duration.ofHours(1);
    }

    @Override
    public Path filesRoot() {
        return Path.of("target", "fetched-files");
    }

    @Override
    public MemorySize filesMaxSize() {
        return new MemorySize(BigInteger.valueOf(1 << 20));
    }
}
