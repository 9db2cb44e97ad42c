package dev.larder;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.database.CleanupType.Retention;
import dev.larder.model.Durations;
import dev.larder.objects.OrphanStore;
import dev.larder.testing.CleanupTypes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * Holds {@code src/docs/settings.md}: names and defaults are those of the code, the meanings are written by hand.
 * {@code -Dlarder.settings.write=true} writes the defaults anew.
 */
class SettingsReferenceTest {

    private static final Path REFERENCE = Path.of("src/docs/settings.md");
    private static final Pattern NAME = Pattern.compile("`(larder\\.[a-z.-]+)`");
    private static final List<String> OF_OBJECTS = List.of("orphan_bodies", "orphan_file_chunks");
    private static final String TEMPORARY = "${java.io.tmpdir}/";

    @Test
    void the_places_that_read_a_setting_give_it_one_default() {
        assertThat(DeclaredSettings.DEFAULTS)
                .allSatisfy((name, defaults) -> assertThat(defaults).hasSizeLessThanOrEqualTo(1));
    }

    @Test
    void every_setting_has_one_row_and_every_row_names_settings() throws IOException {
        List<String> named = Files.readAllLines(REFERENCE).stream()
                .filter(SettingsReferenceTest::isRow)
                .flatMap(row -> names(row).stream())
                .toList();

        assertThat(named).containsExactlyInAnyOrderElementsOf(defaults().keySet());
    }

    @Test
    void the_defaults_are_those_of_the_code() throws IOException {
        Map<String, String> defaults = defaults();
        String page = Files.readAllLines(REFERENCE).stream()
                .map(line -> isRow(line) ? row(line, defaults) : line)
                .collect(Collectors.joining("\n", "", "\n"));
        if (Boolean.getBoolean("larder.settings.write")) {
            Files.writeString(REFERENCE, page);
        }

        assertThat(REFERENCE).content().isEqualTo(page);
    }

    /** Also those of the types of clean-up, which are read when the application starts. */
    private static Map<String, String> defaults() {
        Map<String, String> defaults = new TreeMap<>();
        DeclaredSettings.DEFAULTS.forEach((name, values) -> defaults.put(name, String.join(" or ", values)));
        CleanupTypes.ALL.forEach(type -> add(defaults, type.name(), type.retention()));
        // These are made with a store of objects.
        OF_OBJECTS.forEach(name -> add(defaults, name, OrphanStore.RETENTION));
        return defaults;
    }

    private static void add(Map<String, String> defaults, String type, Retention kept) {
        String prefix = "larder.cleanup." + type.replace('_', '-') + ".";
        defaults.put(prefix + "interval", Durations.written(kept.interval()));
        defaults.put(prefix + "keep-for", Durations.written(kept.keepFor()));
        if (kept.keepNewest() >= 0) {
            defaults.put(prefix + "keep-newest", Integer.toString(kept.keepNewest()));
        }
    }

    private static boolean isRow(String line) {
        return line.startsWith("| `larder.");
    }

    /** The row with the defaults of the code in its second cell, which says in words what an absent default means. */
    private static String row(String line, Map<String, String> defaults) {
        List<String> values = names(line).stream()
                .map(name -> defaults.getOrDefault(name, ""))
                .toList();
        String[] cells = line.split("(?<=[^|]) \\|", 3);
        if (!values.contains("")) {
            cells[1] = " " + values.stream().map(SettingsReferenceTest::shown).collect(Collectors.joining(", "));
        } else if (cells[1].matches(" `[^`]*`")) {
            cells[1] = " none";
        }
        return String.join(" |", cells);
    }

    private static List<String> names(String row) {
        String first = row.substring(0, row.indexOf(" | "));
        return NAME.matcher(first).results().map(name -> name.group(1)).toList();
    }

    private static String shown(String value) {
        return value.startsWith(TEMPORARY)
                ? "`" + value.substring(TEMPORARY.length()) + "` in the system's temporary folder"
                : "`" + value + "`";
    }
}
