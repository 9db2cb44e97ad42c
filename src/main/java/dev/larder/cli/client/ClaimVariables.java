package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.Charset;
import java.nio.charset.CharsetEncoder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A claim as environment variables: what {@code claim -o env} prints, and what {@code claim -- COMMAND} gives to the
 * command.
 *
 * <ul>
 *   <li>{@code LARDER_CLAIM_ID}, {@code LARDER_CLAIM_WORKSPACE_ID}, {@code LARDER_CLAIM_WORKSPACE_NAME},
 *       {@code LARDER_CLAIM_ORGANIZATION}, {@code LARDER_CLAIM_TEMPLATE}, {@code LARDER_CLAIM_PRESET};
 *   <li>{@code LARDER_OUTPUT_<NAME>} for each output of the workspace: the name in upper case, with {@code _} for
 *       every character that is no letter A to Z, digit or {@code _}.
 * </ul>
 *
 * <p>None has the name of a variable that a script of backend exec gets: when a worker on this host deletes the
 * workspace, it kills every process that has {@code LARDER_WORKSPACE_ID} of it. None changes what a later command of
 * {@code larder} does.
 *
 * @param values by name, in the order in which they are printed
 * @param problems sentences about outputs that are not among the values; they contain no value
 */
record ClaimVariables(Map<String, String> values, List<String> problems) {

    private static final String OUTPUT = "LARDER_OUTPUT_";

    static ClaimVariables of(JsonNode claim) {
        Map<String, String> values = new LinkedHashMap<>();
        List<String> problems = new ArrayList<>();
        JsonNode workspace = claim.path("workspace");
        put(values, "LARDER_CLAIM_ID", claim.path("id"));
        put(values, "LARDER_CLAIM_WORKSPACE_ID", workspace.path("id"));
        put(values, "LARDER_CLAIM_WORKSPACE_NAME", workspace.path("name"));
        put(values, "LARDER_CLAIM_ORGANIZATION", workspace.path("organization"));
        put(values, "LARDER_CLAIM_TEMPLATE", workspace.path("template"));
        put(values, "LARDER_CLAIM_PRESET", workspace.path("preset"));
        outputs(workspace.path("outputs"), values, problems);
        return new ClaimVariables(values, problems);
    }

    private static void put(Map<String, String> values, String name, JsonNode value) {
        if (value.isValueNode() && !value.isNull()) {
            values.put(name, value.asText());
        }
    }

    /** Of two outputs with the same variable, the first one has it. */
    private static void outputs(JsonNode outputs, Map<String, String> values, List<String> problems) {
        Map<String, String> taken = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> output : outputs.properties()) {
            String name = variable(output.getKey());
            String text = output.getValue().asText();
            if (text.indexOf('\0') >= 0) {
                problems.add("output " + Table.printable(output.getKey())
                        + " is left out: it contains U+0000, which no environment variable can hold");
            } else if (taken.putIfAbsent(name, output.getKey()) == null) {
                values.put(name, text);
            } else {
                problems.add("output " + Table.printable(output.getKey()) + " is left out: " + name + " is output "
                        + Table.printable(taken.getOrDefault(name, "")));
            }
        }
    }

    /** The variable of an output. */
    static String variable(String output) {
        return OUTPUT + output.toUpperCase(Locale.ROOT).replaceAll("[^A-Z0-9_]", "_");
    }

    /**
     * As commands of a POSIX shell that set and export the variables. The text is safe for {@code eval}: every value
     * stands in single quotes, so that the shell expands nothing in it.
     */
    String exports() {
        return values.entrySet().stream()
                .map(value -> "export " + value.getKey() + "=" + quoted(value.getValue()) + "\n")
                .collect(Collectors.joining());
    }

    private static String quoted(String value) {
        return "'" + value.replace("'", "'\\''") + "'";
    }

    /** The variables whose values cannot be written in this character set, in which the system takes them. */
    List<String> unwritable(Charset charset) {
        CharsetEncoder encoder = charset.newEncoder();
        return values.entrySet().stream()
                .filter(value -> !encoder.canEncode(value.getValue()))
                .map(Map.Entry::getKey)
                .toList();
    }

    /** Only the names: the values are secret. */
    @Override
    public String toString() {
        return "ClaimVariables" + values.keySet();
    }
}
