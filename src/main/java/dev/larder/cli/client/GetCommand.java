package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Lists things of a server, or shows the rows of some that are named. */
@Command(
        name = "get",
        description =
                "Lists pools, presets, templates, claims, workspaces, jobs, workers or rollouts; or those that are named.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  larder get pools",
            "  larder get workspaces --status=ready -o wide",
            "  larder get preset demo/orders-database/small -o json",
            "  larder get jobs --watch"
        })
public final class GetCommand extends ClientCommand {

    private static final Duration SHORTEST = Duration.ofSeconds(1);

    @Parameters(index = "0", paramLabel = "KIND", description = "${COMPLETION-CANDIDATES}; the singular too.")
    @SuppressWarnings("NullAway.Init")
    Kind kind;

    @Parameters(
            index = "1..*",
            paramLabel = "NAME",
            description = "organization/template/preset, organization/template, or an id.")
    List<String> names = List.of();

    @Mixin
    final FilterOptions filters = new FilterOptions();

    @Option(
            names = {"-w", "--watch"},
            description = "Goes on, and prints what has changed. Ends with Ctrl-C.")
    boolean watch;

    @Option(
            names = "--every",
            paramLabel = "DURATION",
            defaultValue = "2s",
            description = "How often --watch looks. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init")
    Duration every;

    @Override
    ExitCode run(Session session) {
        if (filters.limit < 1) {
            throw usage("--limit must be 1 or more.");
        }
        if (every.compareTo(SHORTEST) < 0) {
            throw usage("--every must be 1s or more.");
        }
        Lists lists = new Lists(session);
        ApiClient.Listed listed = read(lists);
        print(session.output(), listed);
        if (watch) {
            watch(lists, session.output(), listed);
        }
        return ExitCode.OK;
    }

    private ApiClient.Listed read(Lists lists) {
        if (names.isEmpty()) {
            return lists.list(kind, filters.filter(), filters.limit);
        }
        List<JsonNode> rows = new ArrayList<>();
        Instant at = Instant.EPOCH;
        for (String name : names) {
            ApiClient.Listed row = lists.row(kind, name);
            rows.addAll(row.items());
            at = row.at();
        }
        return new ApiClient.Listed(List.copyOf(rows), false, at);
    }

    private void print(Output output, ApiClient.Listed listed) {
        if (watch && !output.isForPeople()) {
            listed.items().forEach(item -> change(output, item));
        } else if (names.size() == 1 && output.isTree()) {
            output.tree(listed.items().getFirst());
        } else {
            output.list(listed.items(), Kinds.columns(kind, listed.at()), Kinds.name(kind));
        }
        if (listed.more()) {
            output.notice("there are more than " + filters.limit + "; --limit shows more");
        }
    }

    /** Ends when the reader closes the output, when the server fails, or by a signal. */
    private void watch(Lists lists, Output output, ApiClient.Listed first) {
        Map<String, JsonNode> shown = new HashMap<>();
        first.items().forEach(row -> shown.put(key(row), row));
        while (Waits.pause(every)) {
            ApiClient.Listed next = read(lists);
            List<JsonNode> changed = next.items().stream()
                    .filter(row -> !row.equals(shown.put(key(row), row)))
                    .toList();
            if (output.isForPeople()) {
                output.rows(changed, Kinds.columns(kind, next.at()));
            } else {
                changed.forEach(row -> change(output, row));
            }
        }
    }

    private String key(JsonNode row) {
        return Json.text(row, "id").isEmpty() ? Kinds.name(kind).apply(row) : Json.text(row, "id");
    }

    /** A change is one line, or one document of YAML. */
    private void change(Output output, JsonNode row) {
        switch (output.format()) {
            case json -> output.line(Json.line(row));
            case name -> output.line(Kinds.name(kind).apply(row));
            default -> {
                output.line("---");
                output.tree(row);
            }
        }
    }
}
