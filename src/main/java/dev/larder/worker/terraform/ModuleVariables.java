package dev.larder.worker.terraform;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.model.Assignment;
import dev.larder.model.JsonText;
import dev.larder.model.Target;
import dev.larder.model.module.TerraformModule;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The values of a module's input variables: the parameters with their types, and of what Larder tells by itself the
 * variables that the module declares.
 *
 * @param json as the tool reads it
 * @param undeclared a parameter that the module does not declare; an import refuses it today
 */
record ModuleVariables(String json, Optional<String> undeclared) {

    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    static ModuleVariables of(Assignment assignment, TerraformModule module) {
        ObjectNode values = NODES.objectNode();
        Target.Parameters parameters = assignment.parameters();
        Optional<String> undeclared = parameters.values().keySet().stream()
                .filter(name -> !module.declares(name))
                .sorted()
                .findFirst();
        parameters
                .values()
                .forEach((name, value) ->
                        values.set(name, typed(parameters.types().getOrDefault(name, "string"), value)));
        Target.Workspace workspace = assignment.workspace();
        tell(
                values,
                module,
                "larder_workspace_id",
                NODES.textNode(assignment.workspaceId().toString()));
        tell(values, module, "larder_workspace_name", NODES.textNode(workspace.name()));
        tell(values, module, "larder_organization", NODES.textNode(workspace.organizationName()));
        tell(values, module, "larder_owner", NODES.textNode(workspace.ownerName()));
        tell(values, module, TerraformModule.CLAIMED, NODES.booleanNode(!workspace.prebuild()));
        return new ModuleVariables(values.toString(), undeclared);
    }

    private static void tell(ObjectNode values, TerraformModule module, String name, JsonNode value) {
        if (module.declares(name)) {
            values.set(name, value);
        }
    }

    /** What cannot be read as its type stays a text: the tool says what is wrong with it. */
    private static JsonNode typed(String type, String value) {
        return type.equals("string")
                ? NODES.textNode(value)
                : JsonText.read(value).orElseGet(() -> NODES.textNode(value));
    }

    /** All texts in the values of sensitive parameters: the values, and what stands in lists and maps. */
    static List<String> secrets(Target.Parameters parameters) {
        List<String> secrets = new ArrayList<>();
        for (String name : parameters.sensitive()) {
            String value = parameters.values().getOrDefault(name, "");
            secrets.add(value);
            JsonNode read = typed(parameters.types().getOrDefault(name, "string"), value);
            if (read.isContainerNode()) {
                addTexts(read, secrets);
            }
        }
        return secrets;
    }

    private static void addTexts(JsonNode node, List<String> secrets) {
        if (node.isValueNode() && !node.isNull() && !node.isBoolean()) {
            secrets.add(node.asText());
        }
        node.forEach(part -> addTexts(part, secrets));
    }
}
