package dev.larder.cli.client;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Stops the work on pools; claims go on. */
@Command(
        name = "pause",
        description = "Stops the creation of prebuilds, or all work on pools. Claims go on.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  larder pause preset demo/orders-database/small",
            "  larder pause template demo/orders-database --scope=all --for=2h",
            "  larder pause deployment"
        })
public final class PauseCommand extends LevelCommand {

    /** What a pause stops. */
    enum Scope {
        create,
        all
    }

    @Option(
            names = "--scope",
            paramLabel = "SCOPE",
            defaultValue = "create",
            description = "${COMPLETION-CANDIDATES}: only the creation, or deletions too. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init")
    Scope scope;

    @Option(names = "--for", paramLabel = "DURATION", description = "Ends by itself after this time: 2h.")
    @Nullable
    Duration length;

    @Option(names = "--until", paramLabel = "TIME", description = "Ends by itself at this time (ISO 8601).")
    @Nullable
    Instant until;

    @Override
    ExitCode run(Session session) {
        refuseUnusable();
        if (length != null && until != null) {
            throw usage("--for and --until exclude each other.");
        }
        ObjectNode body = Json.object().put("scope", scope.name());
        Instant end = end(session);
        if (end != null) {
            body.put("until", end.toString());
        }
        Answer answer = level == Level.deployment
                ? session.api().put(path(session), body.put("paused", true))
                : session.api().post(path(session) + "/pause", body);
        print(session, answer, subject() + " is paused" + (end == null ? "" : " until " + end));
        return ExitCode.OK;
    }

    /** Counted from the server's time. */
    private @Nullable Instant end(Session session) {
        if (length == null) {
            return until;
        }
        Duration added = length;
        return session.api()
                .get(Paths.of("me"))
                .at()
                .map(now -> now.plus(added))
                .orElseThrow(() -> Failure.of(ExitCode.FAILED, "the server does not say its time; use --until"));
    }
}
