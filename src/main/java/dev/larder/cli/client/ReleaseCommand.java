package dev.larder.cli.client;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Releases claims by their ids, or all that match. */
@Command(
        name = "release",
        description = {
            "Releases claims, and prints the id of each. A claim that has ended is no error.",
            "--all releases every claim that the caller sees: a member's own, for other roles those of the"
                    + " organization. It says how many first, and asks."
        },
        footerHeading = "%nExamples:%n",
        footer = {"  larder release $LARDER_CLAIM_ID", "  larder release --all --label job=42 --yes"})
public final class ReleaseCommand extends CallingCommand {

    /** Claims that one command releases. */
    private static final int CLAIMS_MAX = 1_000;

    private static final Set<String> OPEN = Set.of("active", "waiting");

    @Parameters(arity = "0..*", paramLabel = "CLAIM", description = "The id of a claim.")
    List<String> claims = new ArrayList<>();

    @Option(names = "--all", description = "All claims that the caller sees, with --label those with the labels.")
    boolean all;

    @Option(
            names = {"-l", "--label"},
            paramLabel = "KEY=VALUE",
            description = "With --all: those with this label. Repeatable: all must match.")
    List<String> labels = new ArrayList<>();

    @Option(names = "--dry-run", description = "With --all: says how many match, and prints their ids.")
    boolean dryRun;

    @Option(names = "--yes", description = "With --all: does not ask. Needed without a terminal.")
    boolean yes;

    @Override
    int run(Terminal terminal) {
        refuseUnusable();
        Session session = session(terminal, new OutputOptions());
        if (!all) {
            return released(session, claims);
        }
        List<String> found = found(session);
        session.output().notice(found.size() + (found.size() == 1 ? " claim matches" : " claims match"));
        if (dryRun) {
            found.forEach(session.output()::line);
            return ExitCode.OK.number();
        }
        if (!found.isEmpty() && !yes && !isWanted(terminal)) {
            session.output().notice("nothing is released");
            return ExitCode.FAILED.number();
        }
        return released(session, found);
    }

    private void refuseUnusable() {
        if (all != claims.isEmpty()) {
            throw usage(all ? "CLAIM and --all exclude each other." : "Missing: CLAIM, or --all.");
        }
        if (!all && (dryRun || yes || !labels.isEmpty())) {
            throw usage("--label, --dry-run and --yes need --all.");
        }
    }

    private List<String> found(Session session) {
        String path = Paths.of("claims");
        if (!labels.isEmpty()) {
            path = Paths.with(path, "label", String.join(",", labels));
        }
        ApiClient.Listed listed = session.api().list(path, CLAIMS_MAX);
        if (listed.more()) {
            session.output().notice("only the first " + CLAIMS_MAX + " claims are looked at");
        }
        return listed.items().stream()
                .filter(claim -> OPEN.contains(Json.text(claim, "status")))
                .map(claim -> Json.text(claim, "id"))
                .toList();
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
    private static int released(Session session, List<String> claims) {
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
