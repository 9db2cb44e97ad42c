package dev.larder.catalog;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * What an application of a declaration would change, against the version that is active now.
 *
 * @param change {@code none}, {@code new_version}, or {@code promote}: a version that exists declares the same
 * @param fields of the version
 * @param added names of presets
 * @param removed names of presets
 */
@Schema(name = "ApplyPreview")
public record Preview(
        @Schema(enumeration = {"none", "new_version", "promote"})
        String change,

        List<FieldChange> fields,
        List<String> added,
        List<String> removed,
        List<PresetChange> changed) {

    /**
     * A field with another value. A file's value is its digest.
     *
     * @param from null where it is new
     * @param to null where it is gone
     * @param sensitive whether the values are not shown
     */
    public record FieldChange(
            String field, @Nullable String from, @Nullable String to, boolean sensitive) {}

    public record PresetChange(String name, List<FieldChange> fields) {}

    /** A value to compare. */
    record Value(String text, boolean sensitive) {

        static Value of(String text) {
            return new Value(text, false);
        }
    }

    /**
     * A version in comparable form.
     *
     * @param presets their fields by their names
     */
    record Flat(Map<String, Value> fields, Map<String, Map<String, Value>> presets) {

        static final Flat NOTHING = new Flat(Map.of(), Map.of());
    }

    static Preview of(Applied.Done done, Flat before, Flat after) {
        List<PresetChange> changed = new ArrayList<>();
        new TreeMap<>(after.presets()).forEach((name, fields) -> {
            Map<String, Value> was = before.presets().get(name);
            if (was != null && !was.equals(fields)) {
                changed.add(new PresetChange(name, changes(was, fields)));
            }
        });
        return new Preview(
                done.versionCreated() ? "new_version" : done.changed() ? "promote" : "none",
                changes(before.fields(), after.fields()),
                without(after.presets(), before.presets()),
                without(before.presets(), after.presets()),
                changed);
    }

    private static List<String> without(Map<String, ?> all, Map<String, ?> others) {
        return all.keySet().stream()
                .filter(name -> !others.containsKey(name))
                .sorted()
                .toList();
    }

    private static List<FieldChange> changes(Map<String, Value> before, Map<String, Value> after) {
        List<FieldChange> changes = new ArrayList<>();
        TreeSet<String> names = new TreeSet<>(before.keySet());
        names.addAll(after.keySet());
        for (String name : names) {
            Value from = before.get(name);
            Value to = after.get(name);
            if (!Objects.equals(from, to)) {
                changes.add(change(name, from, to));
            }
        }
        return changes;
    }

    private static FieldChange change(String name, @Nullable Value from, @Nullable Value to) {
        boolean sensitive = (from != null && from.sensitive()) || (to != null && to.sensitive());
        return new FieldChange(
                name,
                from == null || sensitive ? null : from.text(),
                to == null || sensitive ? null : to.text(),
                sensitive);
    }
}
