package dev.larder;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaModifier;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The counts that keep the house small: {@code ./mvnw -Dtest=CountsTest test}. What does not hold yet is listed in
 * {@code src/test/resources/counts/exceptions.txt}, a line for each. A line that is no longer needed fails as a
 * missing one does.
 */
class CountsTest {

    private static final Path MAIN = Path.of("src/main/java/dev/larder");
    private static final Path EXCEPTIONS = Path.of("src/test/resources/counts/exceptions.txt");

    private static final int FILE_LINES_MAX = 400;
    private static final int SQL_LINES_MAX = 50;
    private static final int RECORD_FIELDS_MAX = 8;
    private static final int COMMENT_COLUMNS_MAX = 120;

    /** A comment line that ends before this column has room for the first word of the next line. */
    private static final int HALF_COLUMNS = 85;

    private static final Pattern TEXT_BLOCK = Pattern.compile("\"\"\"\n(.*?)\"\"\"", Pattern.DOTALL);
    private static final Pattern CONSTANT = Pattern.compile("\\b([A-Z][A-Z_0-9]+)\\s*=\\s");
    private static final Pattern SQL = Pattern.compile("\\b(SELECT|UPDATE|INSERT|DELETE)\\b");

    /** How each rule looks in a statement whose white space is single spaces. */
    private static final Map<String, String> RULES = new TreeMap<>(Map.of(
            "a build begins", "INSERT INTO builds\\b",
            "a canceled start is dropped or deleted", "deleted_at = CASE WHEN [^,]*?untouched\\} THEN",
            "a prebuild is claimable", "prebuild AND \\S*ready_at IS NOT NULL",
            "a prebuild is fresh", "greatest\\(\\S*last_invalidated_at|last_invalidated_at IS NULL OR",
            "a preset is active", "deleted_at IS NULL AND \\S*deprecated_reason IS NULL",
            "an audit entry is written", "INSERT INTO audit\\b",
            "a row is visible to its organization",
                    ":organization::uuid IS NULL OR|IS NULL OR \\(?\\S*organization_id = |IS NULL OR %1\\$s = %2\\$s"));

    @Test
    void no_file_has_more_than_400_lines() {
        List<String> longer = sources(MAIN)
                .filter(source -> source.lines().size() > FILE_LINES_MAX)
                .map(Source::name)
                .toList();

        assertExceptions("file", longer);
    }

    @Test
    void no_sql_text_has_more_than_50_lines() {
        List<String> longer = sources(MAIN)
                .flatMap(source -> TEXT_BLOCK
                        .matcher(source.text())
                        .results()
                        .filter(CountsTest::isLongSql)
                        .map(block ->
                                source.name() + " " + constant(source.text().substring(0, block.start()))))
                .toList();

        assertExceptions("sql", longer);
    }

    private static boolean isLongSql(MatchResult block) {
        String text = block.group(1);
        return SQL.matcher(text).find() && text.lines().count() > SQL_LINES_MAX;
    }

    /** The constant, or the one before a method, in which a text block after this begins. */
    private static String constant(String before) {
        return CONSTANT.matcher(before)
                .results()
                .map(name -> name.group(1))
                .reduce((first, last) -> last)
                .orElse("");
    }

    @Test
    void each_rule_stands_once() {
        Map<String, Integer> places = new TreeMap<>();
        RULES.keySet().forEach(rule -> places.put(rule, 0));
        sources(MAIN)
                .forEach(source ->
                        RULES.forEach((rule, pattern) -> places.merge(rule, source.count(pattern), Integer::sum)));
        List<String> elsewhere = places.entrySet().stream()
                .filter(rule -> rule.getValue() != 1)
                .map(rule -> rule.getValue() + " places: " + rule.getKey())
                .toList();

        assertExceptions("rule", elsewhere);
    }

    @Test
    void only_the_lifecycle_changes_a_workspace() {
        assertThat(sources(MAIN))
                .filteredOn(source -> source.count("(INSERT INTO|UPDATE|DELETE FROM) workspaces\\b") > 0)
                .isNotEmpty()
                .allMatch(source -> source.name().startsWith("lifecycle/"));
    }

    @Test
    void no_record_has_more_than_8_fields() {
        List<String> wider = HouseTest.HOUSE.stream()
                .filter(JavaClass::isRecord)
                .filter(type -> fields(type) > RECORD_FIELDS_MAX)
                .map(type -> type.getName().substring("dev.larder.".length()))
                .toList();

        assertExceptions("record", wider);
    }

    private static long fields(JavaClass type) {
        return type.getFields().stream()
                .filter(field -> !field.getModifiers().contains(JavaModifier.STATIC))
                .count();
    }

    @Test
    void files_do_not_depend_on_each_other_in_a_circle() {
        Map<String, Set<String>> uses = new TreeMap<>();
        HouseTest.HOUSE.forEach(type -> type.getDirectDependenciesFromSelf().stream()
                .map(dependency -> file(dependency.getTargetClass()))
                .filter(used -> used.startsWith("dev.larder.") && !used.equals(file(type)))
                .forEach(used -> uses.computeIfAbsent(file(type), unseen -> new TreeSet<>())
                        .add(used)));
        Map<String, Set<String>> reached =
                uses.keySet().stream().collect(Collectors.toMap(start -> start, start -> reach(start, uses)));
        List<String> circles = reached.entrySet().stream()
                .filter(from -> from.getValue().contains(from.getKey()))
                .map(from -> from.getValue().stream()
                        .filter(to -> reached.getOrDefault(to, Set.of()).contains(from.getKey()))
                        .map(name -> name.substring("dev.larder.".length()))
                        .sorted()
                        .collect(Collectors.joining(" ")))
                .distinct()
                .toList();

        assertExceptions("circle", circles);
    }

    private static String file(JavaClass type) {
        String name = type.getBaseComponentType().getName();
        int nested = name.indexOf('$');
        return nested < 0 ? name : name.substring(0, nested);
    }

    private static Set<String> reach(String start, Map<String, Set<String>> uses) {
        Set<String> reached = new HashSet<>();
        Deque<String> next = new ArrayDeque<>(uses.get(start));
        while (!next.isEmpty()) {
            String name = next.pop();
            if (reached.add(name)) {
                next.addAll(uses.getOrDefault(name, Set.of()));
            }
        }
        return reached;
    }

    @Test
    void no_comment_line_has_more_than_120_columns_and_none_is_half_wrapped() {
        List<String> ragged = Stream.of("main", "test", "bench", "history")
                .map(tree -> Path.of("src", tree, "java"))
                .filter(Files::isDirectory)
                .flatMap(CountsTest::sources)
                .flatMap(source -> ragged(source).stream())
                .toList();

        assertThat(ragged)
                .as("comment lines to be wrapped; the known number is in " + EXCEPTIONS)
                .hasSizeLessThanOrEqualTo(
                        known("comment").stream().mapToInt(CountsTest::number).sum());
    }

    private static int number(String line) {
        return Integer.parseInt(line.replaceAll("\\D", ""));
    }

    private static List<String> ragged(Source source) {
        List<String> ragged = new ArrayList<>();
        for (int i = 0; i < source.lines().size(); i++) {
            String line = source.lines().get(i);
            String text = line.strip();
            boolean comment = text.startsWith("//") || text.startsWith("*") || text.startsWith("/**");
            if (comment && line.length() > COMMENT_COLUMNS_MAX) {
                ragged.add(source.name() + " too long: " + text);
            }
            String next =
                    i + 1 < source.lines().size() ? source.lines().get(i + 1).strip() : "";
            if (text.startsWith("//") && next.startsWith("// ") && !text.matches(".*[.:;!?]")) {
                String word = next.substring(3).strip().split(" ", 2)[0];
                if (line.length() + 1 + word.length() <= HALF_COLUMNS) {
                    ragged.add(source.name() + " half-wrapped: " + text);
                }
            }
        }
        return ragged;
    }

    private static void assertExceptions(String kind, List<String> found) {
        Set<String> now = found.stream().map((kind + ": ")::concat).collect(Collectors.toCollection(TreeSet::new));

        assertThat(now)
                .as("what exceeds a count, against the known exceptions in " + EXCEPTIONS)
                .isEqualTo(known(kind));
    }

    private static Set<String> known(String kind) {
        return lines(EXCEPTIONS).stream()
                .filter(line -> line.startsWith(kind + ": "))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    /** @param name its path below the tree it is in */
    private record Source(String name, List<String> lines) {

        String text() {
            return String.join("\n", lines);
        }

        int count(String pattern) {
            String flat = text().replaceAll("\\s+", " ");
            return (int) Pattern.compile(pattern).matcher(flat).results().count();
        }
    }

    private static Stream<Source> sources(Path tree) {
        try (Stream<Path> paths = Files.walk(tree)) {
            return paths
                    .filter(path -> path.toString().endsWith(".java"))
                    .sorted()
                    .map(path -> new Source(tree.relativize(path).toString(), CountsTest.lines(path)))
                    .toList()
                    .stream();
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private static List<String> lines(Path path) {
        try {
            return Files.readAllLines(path);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }
}
