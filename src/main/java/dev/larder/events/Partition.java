package dev.larder.events;

import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The events of one subject, numbered from 1 without gaps. Written {@code workspace:<id>}. */
public record Partition(Kind kind, UUID subject) {

    private static final Pattern TEXT =
            Pattern.compile("([a-z]+):([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})");

    /** Of what. */
    public enum Kind {
        WORKSPACE,
        CLAIM,
        PRESET,
        STATE,
        CLEANUP;

        /** As the table and the API say it. */
        String word() {
            return name().toLowerCase(Locale.ROOT);
        }

        static Optional<Kind> ofWord(String word) {
            for (Kind kind : values()) {
                if (kind.word().equals(word)) {
                    return Optional.of(kind);
                }
            }
            return Optional.empty();
        }
    }

    public static Partition workspace(UUID id) {
        return new Partition(Kind.WORKSPACE, id);
    }

    public static Partition claim(UUID id) {
        return new Partition(Kind.CLAIM, id);
    }

    public static Partition preset(UUID id) {
        return new Partition(Kind.PRESET, id);
    }

    /** Empty where the text names no partition. */
    static Optional<Partition> of(String text) {
        Matcher parts = TEXT.matcher(text);
        return parts.matches()
                ? Kind.ofWord(parts.group(1)).map(kind -> new Partition(kind, UUID.fromString(parts.group(2))))
                : Optional.empty();
    }

    @Override
    public String toString() {
        return kind.word() + ":" + subject;
    }
}
