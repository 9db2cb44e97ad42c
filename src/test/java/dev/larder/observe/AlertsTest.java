package dev.larder.observe;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class AlertsTest {

    private static final Pattern METRIC = Pattern.compile("\\blarder_[a-z_]+");

    @Test
    void every_alert_looks_at_a_metric_that_there_is() throws IOException {
        Set<String> there = Files.readAllLines(Path.of("src", "test", "resources", "golden", "metrics.txt")).stream()
                .map(line -> line.split(" ", 2)[0])
                .collect(Collectors.toSet());
        List<String> expressions = Files.readAllLines(Path.of("src", "docs", "operation", "alerts.yaml")).stream()
                .filter(line -> !line.strip().startsWith("#"))
                .toList();
        Set<String> asked = expressions.stream()
                .flatMap(line -> METRIC.matcher(line).results())
                .map(MatchResult::group)
                .collect(Collectors.toCollection(TreeSet::new));

        assertThat(asked).hasSizeGreaterThan(4);
        assertThat(there).containsAll(asked);
    }
}
