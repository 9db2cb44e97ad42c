package dev.larder.state;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.larder.state.StateFile.StateFileReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The resources that a state in clear lists. They are read as a stream: no value of an attribute is kept, and one
 * resource is held in memory at a time.
 */
final class StateInventory {

    /** Characters of an address, and of each of its parts. */
    private static final int TEXT_MAX = 2_000;

    private final JsonParser parser;
    private final Consumer<Resource> found;

    private StateInventory(JsonParser parser, Consumer<Resource> found) {
        this.parser = parser;
        this.found = found;
    }

    /**
     * One instance of a resource.
     *
     * @param place its address without the key of the instance: dependencies name resources like this
     * @param key in brackets, as in an address; empty for the only instance
     * @param mode managed or data
     * @param provider its source, such as {@code registry.terraform.io/hashicorp/aws}
     * @param status created, tainted or deposed
     * @param dependencies places of other resources
     */
    record Resource(
            String place,
            String key,
            String mode,
            String type,
            String name,
            @Nullable String provider,
            String status,
            List<String> dependencies) {

        String address() {
            return place + key;
        }
    }

    /**
     * Tells each resource to the consumer, in the order of the state. Fails with {@link StateProblemException} where
     * the client encrypted the state (state_client_encrypted) or it is none (malformed_state).
     */
    static void read(byte[] bytes, Consumer<Resource> found) {
        try (JsonParser parser = StateFileReader.JSON.createParser(bytes)) {
            new StateInventory(parser, found).document();
        } catch (IOException notJson) {
            // Its message has a piece of the body.
            throw new StateProblemException("malformed_state", "The version is not JSON.");
        }
    }

    private void document() throws IOException {
        parser.nextToken();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String member = parser.currentName();
            JsonToken value = parser.nextToken();
            if (member.equals("encrypted_data")) {
                throw new StateProblemException(
                        "state_client_encrypted", "The client encrypted the state, so its resources cannot be read.");
            }
            if (member.equals("resources") && value == JsonToken.START_ARRAY) {
                each(this::resource);
            } else {
                parser.skipChildren();
            }
        }
    }

    private interface Reader {
        void read() throws IOException;
    }

    /** Reads the objects of the array that has begun. */
    private void each(Reader object) throws IOException {
        JsonToken next = parser.nextToken();
        while (next != null && next != JsonToken.END_ARRAY) {
            if (next == JsonToken.START_OBJECT) {
                object.read();
            } else {
                parser.skipChildren();
            }
            next = parser.nextToken();
        }
    }

    private record Instance(String key, String status, List<String> dependencies) {}

    /** Members come in any order, so that instances are told at the end. */
    private void resource() throws IOException {
        Map<String, String> texts = new TreeMap<>();
        List<Instance> instances = new ArrayList<>();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String member = parser.currentName();
            JsonToken value = parser.nextToken();
            if (member.equals("instances") && value == JsonToken.START_ARRAY) {
                each(() -> instances.add(instance()));
            } else if (value == JsonToken.VALUE_STRING) {
                texts.put(member, text());
            } else {
                parser.skipChildren();
            }
        }
        String mode = texts.getOrDefault("mode", "managed");
        String type = texts.getOrDefault("type", "");
        String name = texts.getOrDefault("name", "");
        String module = texts.get("module");
        String place = (module == null ? "" : module + ".") + (mode.equals("data") ? "data." : "") + type + "." + name;
        String provider = source(texts.get("provider"));
        instances.forEach(one -> found.accept(
                new Resource(place, one.key(), mode, type, name, provider, one.status(), one.dependencies())));
    }

    private String text() throws IOException {
        String text = parser.getText();
        return text.length() <= TEXT_MAX ? text : text.substring(0, TEXT_MAX);
    }

    /** Of {@code module.a.provider["registry.terraform.io/hashicorp/aws"].alias} what stands in quotes. */
    private static @Nullable String source(@Nullable String provider) {
        if (provider == null) {
            return null;
        }
        int first = provider.indexOf('"');
        int last = provider.indexOf('"', first + 1);
        return first < 0 || last < 0 ? provider : provider.substring(first + 1, last);
    }

    private Instance instance() throws IOException {
        String key = "";
        String status = "created";
        boolean deposed = false;
        List<String> dependencies = new ArrayList<>();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String member = parser.currentName();
            JsonToken value = parser.nextToken();
            switch (member) {
                case "index_key" -> key = key(value);
                case "status" -> status = value == JsonToken.VALUE_STRING ? text() : skipped(status);
                case "deposed" ->
                    deposed =
                            value == JsonToken.VALUE_STRING && !parser.getText().isEmpty();
                case "dependencies" -> dependencies(value, dependencies);
                default -> parser.skipChildren();
            }
        }
        return new Instance(key, deposed ? "deposed" : status, List.copyOf(dependencies));
    }

    private String skipped(String otherwise) throws IOException {
        parser.skipChildren();
        return otherwise;
    }

    private String key(JsonToken value) throws IOException {
        return switch (value) {
            case VALUE_NUMBER_INT -> "[" + parser.getText() + "]";
            case VALUE_STRING -> "[\"" + text().replace("\\", "\\\\").replace("\"", "\\\"") + "\"]";
            default -> skipped("");
        };
    }

    private void dependencies(JsonToken value, List<String> dependencies) throws IOException {
        if (value != JsonToken.START_ARRAY) {
            parser.skipChildren();
            return;
        }
        JsonToken next = parser.nextToken();
        while (next != null && next != JsonToken.END_ARRAY) {
            if (next == JsonToken.VALUE_STRING) {
                dependencies.add(text());
            } else {
                parser.skipChildren();
            }
            next = parser.nextToken();
        }
    }
}
