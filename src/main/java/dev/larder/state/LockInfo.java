package dev.larder.state;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What Terraform and OpenTofu send with a lock, and want back when a lock is refused.
 *
 * @param id chosen by the tool, never empty
 * @param fields the fields that both tools know, each a text of at most 1,024 characters
 */
record LockInfo(String id, ObjectNode fields) {

    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final int TEXT_MAX_CHARACTERS = 1_024;
    private static final List<String> FIELDS = List.of("ID", "Operation", "Info", "Who", "Version", "Created", "Path");

    /** Empty where the body is no JSON object with an ID. Fields that neither tool knows are left out. */
    static Optional<LockInfo> parse(byte[] body) {
        try {
            return of(MAPPER.readTree(body));
        } catch (IOException malformed) {
            return Optional.empty();
        }
    }

    private static Optional<LockInfo> of(JsonNode sent) {
        ObjectNode known = MAPPER.createObjectNode();
        for (String field : FIELDS) {
            if (sent.path(field).isTextual()) {
                known.put(field, cut(sent.path(field).textValue()));
            }
        }
        String id = known.path("ID").asText();
        return id.isEmpty() || !id.equals(sent.path("ID").textValue())
                ? Optional.empty()
                : Optional.of(new LockInfo(id, known));
    }

    /** PostgreSQL cannot hold U+0000. */
    private static String cut(String text) {
        String storable = text.replace('\0', '\uFFFD');
        return storable.length() <= TEXT_MAX_CHARACTERS ? storable : storable.substring(0, TEXT_MAX_CHARACTERS);
    }

    /** As the database has it. */
    static LockInfo stored(String json) {
        try {
            ObjectNode fields = (ObjectNode) MAPPER.readTree(json);
            return new LockInfo(fields.path("ID").asText(), fields);
        } catch (JsonProcessingException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** What a tool is shown of what keeps it out. All fields are there: the tools parse them. */
    static LockInfo of(String id, String operation, String who, Instant created, String info) {
        ObjectNode fields = MAPPER.createObjectNode()
                .put("ID", id)
                .put("Operation", operation)
                .put("Info", info)
                .put("Who", who)
                .put("Version", "")
                .put("Created", created.toString())
                .put("Path", "");
        return new LockInfo(id, fields);
    }

    /** Whether the tool sent the ID alone, as OpenTofu does to force an unlock. */
    boolean isIdAlone() {
        return fields.size() == 1;
    }

    String operation() {
        return fields.path("Operation").asText();
    }

    /** Who holds the lock, as the tool says. */
    String who() {
        return fields.path("Who").asText();
    }

    String json() {
        return fields.toString();
    }

    byte[] bytes() {
        return json().getBytes(StandardCharsets.UTF_8);
    }
}
