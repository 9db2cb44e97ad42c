package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Shows pools as they change. */
@Command(
        name = "top",
        description = "Shows pools, renewed each second until q or Ctrl-C. Without a terminal: one table.",
        footerHeading = "%nExamples:%n",
        footer = {"  larder top -O acme", "  larder top --template=shop --once"})
public final class TopPoolsCommand extends CallingCommand {

    /** Pools of one look. */
    private static final int POOLS_MAX = 1_000;

    private static final Set<String> STOCK = Set.of("READY", "WANTED");

    @Option(
            names = "--template",
            paramLabel = "NAME",
            description = "Only the pools of organization/template, or template.")
    @Nullable
    String template;

    @Option(names = "--once", description = "One table, also on a terminal.")
    boolean once;

    @Override
    int run(Terminal terminal) {
        Session session = session(terminal, new OutputOptions());
        Lists lists = new Lists(session);
        TopScreen screen = new TopScreen(shown());
        if (!once && terminal.outScreen().columns().isPresent()) {
            return new LiveScreen(session.output(), screen).show(() -> pools(lists));
        }
        List<JsonNode> pools = pools(lists);
        if (pools.isEmpty()) {
            session.output().notice("no pools");
        } else {
            screen.table(pools).forEach(session.output()::line);
        }
        return ExitCode.OK.number();
    }

    /** Names are shortened before the stock is left out. The age of a pool is not shown, so no time is needed. */
    private static List<Column> shown() {
        return Kinds.columns(Kind.pools, Instant.EPOCH).stream()
                .filter(column -> column.weight() != Column.WIDE)
                .map(column ->
                        STOCK.contains(column.heading()) ? Column.always(column.heading(), column.value()) : column)
                .toList();
    }

    private List<JsonNode> pools(Lists lists) {
        Lists.Filter filter = Lists.Filter.of(template, null);
        return lists.list(Kind.pools, filter, POOLS_MAX).items();
    }
}
