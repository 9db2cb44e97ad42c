package dev.larder.worker.terraform;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** The outputs of a module, sensitive ones too: a string as it is, any other value as its JSON. */
final class ModuleOutputs {

    private static final long FILE_BYTES_MAX = 1024 * 1024;
    private static final int CHARACTERS_MAX = 65_536;
    private static final JsonMapper JSON = new JsonMapper();

    private ModuleOutputs() {}

    /** The outputs are more than a claim can answer with. */
    static final class TooLargeException extends IOException {

        private static final long serialVersionUID = 1;

        TooLargeException() {
            super("the outputs have more than 64 KiB");
        }
    }

    /** @param file what {@code output -json} printed; secret */
    static Map<String, String> of(Path file) throws IOException {
        if (Files.size(file) > FILE_BYTES_MAX) {
            throw new TooLargeException();
        }
        Map<String, String> values = new LinkedHashMap<>();
        int characters = 0;
        for (Map.Entry<String, JsonNode> output :
                JSON.readTree(Files.readAllBytes(file)).properties()) {
            JsonNode value = output.getValue().path("value");
            if (!value.isNull() && !value.isMissingNode()) {
                String text = value.isTextual() ? value.asText() : value.toString();
                values.put(output.getKey(), text);
                characters += output.getKey().length() + text.length();
            }
        }
        if (characters > CHARACTERS_MAX) {
            throw new TooLargeException();
        }
        return values;
    }
}
