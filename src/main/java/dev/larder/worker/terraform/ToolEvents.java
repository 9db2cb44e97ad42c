package dev.larder.worker.terraform;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.model.JsonText;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Turns what the tool prints into lines for people: one line for each event, without colours. It remembers the errors
 * of the command that runs, which say why it failed. Not thread-safe.
 */
final class ToolEvents {

    private static final int CHARACTERS_MAX = 8_000;
    private static final int ERRORS_MAX = 20;
    private static final String BLANKS = "\\s+";
    private static final String COLOUR = "\u001b\\[[0-9;]*m";

    private final List<Problem> errors = new ArrayList<>();

    /**
     * An error as the tool says it.
     *
     * @param inModule whether it names a place in the module's files
     */
    record Problem(String text, boolean inModule) {}

    /** The errors since the last {@link #begin}. */
    List<Problem> errors() {
        return List.copyOf(errors);
    }

    /** Another command begins. */
    void begin() {
        errors.clear();
    }

    /** The line that stands for a printed one; blank for one that says nothing to people. */
    String line(String printed) {
        if (!printed.startsWith("{\"@")) {
            return plain(printed);
        }
        Optional<JsonNode> event = JsonText.read(printed);
        return event.isEmpty() ? "(an event that is too long to be shown)" : shortened(line(event.get()));
    }

    private String line(JsonNode event) {
        String type = event.path("type").asText();
        String message = event.path("@message").asText();
        return switch (type) {
            case "diagnostic" -> diagnostic(event.path("diagnostic"));
            // They tell which resources are looked at; what has changed follows.
            case "refresh_start", "refresh_complete", "provision_start", "log", "outputs" -> "";
            case "init_output" -> event.path("message_code").asText().endsWith("cli_message") ? "" : message;
            default -> message;
        };
    }

    private String diagnostic(JsonNode diagnostic) {
        boolean error = diagnostic.path("severity").asText().equals("error");
        String summary = diagnostic.path("summary").asText();
        String detail = diagnostic.path("detail").asText();
        String text = summary + (detail.isEmpty() ? "" : ": " + detail);
        JsonNode range = diagnostic.path("range");
        if (range.isObject()) {
            text += " (" + range.path("filename").asText() + ", line "
                    + range.path("start").path("line").asInt() + ")";
        }
        if (error) {
            remember(new Problem(shortened(text), range.isObject()));
        }
        return (error ? "Error: " : "Warning: ") + text;
    }

    private void remember(Problem problem) {
        if (errors.size() < ERRORS_MAX && !errors.contains(problem)) {
            errors.add(problem);
        }
    }

    /** A tool whose command cannot print JSON, a script of the module, or a crash. */
    private String plain(String printed) {
        String text = printed.replaceAll(COLOUR, "").replaceFirst("^[│╷╵|] ?", "");
        if (text.startsWith("Error: ")) {
            remember(new Problem(shortened(text.substring("Error: ".length())), false));
        }
        return text;
    }

    private static String shortened(String text) {
        String line = text.replaceAll(BLANKS, " ").strip();
        return line.length() <= CHARACTERS_MAX ? line : line.substring(0, CHARACTERS_MAX) + " …";
    }
}
