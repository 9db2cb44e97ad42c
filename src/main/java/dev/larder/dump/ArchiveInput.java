package dev.larder.dump;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.zip.Inflater;
import java.util.zip.InflaterInputStream;
import org.jspecify.annotations.Nullable;

/** The numbers, texts and blocks of an archive. Text has a character for each byte. */
final class ArchiveInput {

    /** Bytes of all texts of the table of contents. */
    private static final long TEXTS_MAX = 64L * 1024 * 1024;

    private static final int SIZE_MAX = 8;
    private static final int BITS = 8;

    private final InputStream in;
    private int integerBytes = 4;
    private int offsetBytes = SIZE_MAX;
    private long textBytes;

    ArchiveInput(InputStream in) {
        this.in = in;
    }

    void sizes(int integers, int offsets) {
        if (integers < 1 || integers > SIZE_MAX || offsets < 1 || offsets > SIZE_MAX) {
            throw damaged();
        }
        integerBytes = integers;
        offsetBytes = offsets;
    }

    static DumpRefused damaged() {
        return new DumpRefused("", "an archive that is damaged");
    }

    void skip(int bytes) throws IOException {
        in.skipNBytes(bytes);
    }

    int byteValue() throws IOException {
        int next = in.read();
        if (next < 0) {
            throw new EOFException();
        }
        return next;
    }

    /** A sign, then the bytes of the number, the lowest first. */
    int integer() throws IOException {
        boolean negative = byteValue() != 0;
        long number = 0;
        for (int i = 0; i < integerBytes; i++) {
            number |= (long) byteValue() << (i * BITS);
        }
        if (number < 0 || number > 0xffff_ffffL) {
            throw damaged();
        }
        return (int) (negative ? -number : number);
    }

    /** Null where the archive has no text. */
    @Nullable
    String text() throws IOException {
        int length = integer();
        if (length == -1) {
            return null;
        }
        textBytes += length;
        if (length < 0 || textBytes > TEXTS_MAX) {
            throw new DumpRefused("", "an archive whose table of contents is damaged, or larger than 64 MB");
        }
        byte[] bytes = in.readNBytes(length);
        if (bytes.length < length) {
            throw new EOFException();
        }
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    /** The same; empty where the archive has no text. */
    String textOrEmpty() throws IOException {
        String text = text();
        return text == null ? "" : text;
    }

    /** Reads whether an entry has data, and where. Only the first is needed. */
    boolean hasData() throws IOException {
        int state = byteValue();
        skip(offsetBytes);
        return state == 1 || state == 2;
    }

    /** The content of the block that begins here. It must be read to its end. */
    InputStream block(boolean compressed) throws IOException {
        Chunks chunks = new Chunks();
        return compressed && !chunks.ended() ? new Inflated(chunks) : chunks;
    }

    /** Reads on after the end of the compressed data, to the end of the block. */
    private static final class Inflated extends InflaterInputStream {

        private boolean done;

        private Inflated(InputStream chunks) {
            super(chunks, new Inflater(), 65_536);
        }

        @Override
        public int read(byte[] into, int offset, int length) throws IOException {
            int count = done ? -1 : super.read(into, offset, length);
            if (count < 0 && !done) {
                done = true;
                long ignored = in.transferTo(OutputStream.nullOutputStream());
                inf.end();
            }
            return count;
        }
    }

    /** Pieces, each after its length, up to one of length 0. */
    private final class Chunks extends InputStream {

        private int left;
        private boolean ended;

        private Chunks() throws IOException {
            nextPiece();
        }

        private boolean ended() {
            return ended;
        }

        private void nextPiece() throws IOException {
            left = integer();
            if (left < 0) {
                throw damaged();
            }
            ended = left == 0;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] into, int offset, int length) throws IOException {
            if (ended) {
                return -1;
            }
            int count = in.read(into, offset, Math.min(left, length));
            if (count < 0) {
                throw new EOFException();
            }
            left -= count;
            if (left == 0) {
                nextPiece();
            }
            return count;
        }
    }
}
