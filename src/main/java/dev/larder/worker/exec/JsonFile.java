package dev.larder.worker.exec;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** One JSON object that a script wrote, of at most 64 KiB. */
sealed interface JsonFile {

    int BYTES_MAX = 65_536;

    record Read(JsonNode object) implements JsonFile {}

    record Missing() implements JsonFile {}

    /** @param reason does not quote the file, which may be secret */
    record Invalid(String reason) implements JsonFile {}

    static JsonFile of(Path file) {
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

    private static JsonFile of(byte[] bytes) {
        try {
            JsonNode root = Format.MAPPER.readTree(bytes);
            if (root.isMissingNode()) {
                return new Missing();
            }
            return root.isObject() ? new Read(root) : new Invalid("it is not a JSON object");
        } catch (JsonProcessingException malformed) {
            return new Invalid("it is not JSON: line " + malformed.getLocation().getLineNr() + ", column "
                    + malformed.getLocation().getColumnNr());
        } catch (IOException unreadable) {
            return new Invalid("it is not JSON");
        }
    }

    static void write(Path file, Map<String, String> values) throws IOException {
        Files.write(file, Format.MAPPER.writeValueAsBytes(Format.MAPPER.valueToTree(values)));
    }

    /** Strict: refuses a duplicate name, and anything after the object. */
    final class Format {
        private static final JsonMapper MAPPER = JsonMapper.builder()
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
                .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
                .build();

        private Format() {}
    }
}
