package dev.larder.state;

import dev.larder.database.Encryption;
import dev.larder.model.MisconfiguredException;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import javax.crypto.spec.SecretKeySpec;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jspecify.annotations.Nullable;

/**
 * The keys that wrap the data keys of state bodies, by name: the key ring. A name stands for one key forever.
 * The ring always has the key {@value #DEFAULT}, which follows from {@code larder.encryption.key}, so that
 * what was sealed before other keys were configured can still be opened.
 */
@Singleton
final class StateKeys {

    static final String DEFAULT = "default";

    private static final int KEY_BYTES = 32;
    private static final String PURPOSE = "wraps data keys of state bodies";
    private static final String NAME = "[a-z0-9][a-z0-9-]{0,62}";

    private final Map<String, SecretKeySpec> ring = new LinkedHashMap<>();
    private final String current;

    /**
     * Fails with {@link MisconfiguredException} where a key is malformed.
     *
     * @param keys each {@code name:base64}, of 32 bytes
     * @param current the name of the key that new bodies are sealed with; without it the first of
     *     {@code keys}, and without those {@value #DEFAULT}
     */
    @Inject
    StateKeys(
            Encryption encryption,
            @ConfigProperty(name = "larder.state.keys") Optional<List<String>> keys,
            @ConfigProperty(name = "larder.state.current-key") Optional<String> current) {
        ring.put(DEFAULT, new SecretKeySpec(encryption.keyFor(PURPOSE), "AES"));
        keys.orElse(List.of()).forEach(this::add);
        this.current = current.orElseGet(
                () -> ring.keySet().stream().skip(1).findFirst().orElse(DEFAULT));
        if (!ring.containsKey(this.current)) {
            throw new MisconfiguredException(
                    "larder.state.current-key must be the name of a key in larder.state.keys, or " + DEFAULT);
        }
    }

    private void add(String entry) {
        int colon = entry.indexOf(':');
        String name = colon < 0 ? "" : entry.substring(0, colon).strip();
        if (!name.matches(NAME)) {
            throw refused("must be a list of name:key, a name of lower-case letters, digits and hyphens");
        }
        byte[] bytes = decoded(name, entry.substring(colon + 1).strip());
        if (ring.put(name, new SecretKeySpec(bytes, "AES")) != null) {
            throw refused("has the key " + name + " twice; " + DEFAULT + " is always there");
        }
    }

    private static byte[] decoded(String name, String base64) {
        byte[] bytes;
        try {
            bytes = Base64.getDecoder().decode(base64);
        } catch (IllegalArgumentException notBase64) {
            throw refused("has a key " + name + " that is not Base64");
        }
        if (bytes.length != KEY_BYTES) {
            throw refused("has a key " + name + " of " + bytes.length + " bytes instead of " + KEY_BYTES);
        }
        return bytes;
    }

    private static MisconfiguredException refused(String why) {
        return new MisconfiguredException("larder.state.keys " + why);
    }

    /** The name of the key that new bodies are sealed with. */
    String current() {
        return current;
    }

    Set<String> names() {
        return new TreeSet<>(ring.keySet());
    }

    /** Null where this process does not have it. */
    @Nullable
    SecretKeySpec find(String name) {
        return ring.get(name);
    }
}
