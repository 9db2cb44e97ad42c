package dev.larder.dump;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads the custom format of {@code pg_dump}, versions 1.14 (PostgreSQL 12 to 15), 1.15 (16) and 1.16 (17 and 18),
 * not compressed or compressed by gzip. A header and a table of contents come first, then a block of data for each
 * entry that has data. {@code pg_dump} writes the blocks in the order of the table of contents, so an archive is read
 * from its beginning to its end, entry by entry, and never back.
 */
final class ArchiveReader {

    private static final byte[] MAGIC = "PGDMP".getBytes(StandardCharsets.US_ASCII);
    private static final int OLDEST = 14;
    private static final int NEWEST = 16;
    private static final int FORMAT_CUSTOM = 1;
    private static final int FORMAT_TAR = 3;
    private static final int COMPRESSION_NONE = 0;
    private static final int COMPRESSION_GZIP = 1;
    private static final int TIME_FIELDS = 7;

    private static final int BLOCK_DATA = 1;
    private static final int BLOCK_LARGE_OBJECTS = 3;

    private final ArchiveInput in;
    private final boolean compressed;
    private final OptionalInt madeFrom;
    private final Iterator<ArchiveEntry> entries;
    private @Nullable Part part;

    private ArchiveReader(ArchiveInput in, boolean compressed, OptionalInt madeFrom, List<ArchiveEntry> entries) {
        this.in = in;
        this.compressed = compressed;
        this.madeFrom = madeFrom;
        this.entries = entries.iterator();
        this.part = preamble();
    }

    /** The steps of one entry; null at its end. */
    @FunctionalInterface
    private interface Part {

        @Nullable
        Step next() throws IOException;
    }

    static boolean isArchive(byte[] head) {
        return head.length > MAGIC.length && Arrays.equals(head, 0, MAGIC.length, MAGIC, 0, MAGIC.length);
    }

    static ArchiveReader open(InputStream file) throws IOException {
        ArchiveInput in = new ArchiveInput(file);
        in.skip(MAGIC.length);
        int major = in.byteValue();
        int minor = in.byteValue();
        in.skip(1);
        refuseOtherVersions(major, minor);
        in.sizes(in.byteValue(), in.byteValue());
        refuseOtherFormats(in.byteValue());
        boolean compressed = minor >= 15 ? isGzip(in.byteValue()) : in.integer() != 0;
        for (int i = 0; i < TIME_FIELDS; i++) {
            int ignored = in.integer();
        }
        String database = in.text();
        String version = in.text();
        String program = in.text();
        return new ArchiveReader(in, compressed, major(version), ArchiveEntry.all(in, minor));
    }

    private static void refuseOtherVersions(int major, int minor) {
        if (major != 1 || minor < OLDEST || minor > NEWEST) {
            String maker = major == 1 && minor < OLDEST ? "PostgreSQL 11 or older" : "a newer PostgreSQL";
            throw new DumpRefused(
                    "",
                    "an archive of version %d.%d, by pg_dump of %s: 1.14 to 1.16 are read; plain SQL is read too"
                            .formatted(major, minor, maker));
        }
    }

    private static void refuseOtherFormats(int format) {
        if (format != FORMAT_CUSTOM) {
            throw new DumpRefused(
                    "",
                    "the table of contents of a dump in " + (format == FORMAT_TAR ? "tar" : "directory")
                            + " format: use pg_dump -Fc, or plain SQL");
        }
    }

    private static boolean isGzip(int compression) {
        return switch (compression) {
            case COMPRESSION_NONE -> false;
            case COMPRESSION_GZIP -> true;
            case 2 -> throw otherCompression("lz4");
            case 3 -> throw otherCompression("zstd");
            default -> throw otherCompression("method " + compression);
        };
    }

    private static DumpRefused otherCompression(String name) {
        return new DumpRefused("", "an archive compressed by " + name + ": use pg_dump --compress=gzip, or none");
    }

    private static OptionalInt major(@Nullable String version) {
        Matcher number = Pattern.compile("^[0-9]{1,4}").matcher(version == null ? "" : version);
        return number.find() ? OptionalInt.of(Integer.parseInt(number.group())) : OptionalInt.empty();
    }

    OptionalInt madeFrom() {
        return madeFrom;
    }

    /** The next step; null at the end. */
    @Nullable
    Step next() throws IOException {
        while (true) {
            Step step = part == null ? null : part.next();
            if (step != null) {
                return step;
            }
            if (!entries.hasNext()) {
                return null;
            }
            part = begin(entries.next());
        }
    }

    // pg_restore begins with these. The objects may refer to others that come later.
    private static final String PREAMBLE = """
            SET check_function_bodies = false; SET xmloption = content; SET client_min_messages = warning;
            SET row_security = off; SET standard_conforming_strings = on""";

    private static Part preamble() {
        return steps(PREAMBLE, "");
    }

    private static Part steps(String sql, String entry) {
        byte[] text = sql.getBytes(StandardCharsets.ISO_8859_1);
        return new SqlSteps(new ByteReader(new ByteArrayInputStream(text)), true, entry)::next;
    }

    private Part begin(ArchiveEntry entry) throws IOException {
        List<Part> parts = new ArrayList<>();
        if (!entry.owner().isEmpty() && entry.hasDropStatement()) {
            parts.add(omitted(entry, Step.Omitted.OWNER));
        }
        parts.add(
                switch (entry.kind()) {
                    case "DATABASE" -> omitted(entry, Step.Omitted.DATABASE);
                    case "STATISTICS DATA" -> omitted(entry, Step.Omitted.STATISTICS);
                    case "DATABASE PROPERTIES" -> steps(DatabaseSettings.here(entry.definition()), entry.name());
                    case "BLOB METADATA" -> steps(LargeObjects.create(entry.definition()), entry.name());
                    default -> steps(entry.definition(), entry.name());
                });
        if (entry.hasData()) {
            parts.add(lazily(() -> data(entry)));
        }
        return joined(parts);
    }

    private static Part omitted(ArchiveEntry entry, Step.Omitted what) {
        Statement nothing = new Statement(0, entry.name(), entry.kind(), new byte[0], Statement.Sharing.SHARES);
        return once(new Step.Omit(nothing, what));
    }

    private static Part once(Step step) {
        Iterator<Step> one = List.of(step).iterator();
        return () -> one.hasNext() ? one.next() : null;
    }

    private static Part joined(List<Part> parts) {
        Iterator<Part> rest = parts.iterator();
        Part[] current = {rest.next()};
        return () -> {
            Step step = current[0].next();
            while (step == null && rest.hasNext()) {
                current[0] = rest.next();
                step = current[0].next();
            }
            return step;
        };
    }

    /** A part that is made when it is reached: the blocks are read in order. */
    private static Part lazily(PartMaker maker) {
        Part[] made = new Part[1];
        return () -> {
            if (made[0] == null) {
                made[0] = maker.make();
            }
            return made[0].next();
        };
    }

    @FunctionalInterface
    private interface PartMaker {

        Part make() throws IOException;
    }

    private Part data(ArchiveEntry entry) throws IOException {
        int block = in.byteValue();
        int id = in.integer();
        if (id != entry.id()) {
            throw new DumpRefused("entry " + entry.name(), "its data is not where the table of contents has it");
        }
        return switch (block) {
            case BLOCK_DATA -> rows(entry);
            case BLOCK_LARGE_OBJECTS -> new LargeObjects(in, compressed, entry.name())::next;
            default -> throw new DumpRefused("entry " + entry.name(), "a block of unknown kind " + block);
        };
    }

    /** Rows of a COPY, or INSERT statements of {@code pg_dump --inserts}. */
    private Part rows(ArchiveEntry entry) throws IOException {
        InputStream content = in.block(compressed);
        Part finish = () -> {
            long ignored = content.transferTo(OutputStream.nullOutputStream());
            return null;
        };
        if (entry.copyStatement().isBlank()) {
            return joined(List.of(new SqlSteps(new ByteReader(content), true, entry.name())::next, finish));
        }
        Step copy = steps(entry.copyStatement(), entry.name()).next();
        if (!(copy instanceof Step.Copy(Statement statement, long line, InputStream none))) {
            throw new DumpRefused("entry " + entry.name(), "its data has no COPY … FROM stdin");
        }
        CopyRows rows = new CopyRows(new ByteReader(content), 1);
        Part skip = () -> {
            rows.skipRest();
            return null;
        };
        return joined(List.of(once(new Step.Copy(statement, 0, rows)), skip, finish));
    }
}
