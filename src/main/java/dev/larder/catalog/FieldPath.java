package dev.larder.catalog;

import java.util.regex.Pattern;

/** The path of a field in a declaration: {@code presets[0].prebuilds.ttl}, {@code files["01-schema.sql"]}. */
final class FieldPath {

    private static final Pattern PLAIN = Pattern.compile("[A-Za-z_][A-Za-z0-9_-]*");
    private static final int SHOWN_MAX = 64;

    private FieldPath() {}

    static String field(String of, String name) {
        if (!PLAIN.matcher(name).matches() || name.length() > SHOWN_MAX) {
            return of + "[\"" + shown(name) + "\"]";
        }
        return of.isEmpty() ? name : of + "." + name;
    }

    static String item(String of, int index) {
        return of + "[" + index + "]";
    }

    /** A name from the body, shortened and on one line. */
    private static String shown(String name) {
        String shortened = name.length() <= SHOWN_MAX ? name : name.substring(0, SHOWN_MAX) + "…";
        return shortened.replaceAll("[\\p{Cntrl}\\p{Cs}\"]", "?");
    }
}
