package dev.larder;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The documents name what exists: classes, files, sections of the design, decisions, codes, settings. */
class DocsTest {

    private static final Path ROOT = Path.of("src/main/java/dev/larder");
    private static final Path DOCS = Path.of("src/docs");
    private static final Path DESIGN = DOCS.resolve("design.md");

    // A class as documents name it: its room, a dot, its name. {@code claim.ClaimStore}, `claim.ClaimStore`.
    private static final Pattern CLASS_NAME =
            Pattern.compile("(?:`|\\{@code )((?:[a-z]+\\.)+)([A-Z]\\w+)(?:#\\w+)?(?:`|\\})");
    private static final Pattern LINK = Pattern.compile("\\]\\(([^)#: ]+)(?:#[^)]*)?\\)");
    private static final Pattern SECTION = Pattern.compile("design, sections? (\\d(?:\\.\\d)?)");
    private static final Pattern DECISION = Pattern.compile("decision (\\d{4})");

    private static final Set<String> BLOCKS = Set.of("sh", "console", "text", "yaml", "java", "python", "ini");

    // Where the code gives a failure its code: of a problem, of a refused field, of a job.
    private static final Pattern CODE = Pattern.compile(
            "(?:Problem\\.of\\(\\s*\\d+,|badRequest\\(|unprocessable\\(|refusals\\.add\\(|Refusal\\(|refused\\("
                    + "|Failed\\(|Refused\\(|refuse\\(routing,)\\s*\"([a-z]\\w+)\"");
    private static final Pattern NOT_FOUND = Pattern.compile("notFound\\(\"([a-z]+)\"\\)");

    @Test
    void every_class_that_a_document_names_exists() {
        Set<String> rooms = rooms();
        List<String> missing = new ArrayList<>();
        // A decision names what existed when it was made.
        Stream.concat(packageInfos(), documents())
                .filter(document -> !document.startsWith(DOCS.resolve("decisions")))
                .forEach(document -> matches(CLASS_NAME, text(document))
                        .filter(name -> rooms.contains(name.group(1)) && !exists(name))
                        .forEach(name -> missing.add(document + ": " + name.group(1) + name.group(2))));

        assertThat(missing).isEmpty();
    }

    @Test
    void the_reading_path_of_a_claim_passes_at_most_four_rooms() {
        String map = text(ROOT.resolve("package-info.java"));
        String path = map.substring(map.indexOf("One claim"), map.indexOf("One tick"));
        Set<String> passed =
                matches(CLASS_NAME, path).map(name -> name.group(1)).collect(Collectors.toSet());

        assertThat(passed).contains("claim.", "http.").hasSizeLessThanOrEqualTo(4);
    }

    private static Set<String> rooms() {
        try (Stream<Path> paths = Files.walk(ROOT)) {
            return paths.filter(Files::isDirectory)
                    .map(room -> ROOT.relativize(room).toString().replace('/', '.') + ".")
                    .collect(Collectors.toSet());
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private static boolean exists(MatchResult name) {
        String path = name.group(1).replace('.', '/') + name.group(2) + ".java";
        return Stream.of("main", "test").anyMatch(tree -> Files.exists(Path.of("src", tree, "java/dev/larder", path)));
    }

    @Test
    void every_room_has_a_page_that_says_what_it_owns_what_is_authoritative_its_states_failures_and_bounds() {
        List<String> silent = packageInfos()
                .filter(page -> !page.equals(ROOT.resolve("package-info.java")))
                .filter(page -> !Stream.of("Owns", "Authoritative", "States", "Failures", "Bounds")
                        .allMatch(part -> text(page).contains("<b>" + part)))
                .map(Path::toString)
                .toList();

        assertThat(silent).isEmpty();
    }

    @Test
    void every_link_between_documents_leads_to_a_file() {
        List<String> broken = new ArrayList<>();
        documents()
                .forEach(document -> matches(LINK, text(document))
                        .filter(link -> !Files.exists(folder(document).resolve(link.group(1))))
                        .forEach(link -> broken.add(document + ": " + link.group(1))));

        assertThat(broken).isEmpty();
    }

    private static Path folder(Path document) {
        Path folder = document.getParent();
        return folder == null ? Path.of("") : folder;
    }

    @Test
    void every_section_of_the_design_and_every_decision_that_is_cited_exists() {
        Set<String> sections = matches(Pattern.compile("(?m)^##+ (\\d(?:\\.\\d)?)"), text(DESIGN))
                .map(heading -> heading.group(1))
                .collect(Collectors.toSet());
        matches(Pattern.compile("(?ms)^## (\\d)\\D.*?(?=^## )"), text(DESIGN))
                .forEach(section -> matches(Pattern.compile("(?m)^(\\d)\\. "), section.group())
                        .forEach(item -> sections.add(section.group(1) + "." + item.group(1))));
        Set<String> decisions = files(DOCS.resolve("decisions"), ".md")
                .map(decision -> decision.getFileName().toString().substring(0, 4))
                .collect(Collectors.toSet());
        List<String> missing = new ArrayList<>();
        Stream.concat(files(Path.of("src"), ".java"), documents()).forEach(source -> {
            matches(SECTION, text(source))
                    .filter(cited -> !sections.contains(cited.group(1)))
                    .forEach(cited -> missing.add(source + ": " + cited.group()));
            matches(DECISION, text(source))
                    .filter(cited -> !decisions.contains(cited.group(1)))
                    .forEach(cited -> missing.add(source + ": " + cited.group()));
        });

        assertThat(missing).isEmpty();
    }

    @Test
    void every_code_of_an_error_is_explained() {
        Set<String> codes = new TreeSet<>();
        files(ROOT, ".java").map(DocsTest::text).forEach(source -> {
            matches(CODE, source).map(code -> code.group(1)).forEach(codes::add);
            matches(NOT_FOUND, source).map(what -> what.group(1) + "_not_found").forEach(codes::add);
        });

        assertThat(codes).hasSizeGreaterThan(140);
        assertThat(unnamed(codes, "codes.md")).isEmpty();
    }

    @Test
    void every_decision_has_a_status_and_stands_in_the_index() {
        String index = text(DOCS.resolve("decisions/README.md"));
        List<String> missing = files(DOCS.resolve("decisions"), ".md")
                .filter(decision -> !decision.endsWith("README.md"))
                .filter(decision ->
                        !text(decision).contains("\nStatus: ") || !index.contains("(" + decision.getFileName() + ") |"))
                .map(Path::toString)
                .toList();

        assertThat(missing).isEmpty();
    }

    @Test
    void every_guide_stands_in_the_index_and_each_of_its_blocks_says_what_it_is() {
        Path guides = DOCS.resolve("guides");
        String index = text(guides.resolve("README.md"));
        List<String> wrong = new ArrayList<>();
        // The script guides/run runs blocks of kind sh; a block without a kind would be left out silently.
        files(guides, ".md").forEach(guide -> {
            if (!guide.endsWith("README.md") && !index.contains("(" + guide.getFileName() + ") |")) {
                wrong.add(guide + " is not in the index");
            }
            List<String> fences = matches(Pattern.compile("(?m)^ *```(.*)$"), text(guide))
                    .map(fence -> fence.group(1))
                    .toList();
            for (int opening = 0; opening < fences.size(); opening += 2) {
                if (!BLOCKS.contains(fences.get(opening))) {
                    wrong.add(guide + ": block " + (opening / 2 + 1) + " is of kind \"" + fences.get(opening) + "\"");
                }
            }
        });

        assertThat(wrong).isEmpty();
    }

    @Test
    void the_readme_is_one_page() {
        assertThat(text(Path.of("README.md")).lines().count()).isLessThanOrEqualTo(100);
    }

    private static List<String> unnamed(Set<String> words, String document) {
        String text = text(DOCS.resolve(document));
        return words.stream()
                .filter(word -> !text.contains("`" + word + "`"))
                .sorted()
                .toList();
    }

    private static Stream<MatchResult> matches(Pattern pattern, String text) {
        return pattern.matcher(text).results();
    }

    private static Stream<Path> packageInfos() {
        return files(ROOT, "package-info.java");
    }

    private static Stream<Path> documents() {
        Stream<Path> top = Stream.of("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
                .map(Path::of);
        return Stream.concat(top.filter(Files::exists), files(DOCS, ".md"));
    }

    private static Stream<Path> files(Path folder, String ending) {
        try (Stream<Path> paths = Files.walk(folder)) {
            return paths.filter(path -> path.toString().endsWith(ending)).sorted().toList().stream();
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private static String text(Path path) {
        try {
            return Files.readString(path);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }
}
