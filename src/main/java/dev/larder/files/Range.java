package dev.larder.files;

import dev.larder.http.Problem;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Which bytes of a file a body has.
 *
 * @param start of the first byte; 0 begins the file anew
 * @param length of the body
 * @param total bytes of the whole file
 */
record Range(long start, long length, long total) {

    /** A shorter part would be stored in many rows. The last part of a file may be shorter. */
    static final long PART_BYTES_MIN = 1024 * 1024;

    private static final Pattern CONTENT_RANGE = Pattern.compile("bytes (\\d{1,18})-(\\d{1,18})/(\\d{1,18})");

    /**
     * Reads the headers of a request. Without {@code Content-Range} the body is the whole file. Codes: 411
     * {@code length_required}, 400 {@code invalid_content_range}, 422 {@code part_too_small}.
     */
    static Range of(@Nullable String contentLength, @Nullable String contentRange) {
        if (contentLength == null) {
            throw Problem.of(411, "length_required", "An upload needs a Content-Length.");
        }
        long length = contentLength.length() > 18 ? Long.MAX_VALUE : Long.parseLong(contentLength);
        if (contentRange == null) {
            return new Range(0, length, length);
        }
        Matcher read = CONTENT_RANGE.matcher(contentRange.strip());
        if (!read.matches()) {
            throw invalid("must be like 'bytes 0-1048575/5000000'.");
        }
        long start = Long.parseLong(read.group(1));
        long end = Long.parseLong(read.group(2)) + 1;
        long total = Long.parseLong(read.group(3));
        if (start >= end || end > total) {
            throw invalid("is empty, or ends after the end of the file.");
        }
        if (end - start != length) {
            throw invalid("has another length than the body.");
        }
        if (length < PART_BYTES_MIN && end < total) {
            throw Problem.unprocessable(
                    "part_too_small",
                    "Content-Range",
                    "has less than " + PART_BYTES_MIN + " bytes and is not the last part.");
        }
        return new Range(start, length, total);
    }

    private static Problem invalid(String detail) {
        return Problem.badRequest("invalid_content_range", "Content-Range", detail);
    }
}
