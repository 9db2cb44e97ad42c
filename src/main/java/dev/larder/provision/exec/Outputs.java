package dev.larder.provision.exec;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** What a start script answers: one JSON object of texts, numbers and truth values, in at most 64 KiB. */
sealed interface Outputs {

    int BYTES_MAX = 65_536;

    record Read(Map<String, String> values) implements Outputs {}

    record Missing() implements Outputs {}

    /** @param reason never quotes the file, which is secret */
    record Invalid(String reason) implements Outputs {}

    static Outputs of(Path file) {
        if (!Files.isRegularFile(file)) {
            return new Missing();
        }
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(BYTES_MAX + 1);
            return bytes.length > BYTES_MAX ? new Invalid("it is longer than 64 KiB") : of(bytes);
        } catch (IOException unreadable) {
            return new Invalid("it cannot be read");
        }
    }

    private static Outputs of(byte[] bytes) {
        try {
            JsonNode root = Format.READER.readTree(bytes);
            return root.isMissingNode() ? new Missing() : of(root);
        } catch (JsonProcessingException malformed) {
            return new Invalid("it is not JSON: line " + malformed.getLocation().getLineNr() + ", column "
                    + malformed.getLocation().getColumnNr());
        } catch (IOException unreadable) {
            return new Invalid("it is not JSON");
        }
    }

    private static Outputs of(JsonNode root) {
        if (!root.isObject()) {
            return new Invalid("it is not a JSON object");
        }
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

    /** Strict: the same name twice, or anything after the object, is a mistake. */
    final class Format {
        private static final ObjectReader READER = JsonMapper.builder()
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
                .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
                .build()
                .reader();

        private Format() {}
    }
}
