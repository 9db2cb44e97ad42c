package dev.larder.claim;

import dev.larder.database.Encryption;
import io.vertx.core.json.JsonObject;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;

/**
 * Values of parameters as the database holds them: {@code {"name": {"value": "text"}}}, and {@code {"name": {"sealed":
 * "hex", "of": "id"}}} where the value is sensitive. {@code jobs.AssignmentReads} opens them.
 */
final class SealedValues {

    private SealedValues() {}

    /** @param of the id that sensitive values are sealed for */
    static JsonObject json(Encryption encryption, UUID of, Map<String, String> values, Set<String> sensitive) {
        JsonObject json = new JsonObject();
        new TreeMap<>(values)
                .forEach((name, value) -> json.put(
                        name,
                        sensitive.contains(name)
                                ? new JsonObject()
                                        .put("sealed", HexFormat.of().formatHex(encryption.encrypt(of, value)))
                                        .put("of", of.toString())
                                : new JsonObject().put("value", value)));
        return json;
    }

    /** Those that are not sensitive. */
    static Map<String, String> clear(JsonObject json) {
        Map<String, String> clear = new TreeMap<>();
        for (String name : json.fieldNames()) {
            String value = json.getJsonObject(name).getString("value");
            if (value != null) {
                clear.put(name, value);
            }
        }
        return clear;
    }
}
