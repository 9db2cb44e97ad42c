package dev.larder.dump;

import java.io.IOException;
import java.io.InputStream;

/** The rows after {@code COPY … FROM stdin;}, up to the line {@code \.}, with line ends of any kind. */
final class CopyRows extends InputStream {

    private final ByteReader in;
    private final long copyLine;
    private boolean lineStart = true;
    private boolean ended;

    /** @param copyLine the line of the COPY, for the refusal of rows that do not end */
    CopyRows(ByteReader in, long copyLine) {
        this.in = in;
        this.copyLine = copyLine;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    /** Reads to the end of a line at most. */
    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
        if (ended || length == 0) {
            return ended ? -1 : 0;
        }
        if (lineStart && atEnd()) {
            ended = true;
            return -1;
        }
        int count = in.readInLine(into, offset, length);
        if (count < 0) {
            throw DumpRefused.atLine(copyLine, "the rows of COPY are not ended by a line \\. (the file is cut off)");
        }
        lineStart = into[offset + count - 1] == '\n';
        return count;
    }

    private boolean atEnd() throws IOException {
        if (in.peek(0) != '\\' || in.peek(1) != '.') {
            return false;
        }
        int after = in.peek(2);
        int length = after == '\r' ? 4 : 3;
        if (after == -1 || after == '\n' || (after == '\r' && (in.peek(3) == '\n' || in.peek(3) == -1))) {
            in.skip(length);
            return true;
        }
        return false;
    }

    /** Reads what is left of the rows. */
    void skipRest() throws IOException {
        byte[] waste = new byte[8_192];
        int count = 0;
        while (count >= 0) {
            count = read(waste, 0, waste.length);
        }
    }
}
