package dev.larder.state;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.larder.state.StateFile.StateFileReader;
import dev.larder.state.Versions.Output;
import dev.larder.state.Versions.Outputs;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/** Reads the outputs of a state in clear; the rest is passed over. */
final class StateOutputs {

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private StateOutputs() {}

    /** Fails with {@link StateProblemException} where it is no state. */
    static Outputs of(long version, byte[] bytes) {
        Map<String, Output> outputs = new LinkedHashMap<>();
        boolean readable = true;
        try (JsonParser parser = StateFileReader.JSON.createParser(bytes)) {
            parser.nextToken();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String member = parser.currentName();
                parser.nextToken();
                readable &= !member.equals("encrypted_data")
                        && !(member.equals("version") && parser.getValueAsLong() != StateFile.FORMAT);
                if (member.equals("outputs") && parser.currentToken() == JsonToken.START_OBJECT) {
                    read(parser, outputs);
                } else {
                    parser.skipChildren();
                }
            }
            // In another format, what is sensitive may be said otherwise.
            return new Outputs(version, readable, readable ? outputs : Map.of());
        } catch (IOException notJson) {
            // Its message has a piece of the body.
            throw new StateProblemException("malformed_state", "The current version is not JSON.");
        }
    }

    private static void read(JsonParser parser, Map<String, Output> outputs) throws IOException {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            parser.nextToken();
            JsonNode output = MAPPER.readTree(parser);
            // What is not said to be harmless is not shown.
            boolean sensitive = !output.isObject()
                    || output.has("sensitive")
                            && !output.get("sensitive")
                                    .equals(MAPPER.getNodeFactory().booleanNode(false));
            outputs.put(name, new Output(output.path("value"), sensitive));
        }
    }
}
