package dev.larder.cli.client;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BigIntegerNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.DecimalNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;

/**
 * Reads YAML that is sent on as JSON without a change of its values: {@code 1.10} stays {@code 1.10}, and a number that
 * JSON cannot write in the same way ({@code 007}) becomes its text. What would be lost is refused: repeated keys,
 * aliases, further documents.
 */
final class StrictYaml {

    private static final int DEPTH_MAX = 100;

    private final JsonParser parser;

    private StrictYaml(JsonParser parser) {
        this.parser = parser;
    }

    /** @throws IOException with the line, where the text is no YAML or is refused */
    static JsonNode read(JsonParser parser) throws IOException {
        try (parser) {
            StrictYaml reader = new StrictYaml(parser);
            if (parser.nextToken() == null) {
                return MissingNode.getInstance();
            }
            JsonNode read = reader.value(0);
            if (parser.nextToken() != null) {
                throw reader.refused("a second document; each template is a file of its own");
            }
            return read;
        }
    }

    private JsonNode value(int depth) throws IOException {
        if (depth > DEPTH_MAX) {
            throw refused("nested deeper than " + DEPTH_MAX);
        }
        if (parser instanceof YAMLParser yaml && yaml.isCurrentAlias()) {
            throw refused("an alias; write the value itself");
        }
        JsonToken token = parser.currentToken();
        return switch (token) {
            case START_OBJECT -> object(depth);
            case START_ARRAY -> array(depth);
            case VALUE_NULL -> NullNode.getInstance();
            case VALUE_TRUE -> BooleanNode.TRUE;
            case VALUE_FALSE -> BooleanNode.FALSE;
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> number(parser.getText());
            default -> TextNode.valueOf(parser.getText());
        };
    }

    private ObjectNode object(int depth) throws IOException {
        ObjectNode object = JsonNodeFactory.instance.objectNode();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            if (object.has(name)) {
                throw refused("the key '" + name + "' a second time");
            }
            parser.nextToken();
            object.set(name, value(depth + 1));
        }
        return object;
    }

    private ArrayNode array(int depth) throws IOException {
        ArrayNode array = JsonNodeFactory.instance.arrayNode();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            array.add(value(depth + 1));
        }
        return array;
    }

    private static JsonNode number(String text) {
        if (text.matches("-?(0|[1-9][0-9]{0,99})")) {
            return BigIntegerNode.valueOf(new BigInteger(text));
        }
        return text.matches("-?(0|[1-9][0-9]{0,99})\\.[0-9]{1,99}")
                ? DecimalNode.valueOf(new BigDecimal(text))
                : TextNode.valueOf(text);
    }

    private IOException refused(String what) {
        return new IOException("line " + parser.currentTokenLocation().getLineNr() + " has " + what);
    }
}
