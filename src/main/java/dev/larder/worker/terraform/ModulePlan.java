package dev.larder.worker.terraform;

import com.fasterxml.jackson.core.StreamWriteFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a saved plan would do.
 *
 * @param deletes addresses of resources that would be deleted, or forgotten, and not made anew
 * @param replaces addresses of resources that would be made anew, each with the paths that force it
 */
record ModulePlan(List<String> deletes, Map<String, List<String>> replaces) {

    static final long BYTES_MAX = 64L * 1024 * 1024;

    /** Leaves streams open: it writes several parts to one. */
    static final JsonMapper JSON =
            JsonMapper.builder().disable(StreamWriteFeature.AUTO_CLOSE_TARGET).build();

    /** @param file what {@code show -json} printed of the plan; it may hold secrets */
    static JsonNode read(Path file) throws IOException {
        return JSON.readTree(Files.readAllBytes(file));
    }

    static ModulePlan of(JsonNode plan) {
        List<String> deletes = new ArrayList<>();
        Map<String, List<String>> replaces = new LinkedHashMap<>();
        for (JsonNode resource : plan.path("resource_changes")) {
            List<String> actions = new ArrayList<>();
            resource.path("change").path("actions").forEach(action -> actions.add(action.asText()));
            String address = resource.path("address").asText();
            if (actions.contains("delete") && actions.contains("create")) {
                replaces.put(address, reasons(resource));
            } else if ((actions.contains("delete") || actions.contains("forget")) && !resource.has("deposed")) {
                // A deposed object is the rest of one that was made anew.
                deletes.add(address);
            }
        }
        return new ModulePlan(List.copyOf(deletes), replaces);
    }

    private static List<String> reasons(JsonNode resource) {
        List<String> paths = paths(resource.path("change"));
        return paths.isEmpty() ? List.of(resource.path("action_reason").asText("unknown")) : paths;
    }

    /** The attributes that force a resource to be made anew. */
    static List<String> paths(JsonNode change) {
        List<String> paths = new ArrayList<>();
        for (JsonNode path : change.path("replace_paths")) {
            StringBuilder text = new StringBuilder();
            for (JsonNode step : path) {
                text.append(step.isNumber() ? "[" + step.asText() + "]" : (text.isEmpty() ? "" : ".") + step.asText());
            }
            paths.add(text.toString());
        }
        return List.copyOf(paths);
    }
}
