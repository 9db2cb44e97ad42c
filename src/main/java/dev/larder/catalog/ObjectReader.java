package dev.larder.catalog;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.model.Durations;
import dev.larder.model.JsonText;
import dev.larder.model.ParameterValue;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;

/**
 * Reads one object of a declaration field by field. A field that is wrong is added to the {@link Refusals}
 * and then counts as absent, so that one pass finds all that is wrong.
 */
final class ObjectReader {

    private static final Pattern WHOLE_NUMBER = Pattern.compile("-?(0|[1-9][0-9]{0,17})");

    private final Map<String, SyntaxNode> fields;
    private final String path;
    private final Refusals refusals;

    private ObjectReader(Map<String, SyntaxNode> fields, String path, Refusals refusals) {
        this.fields = fields;
        this.path = path;
        this.refusals = refusals;
    }

    /** Refuses a node that is no object ({@code wrong_type}) and unknown fields ({@code unknown_field}). */
    static ObjectReader of(SyntaxNode node, String path, Refusals refusals, String... known) {
        if (!(node instanceof SyntaxNode.Fields(Map<String, SyntaxNode> byName))) {
            refusals.add("wrong_type", path, "must be an object.");
            return new ObjectReader(Map.of(), path, refusals);
        }
        Set<String> knownFields = Set.of(known);
        for (String name : byName.keySet()) {
            if (!knownFields.contains(name)) {
                refusals.add(
                        "unknown_field",
                        FieldPath.field(path, name),
                        "is not known here; known are " + String.join(", ", known) + ".");
            }
        }
        return new ObjectReader(byName, path, refusals);
    }

    String path() {
        return path;
    }

    String at(String field) {
        return FieldPath.field(path, field);
    }

    Optional<SyntaxNode> node(String field) {
        SyntaxNode node = fields.get(field);
        return node == null || node instanceof SyntaxNode.Null ? Optional.empty() : Optional.of(node);
    }

    /** Whether the field was written at all, with a right or a wrong value. */
    boolean has(String field) {
        return node(field).isPresent();
    }

    Optional<String> text(String field) {
        return node(field).flatMap(node -> {
            if (node instanceof SyntaxNode.Text(String text)) {
                return Optional.of(text);
            }
            wrongType(at(field), "a string");
            return Optional.empty();
        });
    }

    /** Refuses an absent field: {@code missing_field}. */
    Optional<String> requiredText(String field) {
        requirePresent(field);
        return text(field);
    }

    /**
     * The field {@code name}; empty where it is absent. Refused if it has another form ({@code invalid_name}) or is
     * among those taken before ({@code duplicate_name}), to which it is added.
     */
    String name(Pattern pattern, String rule, Set<String> taken) {
        Optional<String> given = requiredText("name");
        if (given.isPresent() && !pattern.matcher(given.get()).matches()) {
            refusals.add("invalid_name", at("name"), "must be " + rule + "; at most 63 characters.");
        } else if (given.isPresent() && !taken.add(given.get())) {
            refusals.add("duplicate_name", at("name"), "is given to an earlier one too.");
        }
        return given.orElse("");
    }

    void requirePresent(String field) {
        if (!has(field)) {
            refusals.add("missing_field", at(field), "is required.");
        }
    }

    boolean flag(String field) {
        return flag(field, false);
    }

    /** @param absent the value of an absent field */
    boolean flag(String field, boolean absent) {
        return node(field)
                .map(node -> {
                    if (node instanceof SyntaxNode.Bool(boolean value)) {
                        return value;
                    }
                    wrongType(at(field), "true or false");
                    return absent;
                })
                .orElse(absent);
    }

    /** Both bounds are inclusive; outside of them: {@code out_of_range}. */
    Optional<Integer> wholeNumber(String field, int min, int max) {
        return node(field).flatMap(node -> {
            if (!(node instanceof SyntaxNode.Number(String text))
                    || !WHOLE_NUMBER.matcher(text).matches()) {
                wrongType(at(field), "a whole number");
                return Optional.empty();
            }
            long value = Long.parseLong(text);
            if (value < min || value > max) {
                refusals.add("out_of_range", at(field), "must be from " + min + " to " + max + ".");
                return Optional.empty();
            }
            return Optional.of((int) value);
        });
    }

    /** Both bounds are inclusive; outside of them: {@code out_of_range}. */
    Optional<Duration> duration(String field, Duration min, Duration max) {
        return text(field).flatMap(text -> {
            Optional<Duration> read = Durations.read(text);
            if (read.isEmpty()) {
                refusals.add("invalid_duration", at(field), "must be " + Durations.EXAMPLES + ".");
                return read;
            }
            if (read.get().compareTo(min) < 0 || read.get().compareTo(max) > 0) {
                String bounds = Durations.written(min) + " to " + Durations.written(max);
                refusals.add("out_of_range", at(field), "must be from " + bounds + ".");
                return Optional.empty();
            }
            return read;
        });
    }

    /** Empty where absent. More than {@code max}: refused with this code, and only as many are read. */
    List<SyntaxNode> items(String field, int max, String tooMany) {
        Optional<SyntaxNode> node = node(field);
        if (node.isEmpty()) {
            return List.of();
        }
        if (!(node.get() instanceof SyntaxNode.Items(List<SyntaxNode> items))) {
            wrongType(at(field), "a list");
            return List.of();
        }
        if (items.size() > max) {
            refusals.add(tooMany, at(field), "has " + items.size() + " entries; at most " + max + " are taken.");
            return items.subList(0, max);
        }
        return items;
    }

    /** The texts of a list; numbers and booleans count as their text. */
    List<String> scalars(String field, int max, String tooMany) {
        List<String> texts = new ArrayList<>();
        for (SyntaxNode item : items(field, max, tooMany)) {
            texts.add(scalar(item, FieldPath.item(at(field), texts.size())).orElse(""));
        }
        return List.copyOf(texts);
    }

    /** A number of any size; another text is refused: {@code wrong_type}. */
    Optional<BigDecimal> number(String field) {
        Optional<String> text = node(field).flatMap(node -> scalar(node, at(field)));
        if (text.isPresent()
                && ParameterValue.refusal("number", text.get(), field).isPresent()) {
            wrongType(at(field), "a number");
            return Optional.empty();
        }
        return text.map(BigDecimal::new);
    }

    /** Values by name; numbers and booleans count as their text. */
    Map<String, String> texts(String field) {
        Map<String, String> texts = new LinkedHashMap<>();
        fields(field)
                .forEach((name, value) ->
                        scalar(value, FieldPath.field(at(field), name)).ifPresent(text -> texts.put(name, text)));
        return texts;
    }

    /** What an object has, by name. Empty where the field is absent. */
    Map<String, SyntaxNode> fields(String field) {
        Optional<SyntaxNode> node = node(field);
        if (node.isEmpty()) {
            return Map.of();
        }
        if (!(node.get() instanceof SyntaxNode.Fields(Map<String, SyntaxNode> byName))) {
            wrongType(at(field), "an object");
            return Map.of();
        }
        return byName;
    }

    /** The value of a parameter of this type. */
    Optional<String> value(String field, String type) {
        return node(field).flatMap(node -> value(node, type, at(field)));
    }

    /** The values of parameters by name. */
    Map<String, String> values(String field, Function<String, String> typeOf) {
        Map<String, String> values = new LinkedHashMap<>();
        fields(field)
                .forEach((name, node) -> value(node, typeOf.apply(name), FieldPath.field(at(field), name))
                        .ifPresent(value -> values.put(name, value)));
        return values;
    }

    /** A number or boolean counts as its text; a list or map is written as JSON, or given as its text. */
    private Optional<String> value(SyntaxNode node, String type, String where) {
        if (!ParameterValue.isStructured(type) || node instanceof SyntaxNode.Text) {
            return scalar(node, where);
        }
        Optional<JsonNode> json = SyntaxJson.of(node);
        if (json.isEmpty()) {
            wrongType(where, "a value that JSON has too: a number is not written as one");
        }
        return json.map(JsonText::of);
    }

    Optional<String> scalar(SyntaxNode node, String where) {
        return switch (node) {
            case SyntaxNode.Text(String text) -> Optional.of(text);
            case SyntaxNode.Number(String text) -> Optional.of(text);
            case SyntaxNode.Bool(boolean value) -> Optional.of(Boolean.toString(value));
            case SyntaxNode.Fields fields -> notScalar(where);
            case SyntaxNode.Items items -> notScalar(where);
            case SyntaxNode.Null nothing -> notScalar(where);
        };
    }

    private Optional<String> notScalar(String where) {
        wrongType(where, "a string");
        return Optional.empty();
    }

    private void wrongType(String where, String wanted) {
        refusals.add("wrong_type", where, "must be " + wanted + ".");
    }

    /** The objects of a list, each with its own path. */
    List<ObjectReader> forms(String field, int max, String tooMany, String... known) {
        List<ObjectReader> forms = new ArrayList<>();
        for (SyntaxNode item : items(field, max, tooMany)) {
            forms.add(of(item, FieldPath.item(at(field), forms.size()), refusals, known));
        }
        return forms;
    }
}
