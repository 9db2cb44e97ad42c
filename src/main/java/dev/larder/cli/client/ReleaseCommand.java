package dev.larder.cli.client;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Releases claims. */
@Command(
        name = "release",
        description = "Releases claims. A claim that has ended is no error.",
        footerHeading = "%nExamples:%n",
        footer = {"  larder release $LARDER_CLAIM_ID"})
public final class ReleaseCommand extends CallingCommand {

    @Parameters(arity = "0..*", paramLabel = "CLAIM", description = "The id of a claim.")
    List<String> claims = new ArrayList<>();

    @Override
    int run(Terminal terminal) {
        Session session = session(terminal, new OutputOptions());
        return released(session);
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
