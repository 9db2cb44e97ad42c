package dev.larder.catalog;

import dev.larder.model.Parameter;
import dev.larder.model.ParameterLimits;
import dev.larder.model.ParameterValue;
import dev.larder.model.Refusal;
import dev.larder.model.TextPattern;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The rules of a declaration's parameters, and of the values that presets give them (decision 0040). */
final class ParameterReader {

    static final int MAX_PARAMETERS = 50;
    static final int MAX_ALLOWED = 100;
    static final int MAX_ALLOWED_CHARACTERS = 256;
    static final int MAX_DESCRIPTION_CHARACTERS = 1_000;

    /** The longest value. */
    private static final int MAX_LENGTH = 16_384;

    private static final Pattern NAME = Pattern.compile("[a-z][a-z0-9_]{0,62}");

    private final String backend;
    private final Refusals refusals;
    private final Map<String, Parameter> byName = new HashMap<>();

    ParameterReader(String backend, Refusals refusals) {
        this.backend = backend;
        this.refusals = refusals;
    }

    List<Parameter> parameters(ObjectReader form) {
        List<Parameter> parameters = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (ObjectReader one : form.forms(
                "parameters",
                MAX_PARAMETERS,
                "too_many_parameters",
                "name",
                "description",
                "type",
                "required",
                "default",
                "mutable",
                "sensitive",
                "late",
                "allowed",
                "min",
                "max",
                "minLength",
                "maxLength",
                "pattern")) {
            String name = one.name(NAME, "a lower-case letter, then letters, digits and '_'", names);
            Parameter parameter = parameter(one, name);
            byName.putIfAbsent(name, parameter);
            parameters.add(parameter);
        }
        return parameters;
    }

    private Parameter parameter(ObjectReader form, String name) {
        String type = form.text("type").orElse("string");
        if (!ParameterValue.TYPES.contains(type)) {
            refusals.add(
                    "unknown_type", form.at("type"), "must be one of " + String.join(", ", ParameterValue.TYPES) + ".");
        }
        Parameter parameter = new Parameter(
                name,
                type,
                new Parameter.Use(
                        form.flag("required"), form.flag("mutable"), form.flag("sensitive"), form.flag("late")),
                form.value("default", type).orElse(null),
                limits(form, type),
                description(form));
        if (parameter.defaultValue() != null) {
            parameter.refusal(parameter.defaultValue(), form.at("default")).ifPresent(refusals::add);
        }
        refuseLateWithoutEffect(form, parameter.use());
        return parameter;
    }

    /**
     * A module cannot be given another value once it is applied. Every role of a database server can read the settings
     * of its databases, so a sensitive value would not stay one.
     */
    private void refuseLateWithoutEffect(ObjectReader form, Parameter.Use use) {
        if (use.late() && backend.equals("terraform")) {
            refusals.add(
                    "late_without_effect", form.at("late"), "cannot reach a built workspace of backend terraform.");
        }
        if (use.late() && use.sensitive() && backend.equals("postgres")) {
            refusals.add(
                    "late_without_effect",
                    form.at("late"),
                    "cannot be sensitive too: settings of a database can be read by every role of its server.");
        }
    }

    private @Nullable String description(ObjectReader form) {
        String description = form.text("description").orElse(null);
        if (description != null && description.length() > MAX_DESCRIPTION_CHARACTERS) {
            refusals.add(
                    "value_too_long",
                    form.at("description"),
                    "has more than " + MAX_DESCRIPTION_CHARACTERS + " characters.");
        }
        return description;
    }

    private ParameterLimits limits(ObjectReader form, String type) {
        if (refuseLimitsOfOtherTypes(form, type)) {
            return ParameterLimits.NONE;
        }
        Optional<BigDecimal> min = form.number("min");
        Optional<BigDecimal> max = form.number("max");
        Optional<Integer> shortest = form.wholeNumber("minLength", 0, MAX_LENGTH);
        Optional<Integer> longest = form.wholeNumber("maxLength", 0, MAX_LENGTH);
        if (min.isPresent() && max.isPresent() && min.get().compareTo(max.get()) > 0) {
            refusals.add("out_of_range", form.at("max"), "must be at least min.");
        }
        if (shortest.isPresent() && longest.isPresent() && shortest.get() > longest.get()) {
            refusals.add("out_of_range", form.at("maxLength"), "must be at least minLength.");
        }
        return new ParameterLimits(
                allowed(form, type),
                min.orElse(null),
                max.orElse(null),
                shortest.orElse(null),
                longest.orElse(null),
                pattern(form).orElse(null));
    }

    private boolean refuseLimitsOfOtherTypes(ObjectReader form, String type) {
        List<String> others = switch (type) {
            case "string" -> List.of("min", "max");
            case "number" -> List.of("minLength", "maxLength", "pattern");
            default -> List.of("allowed", "min", "max", "minLength", "maxLength", "pattern");
        };
        List<String> given = others.stream().filter(form::has).toList();
        given.forEach(
                limit -> refusals.add("option_without_effect", form.at(limit), "has no effect on type " + type + "."));
        return !given.isEmpty();
    }

    private List<String> allowed(ObjectReader form, String type) {
        List<String> allowed = new ArrayList<>();
        for (String value : form.scalars("allowed", MAX_ALLOWED, "too_many_values")) {
            String field = FieldPath.item(form.at("allowed"), allowed.size());
            Optional<Refusal> refusal = value.length() > MAX_ALLOWED_CHARACTERS
                    ? Optional.of(new Refusal(
                            "value_too_long", field, "has more than " + MAX_ALLOWED_CHARACTERS + " characters."))
                    : ParameterValue.refusal(type, value, field);
            if (refusal.isPresent()) {
                refusals.add(refusal.get());
                return List.of();
            }
            allowed.add(value);
        }
        if (form.has("allowed") && allowed.isEmpty()) {
            refusals.add("too_few_values", form.at("allowed"), "must have at least one value.");
        }
        return List.copyOf(allowed);
    }

    private Optional<String> pattern(ObjectReader form) {
        return form.text("pattern").filter(pattern -> {
            try {
                return TextPattern.of(pattern) != null;
            } catch (TextPattern.InvalidPatternException invalid) {
                refusals.add("invalid_pattern", form.at("pattern"), "is no pattern: " + invalid.getMessage() + ".");
                return false;
            }
        });
    }

    /** The values that a preset gives. Call {@link #parameters} first. */
    Map<String, String> values(ObjectReader preset) {
        Map<String, String> values = preset.values(
                "parameters",
                name -> byName.containsKey(name) ? byName.get(name).type() : "string");
        values.forEach((name, value) -> {
            Parameter parameter = byName.get(name);
            String field = FieldPath.field(preset.at("parameters"), name);
            if (parameter == null) {
                refusals.add("unknown_parameter", field, "is not among the template's parameters.");
            } else {
                parameter.refusal(value, field).ifPresent(refusals::add);
            }
        });
        for (Parameter parameter : byName.values()) {
            if (parameter.required() && parameter.defaultValue() == null && !values.containsKey(parameter.name())) {
                refusals.add(
                        "missing_required_parameter",
                        FieldPath.field(preset.at("parameters"), parameter.name()),
                        "is required and has no default.");
            }
        }
        return values;
    }
}
