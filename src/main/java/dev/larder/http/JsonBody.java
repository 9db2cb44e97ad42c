package dev.larder.http;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.larder.model.Refusal;
import java.io.IOException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * A JSON object sent by a caller. Whatever is wrong with it becomes a 400 problem that names the field; nothing of the
 * body is repeated in the answer, because it may be secret. A field that is {@code null} counts as absent.
 */
public final class JsonBody {

    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private final ObjectNode object;

    private JsonBody(ObjectNode object) {
        this.object = object;
    }

    /** Codes: {@code malformed_json}, {@code not_an_object}, {@code unknown_field}. */
    public static JsonBody of(byte[] bytes, String... knownFields) {
        if (!(tree(bytes) instanceof ObjectNode object)) {
            throw Problem.of(400, "not_an_object", "The body must be a JSON object.");
        }
        Set<String> known = Set.of(knownFields);
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

    /** A name as it was sent, as far as 64 characters. */
    static String shown(String field) {
        return field.length() <= 64 ? field : field.substring(0, 64) + "…";
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

    /** The same from {@code least} to {@code most}; code {@code out_of_range}, 422, where it is none of these. */
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

    /** Code {@code invalid_duration} where the text is no ISO 8601 duration, or is zero or negative. */
    public Optional<Duration> optionalDuration(String field) {
        return optionalText(field).map(text -> {
            try {
                Duration duration = Duration.parse(text);
                if (duration.isPositive()) {
                    return duration;
                }
            } catch (DateTimeException | ArithmeticException notADuration) {
                // said below
            }
            throw Problem.badRequest("invalid_duration", field, "must be a positive duration like PT8H or P30D.");
        });
    }

    /** A part of the body for a reader of its own; absent where null. */
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
