package dev.larder.dump;

import java.io.IOException;
import java.io.InputStream;

/** Reads bytes with a look ahead, and counts lines. */
final class ByteReader {

    private static final int SIZE = 65_536;

    /** How far {@link #peek} can look. */
    static final int AHEAD = 512;

    private final InputStream in;
    private final byte[] buffer = new byte[SIZE];
    private int position;
    private int limit;
    private long line = 1;

    ByteReader(InputStream in) {
        this.in = in;
    }

    /** The line of the next byte, counted from 1. */
    long line() {
        return line;
    }

    /** The next byte; -1 at the end. */
    int read() throws IOException {
        if (position == limit && !fill(1)) {
            return -1;
        }
        byte next = buffer[position++];
        if (next == '\n') {
            line++;
        }
        return next & 0xff;
    }

    /** The byte {@code ahead} bytes after the next one, 0 for the next one; -1 beyond the end. */
    int peek(int ahead) throws IOException {
        return limit - position > ahead || fill(ahead + 1) ? buffer[position + ahead] & 0xff : -1;
    }

    /** Whether the next bytes are these. */
    boolean startsWith(byte[] bytes) throws IOException {
        for (int i = 0; i < bytes.length; i++) {
            if (peek(i) != (bytes[i] & 0xff)) {
                return false;
            }
        }
        return true;
    }

    void skip(int count) throws IOException {
        for (int i = 0; i < count; i++) {
            int ignored = read();
        }
    }

    /** Reads to the end of the line, and at most {@code length} bytes. Returns how many; -1 at the end. */
    int readInLine(byte[] into, int offset, int length) throws IOException {
        if (position == limit && !fill(1)) {
            return -1;
        }
        int end = Math.min(limit, position + length);
        int at = position;
        while (at < end && buffer[at] != '\n') {
            at++;
        }
        int count = (at < end ? at + 1 : at) - position;
        System.arraycopy(buffer, position, into, offset, count);
        position += count;
        if (at < end) {
            line++;
        }
        return count;
    }

    private boolean fill(int least) throws IOException {
        if (position > 0) {
            System.arraycopy(buffer, position, buffer, 0, limit - position);
            limit -= position;
            position = 0;
        }
        while (limit < least) {
            int count = in.read(buffer, limit, SIZE - limit);
            if (count < 0) {
                return false;
            }
            limit += count;
        }
        return true;
    }
}
