package dev.larder.cli.client;

import java.util.regex.Pattern;

/** Colours of words that say a state. The text stays the same without them. */
final class Colors {

    private static final String END = "\u001B[0m";
    private static final String BOLD = "\u001B[1m";
    private static final String RED = "\u001B[31m";
    private static final String GREEN = "\u001B[32m";
    private static final String YELLOW = "\u001B[33m";

    private static final Pattern GOOD = word("ready|healthy|active|succeeded");
    private static final Pattern BAD = word("failed|hard_limited|validation_failed|timed_out|expired|quarantined");
    private static final Pattern BETWEEN =
            word("waiting|pending|running|starting|building|canceling|deleting|paused|verifying");

    private final boolean on;

    Colors(boolean on) {
        this.on = on;
    }

    private static Pattern word(String words) {
        return Pattern.compile("(?<= )(" + words + ")(?= |$)");
    }

    String heading(String line) {
        return on ? BOLD + line + END : line;
    }

    /** The line with its words of state coloured. The first word of a line is a name, and stays as it is. */
    String words(String line) {
        return on ? in(BETWEEN, YELLOW, in(BAD, RED, in(GOOD, GREEN, line))) : line;
    }

    private static String in(Pattern words, String color, String line) {
        return words.matcher(line).replaceAll(color + "$1" + END);
    }
}
