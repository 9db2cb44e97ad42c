package dev.larder.recorded;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** The operations that the OpenAPI document of a server describes. */
record Operations(List<Operation> all) {

    private static final Set<String> METHODS = Set.of("get", "put", "post", "delete", "patch");

    /** @param parameters the names of its query parameters */
    record Operation(String method, String path, List<String> parameters) {

        boolean takesBody() {
            return Set.of("POST", "PUT", "PATCH").contains(method);
        }

        @Override
        public String toString() {
            return method + " " + path;
        }
    }

    static Operations of(JsonNode document) {
        List<Operation> all = new ArrayList<>();
        document.path("paths")
                .properties()
                .forEach(path -> path.getValue().properties().forEach(operation -> {
                    if (path.getKey().startsWith("/api/") && METHODS.contains(operation.getKey())) {
                        all.add(new Operation(
                                operation.getKey().toUpperCase(Locale.ROOT),
                                path.getKey(),
                                query(operation.getValue())));
                    }
                }));
        all.sort(Comparator.comparing(Operation::path).thenComparing(Operation::method));
        return new Operations(List.copyOf(all));
    }

    private static List<String> query(JsonNode operation) {
        List<String> names = new ArrayList<>();
        operation.path("parameters").forEach(parameter -> {
            if (parameter.path("in").asText().equals("query")) {
                names.add(parameter.path("name").asText());
            }
        });
        names.sort(Comparator.naturalOrder());
        return names;
    }

    /** The path template of an address; the address itself where no operation has it. */
    String template(String address) {
        String path = address.replaceFirst("\\?.*", "");
        return all.stream()
                .map(Operation::path)
                .filter(template -> path.matches(template.replaceAll("\\{[^}]+}", "[^/]+")))
                .min(Comparator.comparing(
                        template -> template.chars().filter(c -> c == '{').count()))
                .orElse(path);
    }
}
