package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Prints the events of a subject. */
@Command(
        name = "events",
        description = "Prints what happened to a workspace, claim, preset, state or clean-up, oldest first.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  larder events -w claim:$LARDER_CLAIM_ID",
            "  larder events workspace:$LARDER_CLAIM_WORKSPACE_ID -o json"
        })
public final class EventsCommand extends CallingCommand {

    private static final Pattern PARTITION = Pattern.compile("(workspace|claim|preset|state|cleanup):[0-9a-f-]{36}");

    /** How an event is printed. */
    enum Form {
        line,
        json
    }

    @Parameters(
            paramLabel = "SUBJECT",
            description = "KIND:ID: workspace:ID, claim:ID, preset:ID, state:ID, cleanup:ID.")
    @SuppressWarnings("NullAway.Init")
    String subject;

    @Option(
            names = {"-w", "--watch"},
            description = "Prints the events of the last minutes and those that follow, until Ctrl-C, also after a cut"
                    + " connection.")
    boolean watch;

    @Option(names = "--after", paramLabel = "NUMBER", description = "Those after this number.")
    @Nullable
    Long after;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FORM",
            defaultValue = "line",
            description = "${COMPLETION-CANDIDATES}: an event in each line. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init")
    Form form;

    @Override
    int run(Terminal terminal) {
        if (!PARTITION.matcher(subject).matches()) {
            throw usage("'" + subject + "' is no KIND:ID.");
        }
        Session session = session(terminal, new OutputOptions());
        if (watch) {
            follow(session.api(), session.output());
        } else {
            print(session.api(), session.output());
        }
        return ExitCode.OK.number();
    }

    private void print(ApiClient api, Output output) {
        Optional<String> from = Optional.ofNullable(after).map(String::valueOf);
        do {
            JsonNode page = api.get(from(Paths.of("events", subject), from)).body();
            page.path("items").forEach(event -> output.line(text(event)));
            from = Optional.ofNullable(Json.textOrNull(page, "next"));
        } while (from.isPresent());
    }

    private static String from(String path, Optional<String> number) {
        return number.map(from -> Paths.with(path, "after", from)).orElse(path);
    }

    private void follow(ApiClient api, Output output) {
        String path = from(
                Paths.of("events", subject, "stream"),
                Optional.ofNullable(after).map(String::valueOf));
        new EventFollower(headers -> api.open(path, headers), output::notice).follow(event -> taken(event, output));
    }

    private boolean taken(EventLines.Event event, Output output) {
        if (event.name().equals("reset")) {
            output.notice("earlier events were removed");
            return true;
        }
        try {
            output.line(text(Json.read(event.data())));
            return true;
        } catch (IOException malformed) {
            throw Failure.of(ExitCode.FAILED, "the server sent an event that is no JSON");
        }
    }

    private String text(JsonNode event) {
        return form == Form.json
                ? Json.line(event)
                : Table.printable(Json.text(event, "at") + "  " + Json.text(event, "type") + "  "
                        + Json.line(event.path("data")));
    }
}
