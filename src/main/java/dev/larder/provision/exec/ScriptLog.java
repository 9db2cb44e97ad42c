package dev.larder.provision.exec;

import dev.larder.pool.LogLine;
import java.time.InstantSource;
import java.util.function.Consumer;

/**
 * What a job's scripts print, on its way to the job's log: masked, and up to a limit; then one line says so and the rest
 * is dropped. Not thread-safe.
 */
final class ScriptLog {

    private static final int BYTES_PER_LINE = 32;

    private final Consumer<LogLine> log;
    private final InstantSource clock;
    private final Masks masks;
    private long bytesLeft;
    private boolean full;

    ScriptLog(Consumer<LogLine> log, InstantSource clock, Masks masks, int bytesMax) {
        this.log = log;
        this.clock = clock;
        this.masks = masks;
        this.bytesLeft = bytesMax;
    }

    Lines.Sink stream(String name) {
        return (text, cut) -> line(name, text, cut);
    }

    /** Whether all that is to come will be dropped. */
    boolean isFull() {
        return full;
    }

    /** From Larder itself; not counted. */
    private void note(String text) {
        log.accept(new LogLine(clock.instant(), "larder", text));
    }

    private void line(String stream, String text, boolean cut) {
        if (full) {
            return;
        }
        bytesLeft -= text.length() + BYTES_PER_LINE;
        if (bytesLeft < 0) {
            full = true;
            note("the log is full; what the script prints from here on is dropped");
            return;
        }
        String shown = cut ? masks.maskCut(text) + " … (line cut)" : masks.mask(text);
        log.accept(new LogLine(clock.instant(), stream, shown));
    }
}
