package dev.larder.worker.exec;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Turns a stream of bytes into lines in bounded memory: a line holds at most so many bytes, the rest up to its end is
 * forgotten. Not thread-safe.
 */
final class Lines {

    /** Takes each line as it ends; {@code cut} tells that it was longer. */
    interface Sink {
        void line(String text, boolean cut);
    }

    private final int limit;
    private final Sink sink;
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();
    private boolean cut;

    Lines(int limit, Sink sink) {
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

    /** @return where the line ends that is there at {@code from}, its end included; {@code to} where it does not */
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

    /** What came after the last line end, if anything. */
    void close() {
        if (isInLine()) {
            end();
        }
    }

    boolean isInLine() {
        return line.size() > 0 || cut;
    }
}
