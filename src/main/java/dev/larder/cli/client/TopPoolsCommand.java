package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Shows pools as they change. */
@Command(
        name = "top",
        description = "Shows pools, renewed each second until q or Ctrl-C. Without a terminal: one table.",
        footerHeading = "%nExample:%n",
        footer = "  larder top -O acme")
public final class TopPoolsCommand extends CallingCommand {

    /** Pools of one look. More are named in a notice. */
    private static final int POOLS_MAX = 1_000;

    private static final int PAGE = 200;

    @Option(names = "--template", paramLabel = "NAME", description = "Only the pools of this template.")
    @Nullable
    String template;

    @Option(names = "--once", description = "One table, also on a terminal.")
    boolean once;

    @Override
    int run(Terminal terminal) {
        Session session = session(terminal, new OutputOptions());
        ApiClient api = session.api();
        Optional<String> organization = session.namedOrganization();
        if (once || terminal.outScreen().columns().isEmpty()) {
            List<JsonNode> pools = pools(api, organization);
            if (pools.isEmpty()) {
                session.output().notice("no pools");
                return ExitCode.OK.number();
            }
            TopScreen.table(pools).forEach(session.output()::line);
            return ExitCode.OK.number();
        }
        return new LiveScreen(session.output(), terminal).show(() -> pools(api, organization));
    }

    private List<JsonNode> pools(ApiClient api, Optional<String> organization) {
        List<JsonNode> pools = new ArrayList<>();
        Optional<String> after = Optional.empty();
        do {
            JsonNode page = api.get(page(organization, after)).body();
            page.path("items").forEach(pools::add);
            after = Optional.ofNullable(Json.textOrNull(page, "next"));
        } while (after.isPresent() && pools.size() < POOLS_MAX);
        return pools;
    }

    private String page(Optional<String> organization, Optional<String> after) {
        String path = Paths.with(Paths.of("pools"), "limit", String.valueOf(PAGE));
        if (organization.isPresent()) {
            path = Paths.with(path, "organization", organization.get());
        }
        if (template != null) {
            path = Paths.with(path, "template", template);
        }
        return after.isPresent() ? Paths.with(path, "after", after.get()) : path;
    }
}
