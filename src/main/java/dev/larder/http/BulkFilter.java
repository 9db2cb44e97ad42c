package dev.larder.http;

import dev.larder.model.LabelSelector;
import dev.larder.model.PresetFilter;
import io.quarkus.runtime.annotations.RegisterForReflection;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * The conditions of a call that changes all that they match: those of the list, in a body (decision 0043).
 *
 * @param label as the query parameter of lists has it: {@code key=value}, or a key alone; several with commas
 * @param since a time, or a duration back
 */
@RegisterForReflection
@Schema(name = "BulkFilter")
public record BulkFilter(
        @Nullable String organization,
        @Nullable String template,
        @Nullable String preset,
        @Nullable String status,
        @Nullable String owner,
        @Nullable String label,
        @Nullable String since) {

    /** How many things one call changes. */
    public static final int AT_ONCE = 100;

    /** Codes: those of {@link JsonBody}, and {@code missing_condition} where no condition is given. */
    public static BulkFilter of(byte @Nullable [] body) {
        return of(body, BulkFilter.class);
    }

    /** @param schema has at least one of the fields, and no others */
    public static BulkFilter of(byte @Nullable [] body, Class<? extends Record> schema) {
        JsonBody json = JsonBody.ofOptional(body, schema);
        BulkFilter filter = new BulkFilter(
                json.optionalText("organization").orElse(null),
                json.optionalText("template").orElse(null),
                json.optionalText("preset").orElse(null),
                json.optionalText("status").orElse(null),
                json.optionalText("owner").orElse(null),
                json.optionalText("label").orElse(null),
                json.optionalText("since").orElse(null));
        if (filter.conditions().isEmpty()) {
            throw Problem.unprocessable(
                    "missing_condition", "body", "must have at least one condition: without any it would match all.");
        }
        return filter;
    }

    /** Those that are given, for the audit. */
    public Map<String, String> conditions() {
        Map<String, String> given = new LinkedHashMap<>();
        put(given, "organization", organization);
        put(given, "template", template);
        put(given, "preset", preset);
        put(given, "status", status);
        put(given, "owner", owner);
        put(given, "label", label);
        put(given, "since", since);
        return given;
    }

    private static void put(Map<String, String> given, String name, @Nullable String value) {
        if (value != null) {
            given.put(name, value);
        }
    }

    public PresetFilter presets() {
        return new PresetFilter(
                Filters.text("organization", organization),
                Filters.text("template", template),
                Filters.text("preset", preset));
    }

    /** One of these words. */
    public Optional<String> status(List<String> words) {
        return Filters.status(status, words);
    }

    public Optional<String> ownerName() {
        return Filters.text("owner", owner);
    }

    public Optional<LabelSelector> labels() {
        return Labels.selector(label == null ? List.of() : List.of(label));
    }

    public Optional<Instant> since(Instant now) {
        return Filters.since(since, now);
    }
}
