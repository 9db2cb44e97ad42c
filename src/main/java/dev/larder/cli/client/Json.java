package dev.larder.cli.client;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import java.io.IOException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Trees of JSON and YAML. No class is bound to them, so a native image needs no reflection for them. */
final class Json {

    /** Made when the first YAML is read or written: most commands need none. */
    private static final class Yaml {
        static final ObjectMapper MAPPER = new ObjectMapper(YAMLFactory.builder()
                .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
                .enable(YAMLGenerator.Feature.MINIMIZE_QUOTES)
                .enable(YAMLGenerator.Feature.ALWAYS_QUOTE_NUMBERS_AS_STRINGS)
                .build());
    }

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private Json() {}

    static ObjectNode object() {
        return MAPPER.createObjectNode();
    }

    /** Missing where the text is empty. */
    static JsonNode read(String text) throws JsonProcessingException {
        JsonNode read = MAPPER.readTree(text);
        return read == null ? MissingNode.getInstance() : read;
    }

    /** One line. */
    static String line(JsonNode tree) {
        return tree.toString();
    }

    /** Indented by two, without a line end. */
    static String pretty(JsonNode tree) throws JsonProcessingException {
        DefaultIndenter lines = new DefaultIndenter("  ", "\n");
        return MAPPER.writer(
                        new DefaultPrettyPrinter().withObjectIndenter(lines).withArrayIndenter(lines))
                .writeValueAsString(tree);
    }

    /** One document, read as {@link StrictYaml} says. */
    static JsonNode strictYaml(String text) throws IOException {
        return StrictYaml.read(Yaml.MAPPER.getFactory().createParser(text));
    }

    static JsonNode yaml(String text) throws IOException {
        JsonNode read = Yaml.MAPPER.readTree(text);
        return read == null ? MissingNode.getInstance() : read;
    }

    static String yaml(JsonNode tree) throws JsonProcessingException {
        return Yaml.MAPPER.writeValueAsString(tree);
    }

    /** The text of a value that is no object and no list; empty where it is absent or null. */
    static String text(JsonNode object, String field) {
        return Objects.requireNonNullElse(textOrNull(object, field), "");
    }

    static @Nullable String textOrNull(JsonNode object, String field) {
        JsonNode value = object.path(field);
        return value.isValueNode() && !value.isNull() ? value.asText() : null;
    }
}
