package dev.larder.recorded;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Records by the name of their call, as a file holds them: a title line, indented lines, a blank line. */
final class Records {

    private final Map<String, Set<String>> byName = new LinkedHashMap<>();

    void add(String name, List<String> lines) {
        if (byName.put(name, new LinkedHashSet<>(lines)) != null) {
            throw new AssertionError("two calls are named " + name);
        }
    }

    static Records parse(String text) {
        Records records = new Records();
        Set<String> lines = new LinkedHashSet<>();
        for (String line : text.lines().toList()) {
            if (line.startsWith("  ")) {
                lines.add(line.strip());
            } else if (!line.isBlank()) {
                lines = new LinkedHashSet<>();
                records.byName.put(line, lines);
            }
        }
        return records;
    }

    /** Each difference: the call, what was recorded ({@code -}) and what is answered now ({@code +}). */
    List<String> differencesFrom(Records recorded) {
        List<String> differences = new ArrayList<>();
        Set<String> names = new LinkedHashSet<>(recorded.byName.keySet());
        names.addAll(byName.keySet());
        for (String name : names) {
            Set<String> before = recorded.byName.getOrDefault(name, Set.of());
            Set<String> now = byName.getOrDefault(name, Set.of());
            List<String> lines = new ArrayList<>();
            before.stream().filter(line -> !now.contains(line)).forEach(line -> lines.add("  - " + line));
            now.stream()
                    .filter(line -> !before.contains(line) && !isViolation(line))
                    .forEach(line -> lines.add("  + " + line));
            if (!lines.isEmpty()) {
                differences.add("\n" + name + "\n" + String.join("\n", lines));
            }
        }
        return differences;
    }

    private static boolean isViolation(String line) {
        return line.startsWith(AnswerRecord.VIOLATION) || line.contains(": " + AnswerRecord.VIOLATION);
    }

    void write(Path file) {
        StringBuilder text = new StringBuilder();
        byName.forEach((name, lines) -> {
            text.append(name).append('\n');
            lines.forEach(line -> text.append("  ").append(line).append('\n'));
            text.append('\n');
        });
        try {
            var written = Files.writeString(file, text.toString().stripTrailing() + "\n");
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }
}
