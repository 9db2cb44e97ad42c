package dev.larder.history.states;

import dev.larder.testing.Planted;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** Bodies of states, each of a size that no other one of its state has. */
final class Bodies {

    private static final String RESOURCE =
            "{\"mode\":\"managed\",\"type\":\"terraform_data\",\"name\":\"a\",\"instances\":[{}]}";
    private static final String LINEAGE = "11111111-2222-3333-4444-555555555555";

    private final Map<UUID, AtomicInteger> numbers = new ConcurrentHashMap<>();

    String next(UUID state, long serial, int managed) {
        return next(state, serial, managed, LINEAGE);
    }

    String ofAnotherLineage(UUID state, long serial) {
        return next(state, serial, 1, UUID.randomUUID().toString());
    }

    /** A body that is no state. */
    String broken(UUID state) {
        return "-".repeat(next(state, 1, 1).length());
    }

    private int number(UUID state) {
        return numbers.computeIfAbsent(state, unused -> new AtomicInteger()).incrementAndGet();
    }

    private String next(UUID state, long serial, int managed, String lineage) {
        String resources = managed == 0 ? "" : RESOURCE;
        // The serial has as many digits in every body, so that the number alone makes the size.
        return ("{\"version\":4,\"terraform_version\":\"1.11.4\",\"serial\":%d,\"lineage\":\"%s\",\"outputs\":{\"mark\":"
                        + "{\"value\":\"%s%s%s\",\"type\":\"string\"}},\"resources\":[%s]%s}")
                .formatted(
                        serial,
                        lineage,
                        UUID.randomUUID(),
                        Planted.SECRET,
                        "-".repeat(number(state)),
                        resources,
                        " ".repeat(20 - Long.toString(serial).length() + (managed == 0 ? RESOURCE.length() : 0)));
    }
}
