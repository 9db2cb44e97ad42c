package dev.larder.http;

import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Entity tags of what carries a version: the version in quotes, {@code "7"} (RFC 9110, section 8.8.3). */
public final class ETags {

    private static final Pattern STRONG = Pattern.compile("\"([1-9][0-9]{0,9})\"");

    private static final Pattern OPAQUE = Pattern.compile("\"([\\x21\\x23-\\x7e]{1,128})\"");

    private ETags() {}

    /** For a tag that is no number. */
    public static String format(String tag) {
        return "\"" + tag + "\"";
    }

    /**
     * The tag that an {@code If-Match} header demands, without its quotes: {@code *} for any existing version, empty
     * without the header. A list, a weak tag or anything else is a 400 problem {@code invalid_if_match}.
     */
    public static Optional<String> ifMatchTag(@Nullable String header) {
        if (header == null) {
            return Optional.empty();
        }
        if (header.strip().equals("*")) {
            return Optional.of("*");
        }
        Matcher tag = OPAQUE.matcher(header.strip());
        if (!tag.matches() || tag.group(1).equals("*")) {
            throw Problem.badRequest("invalid_if_match", "If-Match", "must be one entity tag in quotes, or *.");
        }
        return Optional.of(tag.group(1));
    }

    public static String format(long version) {
        return "\"" + version + "\"";
    }

    /**
     * The version that an {@code If-Match} header demands; empty where there is no header or it is {@code *}.
     *
     * <p>A list of tags, a weak tag or anything else is a 400 problem {@code invalid_if_match}: it could only
     * be ignored, and the caller would believe it was honoured.
     */
    public static OptionalInt ifMatch(@Nullable String header) {
        if (header == null || header.strip().equals("*")) {
            return OptionalInt.empty();
        }
        Matcher tag = STRONG.matcher(header.strip());
        if (!tag.matches() || Long.parseLong(tag.group(1)) > Integer.MAX_VALUE) {
            throw Problem.badRequest("invalid_if_match", "If-Match", "must be one entity tag like \"7\", or *.");
        }
        return OptionalInt.of(Integer.parseInt(tag.group(1)));
    }
}
