package dev.larder.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.larder.model.Refusal;
import io.vertx.core.MultiMap;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * What each address of the API takes, read from the OpenAPI document that the server itself serves. A request
 * is held against it before a resource sees the request, so that nothing a client sends is silently ignored
 * (decision 0028).
 *
 * <p>An address that the document does not describe is answered by the router.
 */
final class Contract {

    /** No path of the API has more segments. */
    private static final int SEGMENTS_MAX = 16;

    // A client that sends one of these relies on it: ignoring it would be a lie. Other headers may be ignored (RFC
    // 9110).
    private static final List<String> BINDING_HEADERS = List.of("If-Match", "If-Unmodified-Since", "Idempotency-Key");

    private static final Set<String> METHODS = Set.of("get", "put", "post", "delete", "patch");

    private final Map<Integer, List<Address>> bySegments;

    private Contract(Map<Integer, List<Address>> bySegments) {
        this.bySegments = bySegments;
    }

    /**
     * What one method of an address takes and gives.
     *
     * @param query names of query parameters
     * @param repeatable those of them that may be given several times: the document calls them arrays
     * @param headers names of headers, in lower case
     * @param takes media types of the body; empty where there is no body
     * @param gives media types of a successful answer
     */
    record Operation(
            Set<String> query, Set<String> repeatable, Set<String> headers, Set<String> takes, Set<String> gives) {}

    /**
     * An address and its methods.
     *
     * @param template the path as the document has it, such as {@code /api/v1/claims/{id}}
     */
    record Address(String template, List<String> segments, Map<String, Operation> operations) {

        /** {@code HEAD} is answered as {@code GET} is. */
        Optional<Operation> operation(String method) {
            return Optional.ofNullable(operations.get(method.equals("HEAD") ? "GET" : method));
        }

        /** The value of an {@code Allow} header. */
        String allow() {
            Set<String> methods = new TreeSet<>(operations.keySet());
            methods.add("OPTIONS");
            if (operations.containsKey("GET")) {
                methods.add("HEAD");
            }
            return String.join(", ", methods);
        }

        private boolean matches(List<String> path) {
            for (int i = 0; i < segments.size(); i++) {
                boolean fits = isVariable(segments.get(i))
                        ? !path.get(i).isEmpty()
                        : segments.get(i).equals(path.get(i));
                if (!fits) {
                    return false;
                }
            }
            return true;
        }

        private static boolean isVariable(String segment) {
            return segment.startsWith("{");
        }

        /**
         * Orders literal segments before variables: {@code /inventory/locations} is not
         * {@code /inventory/{id}}.
         */
        private String specificity() {
            StringBuilder kinds = new StringBuilder();
            segments.forEach(segment -> kinds.append(isVariable(segment) ? '1' : '0'));
            return kinds.toString();
        }
    }

    /** @param openApi the document as JSON */
    static Contract of(byte[] openApi) {
        JsonNode paths;
        try {
            paths = new ObjectMapper().readTree(openApi).path("paths");
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
        Map<Integer, List<Address>> bySegments = new HashMap<>();
        paths.properties().forEach(path -> {
            Address address = address(path.getKey(), path.getValue());
            bySegments
                    .computeIfAbsent(address.segments().size(), size -> new ArrayList<>())
                    .add(address);
        });
        bySegments.values().forEach(addresses -> addresses.sort(Comparator.comparing(Address::specificity)));
        return new Contract(bySegments);
    }

    private static Address address(String template, JsonNode methods) {
        Map<String, Operation> operations = new HashMap<>();
        methods.properties().stream()
                .filter(method -> METHODS.contains(method.getKey()))
                .forEach(method -> operations.put(
                        method.getKey().toUpperCase(Locale.ROOT), operation(method.getValue(), methods)));
        return new Address(template, segments(template), operations);
    }

    private static Operation operation(JsonNode operation, JsonNode address) {
        List<JsonNode> parameters = Stream.of(operation, address)
                .flatMap(node -> StreamSupport.stream(node.path("parameters").spliterator(), false))
                .toList();
        Set<String> gives = new TreeSet<>();
        operation.path("responses").properties().stream()
                .filter(response -> response.getKey().startsWith("2"))
                .forEach(response -> gives.addAll(names(response.getValue().path("content"))));
        return new Operation(
                parameters(parameters, "query", name -> name),
                parameters(parameters.stream().filter(Contract::isArray).toList(), "query", name -> name),
                parameters(parameters, "header", name -> name.toLowerCase(Locale.ROOT)),
                names(operation.path("requestBody").path("content")),
                gives);
    }

    private static boolean isArray(JsonNode parameter) {
        // It is a list of types where null is among them.
        return parameter.path("schema").path("type").toString().contains("\"array\"");
    }

    private static Set<String> parameters(
            List<JsonNode> parameters, String in, java.util.function.UnaryOperator<String> form) {
        Set<String> names = new HashSet<>();
        parameters.stream()
                .filter(parameter -> parameter.path("in").asText().equals(in))
                .forEach(
                        parameter -> names.add(form.apply(parameter.path("name").asText())));
        return names;
    }

    private static Set<String> names(JsonNode object) {
        Set<String> names = new TreeSet<>();
        object.fieldNames().forEachRemaining(names::add);
        return names;
    }

    private static List<String> segments(String path) {
        // Parameters of a segment (RFC 3986, section 3.3) do not name another address.
        String inner = path.replaceAll(";[^/]*", "").replaceFirst("^/+", "").replaceFirst("/+$", "");
        return List.of(inner.split("/", SEGMENTS_MAX + 1));
    }

    /** The described address that this path names. */
    Optional<Address> at(String path) {
        List<String> segments = segments(path);
        return bySegments.getOrDefault(segments.size(), List.of()).stream()
                .filter(address -> address.matches(segments))
                .findFirst();
    }

    /**
     * What of a request the operation would ignore. Codes: {@code unknown_parameter}, {@code repeated_parameter},
     * {@code unsupported_header}, {@code unexpected_body}.
     *
     * @param bodyBytes the announced length of the body; an empty JSON object counts as no body
     */
    static List<Refusal> ignored(
            Operation operation, MultiMap query, Predicate<String> hasHeader, long bodyBytes, int emptyObjectBytes) {
        List<Refusal> refusals = new ArrayList<>();
        for (String name : query.names()) {
            if (!operation.query().contains(name)) {
                refusals.add(
                        new Refusal("unknown_parameter", JsonBody.shown(name), "is no query parameter of this call."));
            } else if (query.getAll(name).size() > 1 && !operation.repeatable().contains(name)) {
                refusals.add(new Refusal("repeated_parameter", name, "may be given once."));
            }
        }
        for (String name : BINDING_HEADERS) {
            if (hasHeader.test(name) && !operation.headers().contains(name.toLowerCase(Locale.ROOT))) {
                refusals.add(new Refusal("unsupported_header", name, "has no effect on this call."));
            }
        }
        if (operation.takes().isEmpty() && bodyBytes > emptyObjectBytes) {
            refusals.add(new Refusal("unexpected_body", "body", "has no effect on this call."));
        }
        return refusals;
    }
}
