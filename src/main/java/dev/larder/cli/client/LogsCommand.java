package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Prints the log of a job. */
@Command(
        name = "logs",
        description = "Prints the log of a job, or of a build of a workspace or of a claim's workspace.",
        footerHeading = "%nExamples:%n",
        footer = {"  larder logs -f $LARDER_CLAIM_ID", "  larder logs JOB", "  larder logs WORKSPACE --build=1"})
public final class LogsCommand extends CallingCommand {

    @Parameters(paramLabel = "ID", description = "Of a job, a workspace or a claim.")
    @SuppressWarnings("NullAway.Init")
    String id;

    @Option(
            names = {"-f", "--follow"},
            description = "Goes on until the job has ended, also after a cut connection.")
    boolean follow;

    @Option(
            names = "--build",
            paramLabel = "NUMBER",
            description = "Which build of the workspace. Default: the newest.")
    @Nullable
    Integer build;

    @Option(names = "--times", description = "The time of each line before it.")
    boolean times;

    @Override
    int run(Terminal terminal) {
        Session session = session(terminal, new OutputOptions());
        ApiClient api = session.api();
        String job = JobOf.id(api, id, build == null ? OptionalInt.empty() : OptionalInt.of(build));
        if (follow) {
            follow(api, job, session.output());
        } else {
            print(api, job, session.output());
        }
        return ExitCode.OK.number();
    }

    private void print(ApiClient api, String job, Output output) {
        Optional<String> after = Optional.empty();
        do {
            String path = Paths.of("jobs", job, "logs");
            JsonNode page = api.get(
                            after.map(from -> Paths.with(path, "after", from)).orElse(path))
                    .body();
            for (JsonNode line : page.path("items")) {
                output.line(text(line));
            }
            after = Optional.ofNullable(Json.textOrNull(page, "next"));
        } while (after.isPresent());
    }

    private void follow(ApiClient api, String job, Output output) {
        String path = Paths.of("jobs", job, "logs", "events");
        new EventFollower(headers -> api.open(path, headers), output::notice).follow(event -> taken(event, output));
    }

    private boolean taken(EventLines.Event event, Output output) {
        if (event.name().equals("end")) {
            output.notice("the job has ended: " + Table.printable(event.data()));
            return false;
        }
        try {
            output.line(text(Json.read(event.data())));
            return true;
        } catch (IOException malformed) {
            throw Failure.of(ExitCode.FAILED, "the server sent a line that is no JSON");
        }
    }

    private String text(JsonNode line) {
        String text = Json.text(line, "line");
        return times ? Json.text(line, "at") + " " + text : text;
    }
}
