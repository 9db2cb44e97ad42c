package dev.larder.worker.process;

import dev.larder.model.LogLine;
import dev.larder.worker.LogEnd;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/**
 * Carries the output of a job's processes to the log of the job: secrets masked, long lines cut, within a limit. The
 * first half of the limit is passed on at once. The second half holds the end of the output and is passed on by
 * {@link #close}, after a line that says how much was left out. The end is kept as bytes, because most bytes of a long
 * output are never shown. Not thread-safe.
 */
public final class OutputLog {

    private static final int BYTES_PER_LINE = 32;
    private static final int PIECE_BYTES_MIN = 16;
    private static final int PIECE_BYTES_MAX = 2_048;
    private static final int PIECES_MIN = 8;
    private static final String CUT = " … (line cut)";
    private static final String LONG =
            "this is a long log: from here on only its end is kept, and shown when the job has ended";

    private final Consumer<LogLine> log;
    private final InstantSource clock;
    private final SecretMasker masker;
    private final UnaryOperator<String> reader;
    private final int lineLimit;
    private final LogEnd<Piece> end;
    private final int pieceBytes;
    private final Map<String, Stream> streams = new HashMap<>();
    private long beginningLeft;
    private boolean isLong;
    private long linesLeftOut;
    private long bytesLeftOut;

    /**
     * @param lineLimit bytes of one line; a longer line is cut
     * @param bytesMax bytes of the whole log, counting 32 for each line
     */
    public OutputLog(Consumer<LogLine> log, InstantSource clock, SecretMasker masker, int lineLimit, int bytesMax) {
        this(log, clock, masker, UnaryOperator.identity(), lineLimit, bytesMax);
    }

    /**
     * A log of processes that print for programs.
     *
     * @param reader what a printed line, perhaps cut, is in the log: one line, or blank to leave it out. It may be
     *     asked twice for one line, the second time with its own answer
     */
    public OutputLog(
            Consumer<LogLine> log,
            InstantSource clock,
            SecretMasker masker,
            UnaryOperator<String> reader,
            int lineLimit,
            int bytesMax) {
        this.reader = reader;
        this.log = log;
        this.clock = clock;
        this.masker = masker;
        this.lineLimit = lineLimit;
        this.beginningLeft = bytesMax / 2;
        this.end = new LogEnd<>(bytesMax / 2, this::leftOut);
        // Small enough that a piece of empty lines takes only a part of the limit.
        this.pieceBytes =
                Math.clamp(bytesMax / 2 / PIECES_MIN / (1 + BYTES_PER_LINE), PIECE_BYTES_MIN, PIECE_BYTES_MAX);
    }

    /** @param name {@code stdout} or {@code stderr}; processes that run one after the other share a stream */
    Stream stream(String name) {
        return streams.computeIfAbsent(name, Stream::new);
    }

    /** Adds a line of Larder itself. */
    public void note(String text) {
        byte[] line = (text + "\n").getBytes(StandardCharsets.UTF_8);
        stream("larder").take(line, line.length);
    }

    /** Passes on the end of the log. Nothing may be added after it. */
    public void close() {
        List<Piece> last = end.take();
        if (bytesLeftOut > 0) {
            log.accept(new LogLine(
                    clock.instant(),
                    "larder",
                    linesLeftOut + " lines (" + bytesLeftOut + " bytes) were left out here"));
        }
        last.forEach(piece -> piece.stream().passOn(piece));
        streams.values().forEach(stream -> stream.late.close());
    }

    private void leftOut(Piece piece) {
        linesLeftOut += piece.lines();
        bytesLeftOut += piece.bytes().length;
        piece.stream().beginsInLine = !piece.endsLine();
    }

    /** Bytes that one stream printed at one time, kept for the end of a long log. */
    private record Piece(Stream stream, Instant at, byte[] bytes) {

        int lines() {
            int lines = 0;
            for (byte one : bytes) {
                if (one == '\n') {
                    lines++;
                }
            }
            return lines;
        }

        boolean endsLine() {
            return bytes[bytes.length - 1] == '\n';
        }
    }

    /** One stream of output. */
    final class Stream {

        private final String name;
        private final LineSplitter early;
        private final LineSplitter late;
        private Instant at = Instant.EPOCH;
        private boolean keptInLine;
        private boolean beginsInLine;

        private Stream(String name) {
            this.name = name;
            this.early = new LineSplitter(lineLimit, this::early);
            this.late = new LineSplitter(lineLimit, this::late);
        }

        /** A line that began before the log became long is read to its end, so that it is cut and masked as one. */
        void take(byte[] bytes, int count) {
            at = clock.instant();
            int from = 0;
            if (!isLong) {
                from = count;
            } else if (early.isInLine()) {
                from = LineSplitter.end(bytes, 0, count);
            }
            early.take(bytes, from);
            if (from < count) {
                keep(bytes, from, count);
            }
        }

        /** A process has ended: its last output is a line, even without a line end. */
        void endLine() {
            early.close();
            if (keptInLine) {
                keep(new byte[] {'\n'}, 0, 1);
            }
        }

        private void early(String printed, boolean cut) {
            String text = reader.apply(printed);
            if (text.isBlank() && !printed.isBlank()) {
                return;
            }
            long cost = text.length() + BYTES_PER_LINE;
            if (!isLong && cost > beginningLeft) {
                isLong = true;
                log.accept(new LogLine(at, "larder", LONG));
            }
            if (isLong) {
                byte[] line = (shown(text, cut) + "\n").getBytes(StandardCharsets.UTF_8);
                keep(line, 0, line.length);
            } else {
                beginningLeft -= cost;
                say(text, cut);
            }
        }

        private void keep(byte[] bytes, int from, int to) {
            for (int begin = from; begin < to; begin += pieceBytes) {
                Piece piece = new Piece(this, at, Arrays.copyOfRange(bytes, begin, Math.min(to, begin + pieceBytes)));
                keptInLine = !piece.endsLine();
                end.add(name, piece, piece.bytes().length + (long) BYTES_PER_LINE * (1 + piece.lines()));
            }
        }

        /** Leaves out the rest of a line whose beginning was left out: a secret could not be found in it. */
        private void passOn(Piece piece) {
            at = piece.at();
            byte[] bytes = piece.bytes();
            int from = beginsInLine ? LineSplitter.end(bytes, 0, bytes.length) : 0;
            beginsInLine = beginsInLine && from == bytes.length && !piece.endsLine();
            byte[] rest = Arrays.copyOfRange(bytes, from, bytes.length);
            late.take(rest, rest.length);
        }

        private void late(String printed, boolean cut) {
            String text = reader.apply(printed);
            if (!text.isBlank() || printed.isBlank()) {
                say(text, cut);
            }
        }

        private void say(String text, boolean cut) {
            log.accept(new LogLine(at, name, shown(text, cut)));
        }

        private String shown(String text, boolean cut) {
            return cut ? masker.maskCut(text) + CUT : masker.mask(text);
        }
    }
}
