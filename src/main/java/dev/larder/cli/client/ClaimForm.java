package dev.larder.cli.client;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;

/** The forms in which {@code claim} prints what it was given. */
enum ClaimForm {
    /** Commands of a shell that set {@link ClaimVariables}. */
    env,
    json,
    yaml,
    /** The output {@code url} alone. */
    url,
    /** The id of the claim. */
    name;

    /** @return the text to print, with its line end */
    String text(JsonNode claim) {
        return switch (this) {
            case env -> ClaimVariables.of(claim).exports();
            case json -> tree(claim, Json::pretty) + "\n";
            case yaml -> tree(claim, Json::yaml);
            case url -> url(claim.path("workspace").path("outputs")) + "\n";
            case name -> Json.text(claim, "id") + "\n";
        };
    }

    private interface Written {
        String of(JsonNode claim) throws JsonProcessingException;
    }

    private static String tree(JsonNode claim, Written written) {
        try {
            return written.of(claim);
        } catch (JsonProcessingException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static String url(JsonNode outputs) {
        String url = Json.textOrNull(outputs, "url");
        if (url == null) {
            throw Failure.of(
                    ExitCode.FAILED,
                    "the workspace has no output 'url'. Its outputs: "
                            + Table.printable(String.join(", ", (Iterable<String>) outputs::fieldNames)));
        }
        return url;
    }
}
