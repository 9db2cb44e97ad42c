package dev.larder.dump;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The large objects of an archive, as statements that fill them piece by piece. */
final class LargeObjects {

    private static final int PIECE = 16_384;

    private final ArchiveInput in;
    private final boolean compressed;
    private final String entry;
    private @Nullable InputStream content;
    private long object;
    private long offset;

    LargeObjects(ArchiveInput in, boolean compressed, String entry) {
        this.in = in;
        this.compressed = compressed;
        this.entry = entry;
    }

    /** Statements that make the objects of these numbers, one in each line (archives since 1.16). */
    static String create(String numbers) {
        return numbers.lines()
                .map(String::strip)
                .filter(line -> line.matches("[0-9]{1,10}"))
                .map(number -> "SELECT pg_catalog.lo_create('" + number + "');\n")
                .collect(Collectors.joining());
    }

    /** The next piece; null after the last one. */
    @Nullable
    Step next() throws IOException {
        while (true) {
            if (content == null) {
                object = in.integer() & 0xffff_ffffL;
                if (object == 0) {
                    return null;
                }
                content = in.block(compressed);
                offset = 0;
            }
            byte[] piece = content.readNBytes(PIECE);
            if (piece.length > 0) {
                Step step = put(piece);
                offset += piece.length;
                return step;
            }
            content = null;
        }
    }

    private Step put(byte[] piece) {
        String sql = "SELECT pg_catalog.lo_put(%d, %d, '\\x%s')"
                .formatted(object, offset, HexFormat.of().formatHex(piece));
        return new Step.Run(new Statement(
                0, entry, "large object " + object, sql.getBytes(StandardCharsets.US_ASCII), Statement.Sharing.SHARES));
    }
}
