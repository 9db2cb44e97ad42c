package dev.larder.http;

import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Which part of a list is wanted (design, section 5).
 *
 * @param limit 1 to 200, inclusive
 * @param after the id of the last item of the page before; empty for the first page
 */
public record PageRequest(int limit, Optional<UUID> after) {

    public static final int LIMIT_DEFAULT = 50;
    public static final int LIMIT_MAX = 200;
    private static final int UUID_BYTES = 16;

    /** Reads the query parameters {@code limit} and {@code after}; what cannot be read is a 400 problem. */
    public static PageRequest of(@Nullable String limit, @Nullable String after) {
        return new PageRequest(
                limit == null ? LIMIT_DEFAULT : readLimit(limit),
                Optional.ofNullable(after).map(PageRequest::readCursor));
    }

    /** How many rows to ask the database for: one more than shown tells whether there is a next page. */
    public int rows() {
        return limit + 1;
    }

    private static int readLimit(String text) {
        int limit;
        try {
            limit = Integer.parseInt(text);
        } catch (NumberFormatException notANumber) {
            limit = 0;
        }
        if (limit < 1 || limit > LIMIT_MAX) {
            throw Problem.badRequest("invalid_limit", "limit", "must be a number from 1 to " + LIMIT_MAX + ".");
        }
        return limit;
    }

    static String cursor(UUID last) {
        byte[] bytes = ByteBuffer.allocate(UUID_BYTES)
                .putLong(last.getMostSignificantBits())
                .putLong(last.getLeastSignificantBits())
                .array();
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    private static UUID readCursor(String text) {
        byte[] bytes;
        try {
            bytes = Base64.getUrlDecoder().decode(text);
        } catch (IllegalArgumentException notBase64) {
            bytes = new byte[0];
        }
        if (bytes.length != UUID_BYTES) {
            throw Problem.badRequest("invalid_cursor", "after", "must be the \"next\" of an earlier page.");
        }
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        return new UUID(buffer.getLong(), buffer.getLong());
    }
}
