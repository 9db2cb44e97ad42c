package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Releases claims by their ids, or all that match. */
@Command(
        name = "release",
        description = {
            "Releases claims, and prints the id of each. A claim that has ended is no error.",
            "--all releases the active and waiting claims of the organization that match; a member's own alone. It says"
                    + " how many first, and asks."
        },
        footerHeading = "%nExamples:%n",
        footer = {"  larder release $LARDER_CLAIM_ID", "  larder release --all --label job=42 --yes"})
public final class ReleaseCommand extends CallingCommand {

    @Parameters(arity = "0..*", paramLabel = "CLAIM", description = "The id of a claim.")
    List<String> claims = new ArrayList<>();

    @Option(names = "--all", description = "All claims that match the options below.")
    boolean all;

    @Option(
            names = "--template",
            paramLabel = "NAME",
            description = "With --all: those of organization/template, or template.")
    @Nullable
    String template;

    @Option(
            names = "--preset",
            paramLabel = "NAME",
            description = "With --all: those of organization/template/preset, template/preset, or preset.")
    @Nullable
    String preset;

    @Option(names = "--owner", paramLabel = "USER", description = "With --all: those of this user.")
    @Nullable
    String owner;

    @Option(
            names = {"-l", "--label"},
            paramLabel = "KEY=VALUE",
            description = "With --all: those with this label. Repeatable: all must match.")
    List<String> labels = new ArrayList<>();

    @Option(names = "--dry-run", description = "With --all: says how many match.")
    boolean dryRun;

    @Option(names = "--yes", description = "With --all: does not ask. Needed without a terminal.")
    boolean yes;

    @Override
    int run(Terminal terminal) {
        refuseUnusable();
        Session session = session(terminal, new OutputOptions());
        return all ? releaseAll(session) : released(session);
    }

    private void refuseUnusable() {
        if (all != claims.isEmpty()) {
            throw usage(all ? "CLAIM and --all exclude each other." : "Missing: CLAIM, or --all.");
        }
        boolean filtered = template != null || preset != null || owner != null || !labels.isEmpty();
        if (!all && (dryRun || yes || filtered)) {
            throw usage("--template, --preset, --owner, --label, --dry-run and --yes need --all.");
        }
    }

    private int releaseAll(Session session) {
        ObjectNode filter = filter(session);
        String path = Paths.of("claims", "release");
        JsonNode counted =
                session.api().post(Paths.with(path, "dryRun", "true"), filter).body();
        long count = counted.path("count").asLong();
        String many = counted.path("more").asBoolean() ? "more than " : "";
        session.output().notice(many + count + (count == 1 ? " claim matches" : " claims match"));
        if (dryRun || count == 0) {
            return ExitCode.OK.number();
        }
        if (!yes && !isWanted(session.terminal())) {
            session.output().notice("nothing is released");
            return ExitCode.FAILED.number();
        }
        session.output().notice("released: " + releasePages(session.api(), path, filter));
        return ExitCode.OK.number();
    }

    private ObjectNode filter(Session session) {
        ObjectNode filter = Json.object();
        Lists.Filter.of(template, preset).asMap().forEach(filter::put);
        if (!filter.has("organization")) {
            filter.put("organization", session.organization());
        }
        putPresent(filter, "owner", owner);
        putPresent(filter, "label", labels.isEmpty() ? null : String.join(",", labels));
        return filter;
    }

    private static void putPresent(ObjectNode filter, String field, @Nullable String value) {
        if (value != null) {
            filter.put(field, value);
        }
    }

    /** The server releases a page in each call. */
    private static long releasePages(ApiClient api, String path, ObjectNode filter) {
        long released = 0;
        @Nullable String after = null;
        do {
            JsonNode page = api.post(after == null ? path : Paths.with(path, "after", after), filter)
                    .body();
            released += page.path("count").asLong();
            after = Json.textOrNull(page, "next");
        } while (after != null);
        return released;
    }

    private boolean isWanted(Terminal terminal) {
        if (terminal.errScreen().columns().isEmpty()) {
            throw usage("--all needs --yes without a terminal.");
        }
        terminal.err().print("Release them? [y/N] ");
        terminal.err().flush();
        try {
            int answer = terminal.in().read();
            return answer == 'y' || answer == 'Y';
        } catch (IOException closed) {
            return false;
        }
    }

    /** Goes on after a claim that cannot be released. The first failure gives the exit code. */
    private int released(Session session) {
        @Nullable Failure first = null;
        for (String claim : claims) {
            try {
                Answer unused = session.api().delete(Paths.of("claims", claim));
                session.output().line(claim);
            } catch (Failure failure) {
                session.output().notice(claim + ": " + failure.sentence());
                first = first == null ? failure : first;
            }
        }
        return first == null ? ExitCode.OK.number() : first.exit().number();
    }
}
