package dev.larder.cli.client;

import java.time.Duration;
import java.util.OptionalInt;
import java.util.function.LongSupplier;

/**
 * What a command waits for, on standard error. On a terminal one line is replaced by the next; elsewhere a line is
 * printed at first and then every half minute. Not for several threads.
 */
final class Progress {

    private static final Duration EVERY = Duration.ofSeconds(30);
    private static final String CLEARED = "\r\u001B[K";

    private final Terminal terminal;
    private final LongSupplier nanos;
    private boolean shown;
    private long printedAt;

    Progress(Terminal terminal, LongSupplier nanos) {
        this.terminal = terminal;
        this.nanos = nanos;
    }

    void show(String sentence) {
        String line = "larder: " + Table.printable(sentence);
        OptionalInt columns = terminal.errScreen().columns();
        if (columns.isPresent()) {
            // A line that fills the last column would make the terminal scroll.
            int room = columns.getAsInt() - 1;
            terminal.err().print(CLEARED + (line.length() <= room ? line : line.substring(0, room - 1) + "…"));
            terminal.err().flush();
            shown = true;
        } else if (!shown || nanos.getAsLong() - printedAt >= EVERY.toNanos()) {
            terminal.err().println(line);
            printedAt = nanos.getAsLong();
            shown = true;
        }
    }

    /** Removes the line from a terminal. The next line is printed wherever it goes. */
    void clear() {
        if (shown && terminal.errScreen().columns().isPresent()) {
            terminal.err().print(CLEARED);
            terminal.err().flush();
        }
        shown = false;
    }
}
