package dev.larder.dump;

import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;
import org.jspecify.annotations.Nullable;

/**
 * A file of SQL or a dump, read step by step from its beginning to its end. Its content tells what it is: text, with
 * or without a byte order mark; the custom format of {@code pg_dump}; either of them gzipped. Steps may throw
 * {@link DumpRefused}.
 */
public final class DumpFile implements AutoCloseable {

    private static final int HEAD_BYTES = 4_096;
    private static final int BUFFER_BYTES = 65_536;
    private static final Pattern DUMP = Pattern.compile("(?m)^-- PostgreSQL database dump\\s*$");
    private static final Pattern CLUSTER = Pattern.compile("(?m)^-- PostgreSQL database cluster dump\\s*$");
    private static final Pattern FROM = Pattern.compile("(?m)^-- Dumped from database version ([0-9]{1,4})");

    private final InputStream in;
    private final Source source;
    private final boolean dump;
    private final OptionalInt madeFrom;
    private final Deque<Step> last = new ArrayDeque<>();

    private DumpFile(InputStream in, Source source, boolean dump, OptionalInt madeFrom) {
        this.in = in;
        this.source = source;
        this.dump = dump;
        this.madeFrom = madeFrom;
    }

    /** Steps in order; null at the end. */
    @FunctionalInterface
    private interface Source {

        @Nullable
        Step next() throws IOException;
    }

    /** Whether a file of this path is run; its content tells how. */
    public static boolean isRun(String path) {
        return path.endsWith(".sql") || path.endsWith(".sql.gz") || path.endsWith(".dump");
    }

    /**
     * Begins to read a file.
     *
     * @param file is closed with this
     * @throws DumpRefused if it is of a format that is not read, named in the message
     */
    public static DumpFile open(InputStream file) throws IOException {
        try {
            return begin(file);
        } catch (ZipException | EOFException broken) {
            throw damaged();
        }
    }

    private static DumpRefused damaged() {
        return new DumpRefused("", "the file is damaged or cut off");
    }

    private static DumpFile begin(InputStream file) throws IOException {
        InputStream in = new BufferedInputStream(file, BUFFER_BYTES);
        byte[] head = head(in);
        if (startsWith(head, 0x1f, 0x8b)) {
            in = new BufferedInputStream(new GZIPInputStream(in, BUFFER_BYTES), BUFFER_BYTES);
            head = head(in);
        }
        if (ArchiveReader.isArchive(head)) {
            ArchiveReader archive = ArchiveReader.open(in);
            return new DumpFile(in, archive::next, true, archive.madeFrom());
        }
        refuseOtherFormats(head);
        if (startsWith(head, 0xef, 0xbb, 0xbf)) {
            in.skipNBytes(3);
        }
        String text = new String(head, StandardCharsets.ISO_8859_1);
        if (CLUSTER.matcher(text).find()) {
            throw new DumpRefused("", "written by pg_dumpall, for a whole server: use pg_dump, for one database");
        }
        boolean dump = DUMP.matcher(text).find();
        Matcher from = FROM.matcher(text);
        OptionalInt madeFrom =
                dump && from.find() ? OptionalInt.of(Integer.parseInt(from.group(1))) : OptionalInt.empty();
        SqlSteps steps = new SqlSteps(new ByteReader(in), dump, "");
        return new DumpFile(in, steps::next, dump, madeFrom);
    }

    private static byte[] head(InputStream in) throws IOException {
        in.mark(HEAD_BYTES);
        byte[] head = new byte[HEAD_BYTES];
        int length = 0;
        int next = one(in);
        while (next >= 0) {
            head[length++] = (byte) next;
            next = length < head.length ? one(in) : -1;
        }
        in.reset();
        return Arrays.copyOf(head, length);
    }

    /** A gzip file that is cut off has the bytes before its end all the same. */
    private static int one(InputStream in) throws IOException {
        try {
            return in.read();
        } catch (EOFException cut) {
            return -1;
        }
    }

    private static boolean startsWith(byte[] head, int... bytes) {
        for (int i = 0; i < bytes.length; i++) {
            if (i >= head.length || (head[i] & 0xff) != bytes[i]) {
                return false;
            }
        }
        return true;
    }

    private static void refuseOtherFormats(byte[] head) {
        String other = otherFormat(head);
        if (other != null) {
            throw new DumpRefused("", other);
        }
    }

    private static @Nullable String otherFormat(byte[] head) {
        if (startsWith(head, 0xff, 0xfe) || startsWith(head, 0xfe, 0xff)) {
            return "UTF-16 text: write it in UTF-8, a dump with pg_dump --file";
        }
        if (startsWith(head, 0x28, 0xb5, 0x2f, 0xfd)) {
            return compressedBy("zstd");
        }
        if (startsWith(head, 0x04, 0x22, 0x4d, 0x18)) {
            return compressedBy("lz4");
        }
        if (startsWith(head, 0xfd, '7', 'z', 'X', 'Z')) {
            return compressedBy("xz");
        }
        if (startsWith(head, 'B', 'Z', 'h')) {
            return compressedBy("bzip2");
        }
        if (startsWith(head, 'P', 'K', 3, 4)) {
            return compressedBy("zip");
        }
        return isTar(head) ? "a tar file: use pg_dump -Fc, or plain SQL" : null;
    }

    private static String compressedBy(String program) {
        return "compressed by " + program + ": use gzip, or no compression";
    }

    private static boolean isTar(byte[] head) {
        int magic = 257;
        return head.length > magic + 5 && new String(head, magic, 5, StandardCharsets.US_ASCII).equals("ustar");
    }

    /** Whether {@code pg_dump} wrote it. Its statements share no transaction, as in {@code psql} and pg_restore. */
    public boolean isDump() {
        return dump;
    }

    /** The major version of the server that was dumped, if the file says it. */
    public OptionalInt madeFrom() {
        return madeFrom;
    }

    /** The next step; null at the end. */
    public @Nullable Step next() throws IOException {
        try {
            Step step = source.next();
            while (step != null && dump && StatementRules.comesLast(step.statement())) {
                last.add(step);
                step = source.next();
            }
            return step == null ? last.poll() : step;
        } catch (ZipException | EOFException broken) {
            throw damaged();
        }
    }

    @Override
    public void close() throws IOException {
        in.close();
    }

    /**
     * Why a file can never be run, as far as its content tells that. Reads all of it.
     *
     * @return the place and the reason
     */
    public static Optional<String> problem(InputStream content) throws IOException {
        try (DumpFile file = open(content)) {
            Step step = file.next();
            while (step != null) {
                step = file.next();
            }
            return Optional.empty();
        } catch (DumpRefused refused) {
            return Optional.of(refused.reason());
        }
    }

    /** The same as far as the first bytes tell: the format, its version, its compression. 8 KB are enough. */
    public static Optional<String> problemAtBeginning(byte[] beginning) {
        try (DumpFile file = begin(new ByteArrayInputStream(beginning))) {
            return Optional.empty();
        } catch (DumpRefused refused) {
            return Optional.of(refused.reason());
        } catch (IOException cutOff) {
            return Optional.empty();
        }
    }

    /** The same for text. */
    public static Optional<String> problem(String text) {
        try {
            return problem(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
        } catch (IOException impossible) {
            throw new IllegalStateException("memory can be read", impossible);
        }
    }
}
