package dev.larder.model;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a version lets its users choose.
 *
 * @param type one of {@link ParameterValue#TYPES}
 * @param defaultValue in clear here; the database holds it sealed where the parameter is sensitive
 * @param limits which values of the type it takes
 * @param description for people
 */
public record Parameter(
        String name,
        String type,
        Use use,
        @Nullable String defaultValue,
        ParameterLimits limits,
        @Nullable String description) {

    /** A parameter that takes all values of its type, before the build only. */
    public Parameter(
            String name,
            String type,
            boolean required,
            boolean mutable,
            boolean sensitive,
            @Nullable String defaultValue) {
        this(name, type, new Use(required, mutable, sensitive, false), defaultValue, ParameterLimits.NONE, null);
    }

    /**
     * How it is used.
     *
     * @param required each preset gives a value, unless there is a default
     * @param mutable whether it may differ after the first build
     * @param sensitive its values are encrypted in the database and masked in logs
     * @param late a claim may give a value to a workspace that is built already (decision 0040)
     */
    public record Use(boolean required, boolean mutable, boolean sensitive, boolean late) {}

    public boolean required() {
        return use.required();
    }

    public boolean mutable() {
        return use.mutable();
    }

    public boolean sensitive() {
        return use.sensitive();
    }

    public boolean late() {
        return use.late();
    }

    /** Why it does not take the value: see {@link ParameterValue#refusal} and {@link ParameterLimits#refusal}. */
    public Optional<Refusal> refusal(String value, String field) {
        return ParameterValue.refusal(type, value, field).or(() -> limits.refusal(type, value, field));
    }
}
