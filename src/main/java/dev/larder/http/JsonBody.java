package dev.larder.http;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.model.Durations;
import dev.larder.model.Refusal;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A JSON object in the body of a request. A fault becomes a 400 problem that names the field and never repeats
 * a value, because it may be secret. A field that is {@code null} counts as absent.
 */
public final class JsonBody {

    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private static final byte[] NOTHING = {};
    private static final byte[] EMPTY_OBJECT = {'{', '}'};

    private final ObjectNode object;

    private JsonBody(ObjectNode object) {
        this.object = object;
    }

    // The record is the body's schema in the OpenAPI document as well: there is no second list of its fields.
    private static final ClassValue<Set<String>> FIELDS = new ClassValue<>() {
        @Override
        protected Set<String> computeValue(Class<?> schema) {
            return fields(schema).map(Field::getName).collect(Collectors.toUnmodifiableSet());
        }
    };

    private static Stream<Field> fields(Class<?> schema) {
        return Arrays.stream(schema.getDeclaredFields())
                .filter(field -> !Modifier.isStatic(field.getModifiers()))
                .flatMap(field ->
                        field.isAnnotationPresent(JsonUnwrapped.class) ? fields(field.getType()) : Stream.of(field));
    }

    /**
     * Reads a body that may have the fields of this record and no others. Codes: {@code malformed_json}, {@code
     * not_an_object}, {@code unknown_field}.
     *
     * @param bytes null where the request had no body
     * @param schema annotated with {@link io.quarkus.runtime.annotations.RegisterForReflection}, so that a native image
     *     knows its fields
     */
    public static JsonBody of(byte @Nullable [] bytes, Class<? extends Record> schema) {
        if (!(tree(bytes == null ? NOTHING : bytes) instanceof ObjectNode object)) {
            throw Problem.of(400, "not_an_object", "The body must be a JSON object.");
        }
        Set<String> known = FIELDS.get(schema);
        List<Refusal> refusals = new ArrayList<>();
        object.fieldNames().forEachRemaining(field -> {
            if (!known.contains(field)) {
                refusals.add(new Refusal("unknown_field", shown(field), "is not a field of this request."));
            }
        });
        if (!refusals.isEmpty()) {
            throw Problem.badRequest(refusals);
        }
        return new JsonBody(object);
    }

    /** The same where the body may be left out: then no field is given. */
    public static JsonBody ofOptional(byte @Nullable [] bytes, Class<? extends Record> schema) {
        return of(bytes == null || bytes.length == 0 ? EMPTY_OBJECT : bytes, schema);
    }

    private static JsonNode tree(byte[] bytes) {
        try {
            return MAPPER.readTree(bytes);
        } catch (JsonProcessingException malformed) {
            throw malformed(malformed);
        } catch (IOException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** Says where, not what: the text around the place may be a secret. */
    static Problem malformed(JsonProcessingException malformed) {
        var where = malformed.getLocation();
        String place = where == null ? "" : " at line " + where.getLineNr() + ", column " + where.getColumnNr();
        return Problem.of(400, "malformed_json", "The body is not valid JSON" + place + ".");
    }

    /** The first 64 characters of a name that was sent. */
    public static String shown(String field) {
        return field.length() <= 64 ? field : field.substring(0, 64) + "…";
    }

    /** The same body with one more text, which another part of the request gives. */
    public JsonBody with(String field, String text) {
        return new JsonBody(object.deepCopy().put(field, text));
    }

    public boolean has(String field) {
        return object.hasNonNull(field);
    }

    /** Codes: {@code missing_field}, {@code wrong_type}, {@code invalid_text}. */
    public String text(String field) {
        return optionalText(field).orElseThrow(() -> missing(field));
    }

    public Optional<String> optionalText(String field) {
        if (!has(field)) {
            return Optional.empty();
        }
        JsonNode node = object.get(field);
        if (!node.isTextual()) {
            throw wrongType(field, "a string");
        }
        String text = node.textValue();
        if (text.indexOf('\0') >= 0) {
            // PostgreSQL cannot hold it.
            throw Problem.badRequest("invalid_text", field, "must not contain the character U+0000.");
        }
        return Optional.of(text);
    }

    public int integer(String field) {
        return optionalInteger(field).orElseThrow(() -> missing(field));
    }

    public Optional<Integer> optionalInteger(String field) {
        if (!has(field)) {
            return Optional.empty();
        }
        JsonNode node = object.get(field);
        if (!node.isIntegralNumber() || !node.canConvertToInt()) {
            throw wrongType(field, "a whole number");
        }
        return Optional.of(node.intValue());
    }

    /** A whole number from {@code least} to {@code most}, both inclusive; else 422 {@code out_of_range}. */
    public Optional<Integer> optionalInteger(String field, int least, int most) {
        Optional<Integer> number = optionalInteger(field);
        if (number.filter(value -> value < least || value > most).isPresent()) {
            throw Problem.unprocessable("out_of_range", field, "must be from " + least + " to " + most + ".");
        }
        return number;
    }

    public Optional<Boolean> optionalBoolean(String field) {
        if (!has(field)) {
            return Optional.empty();
        }
        JsonNode node = object.get(field);
        if (!node.isBoolean()) {
            throw wrongType(field, "true or false");
        }
        return Optional.of(node.booleanValue());
    }

    /** Code {@code invalid_id} where the text is no UUID in its usual form. */
    public Optional<UUID> optionalId(String field) {
        return optionalText(field)
                .map(text -> uuid(text).orElseThrow(() -> Problem.badRequest("invalid_id", field, "must be a UUID.")));
    }

    /** A UUID in its usual 36 characters; {@link UUID#fromString} alone takes shorter ones too. */
    public static Optional<UUID> uuid(String text) {
        try {
            return text.length() == 36 ? Optional.of(UUID.fromString(text)) : Optional.empty();
        } catch (IllegalArgumentException notAUuid) {
            return Optional.empty();
        }
    }

    /** Code {@code invalid_instant} where the text is no RFC 3339 time. */
    public Optional<Instant> optionalInstant(String field) {
        return optionalText(field).map(text -> {
            try {
                return OffsetDateTime.parse(text).toInstant();
            } catch (DateTimeException notATime) {
                throw Problem.badRequest("invalid_instant", field, "must be a time like 2026-11-20T09:00:00Z.");
            }
        });
    }

    /** Code {@code invalid_duration} where {@link Durations} reads none in the text, or zero. */
    public Optional<Duration> optionalDuration(String field) {
        return optionalText(field)
                .map(text -> Durations.read(text)
                        .filter(Duration::isPositive)
                        .orElseThrow(() -> Problem.badRequest(
                                "invalid_duration",
                                field,
                                "must be " + Durations.EXAMPLES + ", of a second or more.")));
    }

    /** A field with a reader of its own; empty where it is absent or null. */
    public Optional<JsonNode> optionalNode(String field) {
        return has(field) ? Optional.of(object.get(field)) : Optional.empty();
    }

    private static Problem missing(String field) {
        return Problem.badRequest("missing_field", field, "is required.");
    }

    private static Problem wrongType(String field, String wanted) {
        return Problem.badRequest("wrong_type", field, "must be " + wanted + ".");
    }
}
