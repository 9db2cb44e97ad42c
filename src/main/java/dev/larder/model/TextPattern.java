package dev.larder.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A pattern for a whole text: a small part of regular expressions that no text can keep busy. The time of a match
 * grows with the length of the pattern times the length of the text, and with nothing else.
 *
 * <p>A pattern is a sequence of characters, {@code .} (any but a line feed), {@code \d}, {@code \w} and classes such
 * as {@code [a-z0-9-]} or {@code [^/]}, each of which may be followed by {@code ?}, {@code *}, {@code +},
 * {@code {m}}, {@code {m,}} or {@code {m,n}}. A backslash before a sign that is no letter or digit stands for the
 * sign. {@code ^} at the start and {@code $} at the end have no effect, because the whole text must match. Groups and
 * alternatives are refused.
 */
public final class TextPattern {

    /** Characters. */
    public static final int LENGTH_MAX = 256;

    private static final int REPEAT_MAX = 16_384;
    private static final int UNBOUNDED = Integer.MAX_VALUE;
    private static final String SIGNS = "()|?*+{}[]^$";

    private final List<Item> items;

    private TextPattern(List<Item> items) {
        this.items = items;
    }

    /** Characters of a class, repeated. */
    private record Item(Characters characters, int min, int max) {}

    /** @param ranges pairs of code points, both inclusive */
    private record Characters(int[] ranges, boolean negated) {

        boolean has(int point) {
            for (int i = 0; i < ranges.length; i += 2) {
                if (point >= ranges[i] && point <= ranges[i + 1]) {
                    return !negated;
                }
            }
            return negated;
        }
    }

    private static final Characters DIGITS = new Characters(new int[] {'0', '9'}, false);
    private static final Characters WORD = new Characters(new int[] {'a', 'z', 'A', 'Z', '0', '9', '_', '_'}, false);
    private static final Characters ANY = new Characters(new int[] {'\n', '\n'}, true);

    /** A pattern that cannot be read. The message says why, after "must be a pattern: ". */
    public static final class InvalidPatternException extends IllegalArgumentException {

        private static final long serialVersionUID = 1;

        InvalidPatternException(String why) {
            super(why);
        }
    }

    /** @throws InvalidPatternException if the pattern has another form */
    public static TextPattern of(String pattern) {
        if (pattern.length() > LENGTH_MAX) {
            throw new InvalidPatternException("it has more than " + LENGTH_MAX + " characters");
        }
        return new TextPattern(new Reader(pattern).items());
    }

    /** Whether the whole text has this form. */
    public boolean matches(String text) {
        int[] points = text.codePoints().toArray();
        boolean[] reached = new boolean[points.length + 1];
        reached[0] = true;
        for (Item item : items) {
            reached = after(item, points, reached);
        }
        return reached[points.length];
    }

    /**
     * The positions to which the item leads from those reached before: position {@code end} where one of them lies
     * so far before it as the item may be long, and all characters in between are of its class.
     */
    private static boolean[] after(Item item, int[] points, boolean[] before) {
        boolean[] reached = new boolean[before.length];
        int[] counts = new int[before.length + 1];
        int runBegins = 0;
        for (int end = 0; end < before.length; end++) {
            counts[end + 1] = counts[end] + (before[end] ? 1 : 0);
            if (end > 0 && !item.characters().has(points[end - 1])) {
                runBegins = end;
            }
            int first = Math.max(runBegins, item.max() == UNBOUNDED ? 0 : end - item.max());
            int last = end - item.min();
            reached[end] = first <= last && counts[last + 1] > counts[first];
        }
        return reached;
    }

    /** Reads a pattern from left to right. */
    private static final class Reader {

        private final int[] points;
        private int at;

        Reader(String pattern) {
            this.points = pattern.codePoints().toArray();
            this.at = pattern.startsWith("^") ? 1 : 0;
        }

        List<Item> items() {
            List<Item> items = new ArrayList<>();
            while (at < points.length && !(points[at] == '$' && at == points.length - 1)) {
                Characters characters = characters();
                items.add(repeated(characters));
            }
            return items;
        }

        private Characters characters() {
            int point = points[at++];
            return switch (point) {
                case '.' -> ANY;
                case '\\' -> escaped();
                case '[' -> oneOf();
                default -> {
                    if (SIGNS.indexOf(point) >= 0) {
                        throw new InvalidPatternException("'" + (char) point + "' at position " + at
                                + " is not taken here; write \\" + (char) point + " for the sign");
                    }
                    yield new Characters(new int[] {point, point}, false);
                }
            };
        }

        private Characters escaped() {
            int point = next("a backslash stands at its end");
            return switch (point) {
                case 'd' -> DIGITS;
                case 'w' -> WORD;
                default -> {
                    if (Character.isLetterOrDigit(point)) {
                        throw new InvalidPatternException("only \\d and \\w are taken of the escaped letters");
                    }
                    yield new Characters(new int[] {point, point}, false);
                }
            };
        }

        private int next(String missing) {
            if (at >= points.length) {
                throw new InvalidPatternException(missing);
            }
            return points[at++];
        }

        private Characters oneOf() {
            boolean negated = at < points.length && points[at] == '^';
            at += negated ? 1 : 0;
            IntStream.Builder ranges = IntStream.builder();
            int point = next("a class has no ]");
            if (point == ']') {
                throw new InvalidPatternException("a class is empty");
            }
            while (point != ']') {
                Arrays.stream(part(point)).forEach(ranges::add);
                point = next("a class has no ]");
            }
            return new Characters(ranges.build().toArray(), negated);
        }

        /** The ranges of one character, one escape or one range of a class. */
        private int[] part(int point) {
            int[] first = inClass(point);
            boolean range = at + 1 < points.length && points[at] == '-' && points[at + 1] != ']';
            if (!range || !isOne(first)) {
                return first;
            }
            at++;
            int[] last = inClass(points[at++]);
            if (!isOne(last) || last[0] < first[0]) {
                throw new InvalidPatternException("a range of a class ends before it begins");
            }
            return new int[] {first[0], last[0]};
        }

        private int[] inClass(int point) {
            if (point == '[') {
                throw new InvalidPatternException("[ in a class is written \\[");
            }
            return point == '\\' ? escaped().ranges() : new int[] {point, point};
        }

        private static boolean isOne(int[] ranges) {
            return ranges.length == 2 && ranges[0] == ranges[1];
        }

        private Item repeated(Characters characters) {
            int sign = at < points.length ? points[at] : -1;
            return switch (sign) {
                case '?' -> counted(characters, 0, 1);
                case '*' -> counted(characters, 0, UNBOUNDED);
                case '+' -> counted(characters, 1, UNBOUNDED);
                case '{' -> bounded(characters);
                default -> new Item(characters, 1, 1);
            };
        }

        private Item counted(Characters characters, int min, int max) {
            at++;
            return new Item(characters, min, max);
        }

        private Item bounded(Characters characters) {
            at++;
            int min = number();
            int max = min;
            if (at < points.length && points[at] == ',') {
                at++;
                max = at < points.length && points[at] == '}' ? UNBOUNDED : number();
            }
            if (next("a { has no }") != '}' || max < min) {
                throw new InvalidPatternException("a repetition is written {m}, {m,} or {m,n}");
            }
            return new Item(characters, min, max);
        }

        private int number() {
            int from = at;
            int number = 0;
            while (at < points.length && points[at] >= '0' && points[at] <= '9' && number <= REPEAT_MAX) {
                number = number * 10 + points[at++] - '0';
            }
            if (at == from || number > REPEAT_MAX) {
                throw new InvalidPatternException("a repetition is a number up to " + REPEAT_MAX);
            }
            return number;
        }
    }
}
