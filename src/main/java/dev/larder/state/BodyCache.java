package dev.larder.state;

import io.quarkus.runtime.configuration.MemorySize;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Opened bodies of versions, which never change. Bounded by bytes: the body that was not used for longest
 * goes first. Which version is current is never asked of it.
 */
@Singleton
final class BodyCache {

    private final long bytesMax;
    private final Map<Key, Body> bodies = new LinkedHashMap<>(16, 0.75f, true);
    private long bytes;

    private record Key(UUID state, long version) {}

    @Inject
    BodyCache(@ConfigProperty(name = "larder.state.cache-size", defaultValue = "64M") MemorySize size) {
        this(size.asLongValue());
    }

    /** @param bytesMax 0: nothing is kept */
    BodyCache(long bytesMax) {
        this.bytesMax = bytesMax;
    }

    synchronized Optional<Body> find(UUID state, long version) {
        return Optional.ofNullable(bodies.get(new Key(state, version)));
    }

    /** A body above half of the bound is not kept: it would drive out all others. */
    synchronized void keep(UUID state, Body body) {
        Key key = new Key(state, body.version());
        if (body.bytes().length > bytesMax / 2 || bodies.containsKey(key)) {
            return;
        }
        bodies.put(key, body);
        bytes += body.bytes().length;
        Iterator<Body> oldest = bodies.values().iterator();
        while (bytes > bytesMax) {
            bytes -= oldest.next().bytes().length;
            oldest.remove();
        }
    }

    /** How many bytes of bodies it holds. */
    synchronized long bytes() {
        return bytes;
    }
}
