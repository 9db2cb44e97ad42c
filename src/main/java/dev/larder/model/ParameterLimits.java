package dev.larder.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Which values of its type a parameter takes. All bounds are inclusive, and null where there is none.
 *
 * @param allowed the only values, for a string or a number; empty: all. A number may be written in another way
 * @param min for a number
 * @param max for a number
 * @param minLength characters (code points) of a string
 * @param maxLength characters (code points) of a string
 * @param pattern of a whole string: see {@link TextPattern}
 */
public record ParameterLimits(
        List<String> allowed,
        @Nullable BigDecimal min,
        @Nullable BigDecimal max,
        @Nullable Integer minLength,
        @Nullable Integer maxLength,
        @Nullable String pattern) {

    /** Allowed values that a refusal names. */
    private static final int SHOWN_MAX = 10;

    public static final ParameterLimits NONE = new ParameterLimits(List.of(), null, null, null, null, null);

    /**
     * Code: {@code value_not_allowed}. The value itself is not repeated: it may be secret.
     *
     * @param value of the type
     * @param field the path of the value, for the refusal
     */
    public Optional<Refusal> refusal(String type, String value, String field) {
        return broken(type, value).map(rule -> new Refusal("value_not_allowed", field, "must " + rule + "."));
    }

    /** The first limit that the value breaks, after "must". */
    private Optional<String> broken(String type, String value) {
        if (!allowed.isEmpty() && allowed.stream().noneMatch(one -> same(type, one, value))) {
            return Optional.of("be one of " + shown());
        }
        return switch (type) {
            case "number" -> ofNumber(new BigDecimal(value));
            case "string" -> ofText(value);
            default -> Optional.empty();
        };
    }

    private String shown() {
        String first = String.join(", ", allowed.subList(0, Math.min(SHOWN_MAX, allowed.size())));
        return allowed.size() <= SHOWN_MAX ? first : first + " and " + (allowed.size() - SHOWN_MAX) + " more";
    }

    private static boolean same(String type, String one, String other) {
        return type.equals("number") ? new BigDecimal(one).compareTo(new BigDecimal(other)) == 0 : one.equals(other);
    }

    private Optional<String> ofNumber(BigDecimal value) {
        if (min != null && value.compareTo(min) < 0) {
            return Optional.of("be at least " + min);
        }
        return max != null && value.compareTo(max) > 0 ? Optional.of("be at most " + max) : Optional.empty();
    }

    private Optional<String> ofText(String value) {
        int length = value.codePointCount(0, value.length());
        if (minLength != null && length < minLength) {
            return Optional.of("have at least " + minLength + " characters");
        }
        if (maxLength != null && length > maxLength) {
            return Optional.of("have at most " + maxLength + " characters");
        }
        return pattern != null && !TextPattern.of(pattern).matches(value)
                ? Optional.of("match " + pattern)
                : Optional.empty();
    }

    /** As the text of a JSON object; null where there are no limits. */
    public @Nullable String json() {
        if (equals(NONE)) {
            return null;
        }
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        if (!allowed.isEmpty()) {
            allowed.forEach(json.putArray("allowed")::add);
        }
        put(json, "min", min == null ? null : min.toString());
        put(json, "max", max == null ? null : max.toString());
        put(json, "minLength", minLength == null ? null : minLength.toString());
        put(json, "maxLength", maxLength == null ? null : maxLength.toString());
        put(json, "pattern", pattern);
        return json.toString();
    }

    private static void put(ObjectNode json, String name, @Nullable String value) {
        if (value != null) {
            json.put(name, value);
        }
    }

    /** From what {@link #json} gave. */
    public static ParameterLimits of(@Nullable String json) {
        return json == null
                ? NONE
                : JsonText.read(json).map(ParameterLimits::of).orElse(NONE);
    }

    private static ParameterLimits of(JsonNode json) {
        List<String> allowed = new ArrayList<>();
        json.path("allowed").forEach(one -> allowed.add(one.asText()));
        String min = text(json, "min");
        String max = text(json, "max");
        String minLength = text(json, "minLength");
        String maxLength = text(json, "maxLength");
        return new ParameterLimits(
                List.copyOf(allowed),
                min == null ? null : new BigDecimal(min),
                max == null ? null : new BigDecimal(max),
                minLength == null ? null : Integer.valueOf(minLength),
                maxLength == null ? null : Integer.valueOf(maxLength),
                text(json, "pattern"));
    }

    private static @Nullable String text(JsonNode json, String name) {
        return json.path(name).textValue();
    }
}
