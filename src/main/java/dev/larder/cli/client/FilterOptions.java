package dev.larder.cli.client;

import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which items of a list are wanted. The server filters, and refuses a filter that its list does not have. */
final class FilterOptions {

    @Option(names = "--template", paramLabel = "NAME", description = "Those of organization/template, or template.")
    @Nullable
    String template;

    @Option(
            names = "--preset",
            paramLabel = "NAME",
            description = "Those of organization/template/preset, template/preset, or preset.")
    @Nullable
    String preset;

    @Option(names = "--status", paramLabel = "STATUS", description = "Those in this status.")
    @Nullable
    String status;

    @Option(names = "--state", paramLabel = "STATE", description = "Rollouts in this state.")
    @Nullable
    String state;

    @Option(names = "--cause", paramLabel = "CAUSE", description = "Rollouts of this cause.")
    @Nullable
    String cause;

    @Option(names = "--owner", paramLabel = "USER", description = "Those of this user.")
    @Nullable
    String owner;

    @Option(
            names = {"-l", "--label"},
            paramLabel = "KEY=VALUE",
            description = "Those with this label. Repeatable: all must match.")
    List<String> labels = List.of();

    @Option(names = "--since", paramLabel = "TIME", description = "Those since a time, or a duration back: 2h.")
    @Nullable
    String since;

    @Option(
            names = "--limit",
            paramLabel = "COUNT",
            defaultValue = "500",
            description = "At most so many. Default: ${DEFAULT-VALUE}.")
    int limit;

    Lists.Filter filter() {
        Lists.Filter filter = Lists.Filter.of(template, preset);
        filter = with(filter, "status", status);
        filter = with(filter, "state", state);
        filter = with(filter, "cause", cause);
        filter = with(filter, "owner", owner);
        filter = with(filter, "since", since);
        for (String label : labels) {
            filter = filter.with("label", label);
        }
        return filter;
    }

    private static Lists.Filter with(Lists.Filter filter, String name, @Nullable String value) {
        return value == null ? filter : filter.with(name, value);
    }
}
