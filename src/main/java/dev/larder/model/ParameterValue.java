package dev.larder.model;

import java.util.Optional;
import java.util.regex.Pattern;

/** Whether a value fits the type of its parameter. */
public final class ParameterValue {

    /** Characters. */
    private static final int MAX_CHARACTERS = 16_384;

    private static final Pattern NUMBER =
            Pattern.compile("-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,4})?");

    private ParameterValue() {}

    /**
     * Codes: {@code value_too_long}, {@code value_not_of_type}. The value itself is not repeated: it may be
     * secret.
     *
     * @param type {@code string}, {@code number} or {@code bool}
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
        return Optional.empty();
    }
}
