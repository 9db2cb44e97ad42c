package dev.larder.worker.exec;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** The outputs of a workspace as a script writes them: one JSON object of strings, numbers and booleans. */
sealed interface Outputs {

    record Read(Map<String, String> values) implements Outputs {}

    record Missing() implements Outputs {}

    /** @param reason does not quote the file, which is secret */
    record Invalid(String reason) implements Outputs {}

    static Outputs of(Path file) {
        return switch (JsonFile.of(file)) {
            case JsonFile.Missing() -> new Missing();
            case JsonFile.Invalid(var reason) -> new Invalid(reason);
            case JsonFile.Read(var object) -> of(object);
        };
    }

    /** Writes the current outputs for a script to read and change. */
    static void write(Path file, Map<String, String> values) throws IOException {
        JsonFile.write(file, values);
    }

    private static Outputs of(JsonNode root) {
        Map<String, String> values = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> field : root.properties()) {
            JsonNode value = field.getValue();
            if (!value.isTextual() && !value.isNumber() && !value.isBoolean()) {
                return new Invalid("the value of a name is no text, number or truth value");
            }
            values.put(field.getKey(), value.asText());
        }
        return new Read(values);
    }
}
