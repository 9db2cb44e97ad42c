package dev.larder.worker.exec;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The resources that a claim script had to replace: {@code {"resource": ["path", ...]}}. None if it wrote no file. */
sealed interface ReplacedResources {

    record Read(Map<String, List<String>> resources) implements ReplacedResources {}

    record Invalid(String reason) implements ReplacedResources {}

    static ReplacedResources of(Path file) {
        return switch (JsonFile.of(file)) {
            case JsonFile.Missing() -> new Read(Map.of());
            case JsonFile.Invalid(var reason) -> new Invalid(reason);
            case JsonFile.Read(var object) -> of(object);
        };
    }

    private static ReplacedResources of(JsonNode object) {
        Map<String, List<String>> resources = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> resource : object.properties()) {
            if (!isTexts(resource.getValue())) {
                return new Invalid("a resource has no list of texts");
            }
            List<String> paths = new ArrayList<>();
            resource.getValue().forEach(path -> paths.add(path.asText()));
            resources.put(resource.getKey(), paths);
        }
        return new Read(resources);
    }

    private static boolean isTexts(JsonNode list) {
        for (JsonNode entry : list) {
            if (!entry.isTextual()) {
                return false;
            }
        }
        return list.isArray();
    }
}
