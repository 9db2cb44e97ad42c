package dev.larder;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The table of counterparts names every function and type of the inventory, and only what exists. */
class CounterpartsTest {

    private static final Path TABLE = Path.of("src/docs/counterparts.md");
    private static final Path NAMES = Path.of("src/test/resources/counterparts.txt");
    private static final Path API = Path.of("src/docs/api/openapi.yaml");

    private static final Pattern ROW = Pattern.compile(
            "(?m)^\\| `([\\w.]+)` \\| ([^|]+) \\| (?:none|`(\\w+) ([^`]+)`) \\| `([\\w.]+)` \\| `([\\w.]+)(?:#(\\w+))?` \\|$");

    private record Row(String name, String method, String address, String type, String test, String testMethod) {

        static Row of(MatchResult found) {
            return new Row(
                    found.group(1),
                    found.group(3) == null ? "" : found.group(3),
                    found.group(4) == null ? "" : found.group(4),
                    found.group(5),
                    found.group(6),
                    found.group(7) == null ? "" : found.group(7));
        }
    }

    private final String table = read(TABLE);
    private final List<Row> rows = ROW.matcher(table).results().map(Row::of).toList();

    @Test
    void every_line_of_the_table_is_a_row_of_it() {
        assertThat(table.lines().filter(line -> line.startsWith("| `"))).hasSameSizeAs(rows);
    }

    @Test
    void every_name_of_the_inventory_is_in_one_row() {
        assertThat(rows.stream().map(Row::name))
                .containsExactlyInAnyOrderElementsOf(read(NAMES).lines().toList());
    }

    @Test
    void every_endpoint_is_in_the_description_of_the_api() {
        Set<String> described = operations();

        assertThat(described).contains("GET /api/v1/workspaces/{id}");
        assertThat(rows.stream()
                        .filter(row -> !row.method().isEmpty())
                        .map(row -> row.method() + " " + row.address())
                        .filter(operation -> !described.contains(operation)))
                .isEmpty();
    }

    @Test
    void every_class_exists() {
        assertThat(rows.stream().map(Row::type).filter(name -> !Files.exists(source("main", name))))
                .isEmpty();
    }

    @Test
    void every_test_exists() {
        assertThat(rows.stream().filter(row -> !isTest(row)).map(row -> row.test() + "#" + row.testMethod()))
                .isEmpty();
    }

    private static boolean isTest(Row row) {
        Path source = source("test", row.test());
        return Files.exists(source) && read(source).contains("void " + row.testMethod() + "(");
    }

    private static Path source(String tree, String name) {
        return Path.of("src", tree, "java/dev/larder", name.replace('.', '/') + ".java");
    }

    /** As {@code GET /api/v1/claims}. */
    private static Set<String> operations() {
        Set<String> operations = new HashSet<>();
        String address = "";
        for (String line : read(API).lines().toList()) {
            if (line.matches("  /\\S+:")) {
                address = line.strip().replaceFirst(":$", "");
            } else if (line.matches("    (get|put|post|delete|head|patch):")) {
                operations.add(line.strip().replaceFirst(":$", "").toUpperCase(Locale.ROOT) + " " + address);
            }
        }
        return operations;
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }
}
