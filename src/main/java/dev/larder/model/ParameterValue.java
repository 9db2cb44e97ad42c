package dev.larder.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Collections;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/** Whether a value fits the type of its parameter. */
public final class ParameterValue {

    /** What a parameter can be. */
    public static final Set<String> TYPES =
            Collections.unmodifiableSet(new TreeSet<>(Set.of("string", "number", "bool", "list", "map")));

    /** Characters. */
    private static final int MAX_CHARACTERS = 16_384;

    private static final Pattern NUMBER =
            Pattern.compile("-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,4})?");

    private ParameterValue() {}

    /**
     * Codes: {@code value_too_long}, {@code value_not_of_type}. The value itself is not repeated: it may be
     * secret.
     *
     * @param type one of {@link #TYPES}; a value of type {@code list} or {@code map} is the text of a JSON array or
     *     object
     * @param field the path of the value, for the refusal
     */
    public static Optional<Refusal> refusal(String type, String value, String field) {
        if (value.length() > MAX_CHARACTERS) {
            return Optional.of(
                    new Refusal("value_too_long", field, "has more than " + MAX_CHARACTERS + " characters."));
        }
        if (type.equals("number") && !NUMBER.matcher(value).matches()) {
            return Optional.of(new Refusal("value_not_of_type", field, "must be a number."));
        }
        if (type.equals("bool") && !value.equals("true") && !value.equals("false")) {
            return Optional.of(new Refusal("value_not_of_type", field, "must be true or false."));
        }
        if (type.equals("list")
                && !JsonText.read(value).filter(JsonNode::isArray).isPresent()) {
            return Optional.of(new Refusal("value_not_of_type", field, "must be a list."));
        }
        if (type.equals("map")
                && !JsonText.read(value).filter(JsonNode::isObject).isPresent()) {
            return Optional.of(new Refusal("value_not_of_type", field, "must be an object."));
        }
        return Optional.empty();
    }

    /** Whether a value of this type has parts. */
    public static boolean isStructured(String type) {
        return type.equals("list") || type.equals("map");
    }
}
