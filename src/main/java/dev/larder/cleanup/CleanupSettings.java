package dev.larder.cleanup;

import dev.larder.database.CleanupType;
import dev.larder.database.CleanupType.Retention;
import dev.larder.model.Durations;
import dev.larder.model.MisconfiguredException;
import io.quarkus.arc.All;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.eclipse.microprofile.config.Config;

/** The types of clean-up, with what is configured for each: {@code larder.cleanup.NAME.*}. */
@Singleton
public class CleanupSettings {

    private static final String PREFIX = "larder.cleanup.";
    private static final Duration MOST = Duration.ofDays(3650);

    private final Config config;
    private final List<CleanupType> types;

    public CleanupSettings(Config config, @All List<CleanupType> types) {
        this.config = config;
        this.types =
                types.stream().sorted(Comparator.comparing(CleanupType::name)).toList();
    }

    List<CleanupType> types() {
        return types;
    }

    Optional<CleanupType> type(String name) {
        return types.stream().filter(type -> type.name().equals(name)).findFirst();
    }

    /** What holds for the type. */
    Retention of(CleanupType type) {
        Retention defaults = type.retention();
        return new Retention(
                duration(key(type, "interval"), defaults.interval(), Duration.ZERO),
                duration(key(type, "keep-for"), defaults.keepFor(), defaults.least()),
                defaults.least(),
                defaults.keepNewest() < 0
                        ? defaults.keepNewest()
                        : count(key(type, "keep-newest"), defaults.keepNewest()));
    }

    private Duration duration(String key, Duration otherwise, Duration least) {
        Duration value = read(key, Duration.class, "a time such as 24h or 30d").orElse(otherwise);
        if (value.compareTo(least) < 0 || value.compareTo(MOST) > 0) {
            throw new MisconfiguredException(
                    key + " must be from " + Durations.written(least) + " to 3650d, not " + Durations.written(value));
        }
        return value;
    }

    private int count(String key, int otherwise) {
        int value = read(key, Integer.class, "a number").orElse(otherwise);
        if (value < 0 || value > 10_000) {
            throw new MisconfiguredException(key + " must be from 0 to 10000, not " + value);
        }
        return value;
    }

    private <T> Optional<T> read(String key, Class<T> as, String like) {
        try {
            return config.getOptionalValue(key, as);
        } catch (IllegalArgumentException unreadable) {
            throw new MisconfiguredException(key + " must be " + like);
        }
    }

    private static String key(CleanupType type, String what) {
        return PREFIX + type.name().replace('_', '-') + "." + what;
    }

    /** Fails with {@link MisconfiguredException} where a value is none that its type can keep. */
    public void refuseUnusable() {
        var unused = types.stream().map(this::of).toList();
    }

    /** Every setting of a type, as it is written in a file of properties. */
    public Set<String> keys() {
        Set<String> keys = new TreeSet<>();
        for (CleanupType type : types) {
            keys.add(key(type, "interval"));
            keys.add(key(type, "keep-for"));
            if (type.retention().keepNewest() >= 0) {
                keys.add(key(type, "keep-newest"));
            }
            keys.addAll(type.furtherSettings());
        }
        return keys;
    }

    /** The intervals of the types that run on schedule, by name. */
    Map<String, Duration> intervals() {
        Map<String, Duration> intervals = new TreeMap<>();
        types.stream()
                .filter(type -> of(type).interval().isPositive())
                .forEach(type -> intervals.put(type.name(), of(type).interval()));
        return intervals;
    }

    List<String> names() {
        return new ArrayList<>(types.stream().map(CleanupType::name).toList());
    }
}
