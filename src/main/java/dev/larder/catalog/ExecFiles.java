package dev.larder.catalog;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Checks the files of backend {@code exec}. Larder runs six of them by name; all others are for these scripts
 * to use. A file whose name looks like one of the six, and which no other file names, would never run: it is
 * refused.
 */
final class ExecFiles {

    /** The names that Larder runs. */
    static final List<String> SCRIPTS =
            List.of("start.sh", "ready.sh", "verify.sh", "claim.sh", "reset.sh", "delete.sh");

    // Names like those of scripts in another case, with another ending, or with one that an editor has added.
    private static final Pattern LIKE_A_SCRIPT = Pattern.compile("(start|ready|verify|claim|reset|stop|delete)"
            + "(\\.(sh|bash|zsh|ksh|dash|py|pl|rb|js|ps1|bat|cmd))?(\\.(txt|bak|old|orig))?~?");

    private static final Set<String> SHELLS = Set.of("sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "busybox");
    private static final Pattern INTERPRETER = Pattern.compile("#![ \\t]*(?:\\S*/env[ \\t]+(?:-S[ \\t]+)?)?(\\S+)");
    private static final String BYTE_ORDER_MARK = "\uFEFF";

    private ExecFiles() {}

    /**
     * Codes: {@code missing_start_script}, {@code empty_script}, {@code script_never_run},
     * {@code windows_line_ends}, {@code byte_order_mark}, {@code file_must_be_text}.
     *
     * @param uploads the paths of uploaded files, whose content is not read
     */
    static void check(Map<String, String> files, Set<String> uploads, Refusals refusals) {
        for (String path : uploads) {
            if (SCRIPTS.contains(path)) {
                refusals.add("file_must_be_text", FieldPath.field("files", path), "is run: its text must be declared.");
            } else if (isLikeScript(path) && !isNamed(path, files)) {
                neverRun(path, refusals);
            }
        }
        if (!uploads.contains("start.sh") && files.getOrDefault("start.sh", "").isBlank()) {
            refusals.add("missing_start_script", "files", "backend exec needs a file start.sh.");
        }
        files.forEach((path, text) -> check(path, text, files, refusals));
    }

    private static void check(String path, String text, Map<String, String> files, Refusals refusals) {
        String field = FieldPath.field("files", path);
        boolean run = SCRIPTS.contains(path);
        if (run && text.isBlank() && !path.equals("start.sh")) {
            refusals.add("empty_script", field, "is empty. Leave it out where nothing is to be done.");
        }
        if (!run && isLikeScript(path) && !isNamed(path, files)) {
            neverRun(path, refusals);
        }
        if (text.startsWith(BYTE_ORDER_MARK) && (run || text.startsWith("#!", BYTE_ORDER_MARK.length()))) {
            refusals.add("byte_order_mark", field, "begins with a byte order mark (U+FEFF). Save it without one.");
        }
        if (isBrokenByLineEnds(run, text)) {
            refusals.add(
                    "windows_line_ends",
                    field,
                    "has lines that end as on Windows (CR LF), which shells do not understand. Save it with LF.");
        }
    }

    private static void neverRun(String path, Refusals refusals) {
        refusals.add(
                "script_never_run",
                FieldPath.field("files", path),
                "is never run. Larder runs " + String.join(", ", SCRIPTS) + ", and no other file names this one.");
    }

    private static boolean isLikeScript(String path) {
        return LIKE_A_SCRIPT.matcher(path.strip().toLowerCase(Locale.ROOT)).matches();
    }

    private static boolean isNamed(String path, Map<String, String> files) {
        return files.entrySet().stream()
                .anyMatch(other ->
                        !other.getKey().equals(path) && other.getValue().contains(path));
    }

    /**
     * The system reads the first line of a file that another script runs; of the scripts, shells alone mind
     * the others.
     */
    private static boolean isBrokenByLineEnds(boolean run, String text) {
        if (!run) {
            return text.startsWith("#!") && firstLine(text).endsWith("\r");
        }
        Matcher interpreter = INTERPRETER.matcher(firstLine(text).strip());
        String program = interpreter.lookingAt() ? interpreter.group(1) : "sh";
        return text.contains("\r\n") && SHELLS.contains(program.substring(program.lastIndexOf('/') + 1));
    }

    private static String firstLine(String text) {
        int end = text.indexOf('\n');
        return end < 0 ? text : text.substring(0, end);
    }
}
