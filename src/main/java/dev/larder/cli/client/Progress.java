package dev.larder.cli.client;

import java.util.OptionalInt;

/** What a command waits for, on standard error. In a terminal a line replaces the one before. */
final class Progress {

    private static final String TO_LINE_START = "\r\u001B[K";

    private final Terminal terminal;
    private final OptionalInt columns;
    private String shown = "";

    Progress(Terminal terminal) {
        this.terminal = terminal;
        this.columns = terminal.errScreen().columns();
    }

    /** Shows the sentence, unless it is the one that is shown. */
    void say(String sentence) {
        if (sentence.equals(shown)) {
            return;
        }
        shown = sentence;
        if (columns.isEmpty()) {
            terminal.err().println("larder: " + sentence);
            return;
        }
        int width = columns.getAsInt() - 1;
        String line = sentence.length() <= width ? sentence : sentence.substring(0, width - 1) + "…";
        terminal.err().print(TO_LINE_START + line);
        terminal.err().flush();
    }

    /** Removes the line, so that what follows begins at the start of one. */
    void end() {
        if (columns.isPresent() && !shown.isEmpty()) {
            terminal.err().print(TO_LINE_START);
            terminal.err().flush();
        }
    }
}
