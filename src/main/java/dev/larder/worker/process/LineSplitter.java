package dev.larder.worker.process;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Splits a stream of bytes into lines in bounded memory. Bytes of a line beyond the limit are dropped. Not
 * thread-safe.
 */
final class LineSplitter {

    /** Receives each line when it ends. {@code cut} is true if the line was longer than the limit. */
    interface Sink {
        void line(String text, boolean cut);
    }

    private final int limit;
    private final Sink sink;
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();
    private boolean cut;

    LineSplitter(int limit, Sink sink) {
        this.limit = limit;
        this.sink = sink;
    }

    void take(byte[] bytes, int count) {
        int from = 0;
        for (int at = 0; at < count; at++) {
            if (bytes[at] == '\n') {
                keep(bytes, from, at);
                end();
                from = at + 1;
            }
        }
        keep(bytes, from, count);
    }

    /**
     * The index after the end of the line that contains {@code from}; {@code to} if the line does not end before
     * it.
     */
    static int end(byte[] bytes, int from, int to) {
        int at = from;
        while (at < to && bytes[at] != '\n') {
            at++;
        }
        return Math.min(to, at + 1);
    }

    private void keep(byte[] bytes, int from, int to) {
        int room = limit - line.size();
        line.write(bytes, from, Math.min(room, to - from));
        cut |= to - from > room;
    }

    private void end() {
        String text = line.toString(StandardCharsets.UTF_8);
        sink.line(text.endsWith("\r") ? text.substring(0, text.length() - 1) : text, cut);
        line.reset();
        cut = false;
    }

    /** Passes on the last line if it has no line end. */
    void close() {
        if (isInLine()) {
            end();
        }
    }

    boolean isInLine() {
        return line.size() > 0 || cut;
    }
}
