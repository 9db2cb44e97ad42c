package dev.larder.dump;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.DeflaterOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * Writes archives as the source of {@code pg_dump} writes them, in each version. {@code pg_dump} 15, which writes 1.14,
 * was at hand for recorded archives; 1.15 and 1.16 are known from the source only.
 */
final class ArchiveBytes {

    private static final int PIECE = 7;

    private final int minor;
    private final boolean gzip;
    private final List<Entry> entries = new ArrayList<>();

    ArchiveBytes(int minor, boolean gzip) {
        this.minor = minor;
        this.gzip = gzip;
    }

    private record Entry(
            String kind,
            String tag,
            String definition,
            @Nullable String copy,
            @Nullable Map<Integer, String> data) {}

    ArchiveBytes object(String kind, String tag, String definition) {
        entries.add(new Entry(kind, tag, definition, null, null));
        return this;
    }

    ArchiveBytes table(String name, String rows) {
        entries.add(new Entry(
                "TABLE DATA", name, "", "COPY public." + name + " (a) FROM stdin;\n", Map.of(0, rows + "\\.\n\n\n")));
        return this;
    }

    ArchiveBytes inserts(String name, String statements) {
        entries.add(new Entry("TABLE DATA", name, "", null, Map.of(0, statements)));
        return this;
    }

    ArchiveBytes largeObjects(Map<Integer, String> contents) {
        entries.add(new Entry("BLOBS", "BLOBS", "", null, contents));
        return this;
    }

    byte[] bytes() {
        return bytes(1, gzip ? 1 : 0);
    }

    /** @param compression the number of the method, since 1.15 */
    byte[] bytes(int format, int compression) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes("PGDMP".getBytes(StandardCharsets.US_ASCII));
        for (int one : new int[] {1, minor, 0, 4, 8, format}) {
            out.write(one);
        }
        if (minor >= 15) {
            out.write(compression);
        } else {
            integer(out, gzip ? -1 : 0);
        }
        for (int i = 0; i < 7; i++) {
            integer(out, i);
        }
        text(out, "shop");
        text(out, minor == 14 ? "15.18" : minor == 15 ? "16.2" : "18.1");
        text(out, "of a test");
        integer(out, entries.size());
        for (int i = 0; i < entries.size(); i++) {
            head(out, i + 1, entries.get(i));
        }
        for (int i = 0; i < entries.size(); i++) {
            data(out, i + 1, entries.get(i));
        }
        return out.toByteArray();
    }

    private void head(ByteArrayOutputStream out, int id, Entry entry) {
        integer(out, id);
        integer(out, entry.data() == null ? 0 : 1);
        text(out, "1259");
        text(out, "16385");
        text(out, entry.tag());
        text(out, entry.kind());
        integer(out, 2);
        text(out, entry.definition());
        text(out, entry.kind().equals("TABLE") ? "DROP TABLE x;" : "");
        text(out, entry.copy());
        text(out, "public");
        text(out, null);
        text(out, "heap");
        if (minor >= 16) {
            integer(out, 'r');
        }
        text(out, "app_owner");
        text(out, "false");
        text(out, "12");
        text(out, null);
        out.write(entry.data() == null ? 3 : 1);
        out.writeBytes(new byte[8]);
    }

    private void data(ByteArrayOutputStream out, int id, Entry entry) {
        Map<Integer, String> data = entry.data();
        if (data == null) {
            return;
        }
        boolean largeObjects = entry.kind().equals("BLOBS");
        out.write(largeObjects ? 3 : 1);
        integer(out, id);
        data.forEach((object, content) -> {
            if (largeObjects) {
                integer(out, object);
            }
            pieces(out, packed(content.getBytes(StandardCharsets.UTF_8)));
        });
        if (largeObjects) {
            integer(out, 0);
        }
    }

    private byte[] packed(byte[] content) {
        if (!gzip) {
            return content;
        }
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (DeflaterOutputStream deflated = new DeflaterOutputStream(packed)) {
            deflated.write(content);
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
        return packed.toByteArray();
    }

    private static void pieces(ByteArrayOutputStream out, byte[] content) {
        for (int at = 0; at < content.length; at += PIECE) {
            int length = Math.min(PIECE, content.length - at);
            integer(out, length);
            out.write(content, at, length);
        }
        integer(out, 0);
    }

    private static void integer(ByteArrayOutputStream out, int number) {
        out.write(number < 0 ? 1 : 0);
        int left = Math.abs(number);
        for (int i = 0; i < 4; i++) {
            out.write(left & 0xff);
            left >>= 8;
        }
    }

    private static void text(ByteArrayOutputStream out, @Nullable String text) {
        if (text == null) {
            integer(out, -1);
        } else {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            integer(out, bytes.length);
            out.writeBytes(bytes);
        }
    }
}
