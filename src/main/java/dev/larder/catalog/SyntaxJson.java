package dev.larder.catalog;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.model.JsonText;
import java.util.Map;
import java.util.Optional;

/** A part of a declaration as JSON: the value of a parameter that is a list or a map. */
final class SyntaxJson {

    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private SyntaxJson() {}

    /** Empty where a number in it is not written as JSON writes numbers. */
    static Optional<JsonNode> of(SyntaxNode node) {
        return switch (node) {
            case SyntaxNode.Text(String text) -> Optional.of(NODES.textNode(text));
            case SyntaxNode.Number(String text) -> JsonText.read(text).filter(JsonNode::isNumber);
            case SyntaxNode.Bool(boolean value) -> Optional.of(NODES.booleanNode(value));
            case SyntaxNode.Null() -> Optional.of(NODES.nullNode());
            case SyntaxNode.Items items -> list(items);
            case SyntaxNode.Fields fields -> object(fields);
        };
    }

    private static Optional<JsonNode> list(SyntaxNode.Items items) {
        ArrayNode list = NODES.arrayNode();
        for (SyntaxNode item : items.items()) {
            of(item).ifPresent(list::add);
        }
        return list.size() == items.items().size() ? Optional.of(list) : Optional.empty();
    }

    private static Optional<JsonNode> object(SyntaxNode.Fields fields) {
        ObjectNode object = NODES.objectNode();
        for (Map.Entry<String, SyntaxNode> field : fields.byName().entrySet()) {
            of(field.getValue()).ifPresent(value -> object.set(field.getKey(), value));
        }
        return object.size() == fields.byName().size() ? Optional.of(object) : Optional.empty();
    }
}
