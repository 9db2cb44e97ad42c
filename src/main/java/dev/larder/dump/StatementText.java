package dev.larder.dump;

import java.util.Arrays;
import java.util.Locale;

/** The text of one statement while it is read, with an outline of it. */
final class StatementText {

    /** Characters. The names of 1,600 columns fit, which a COPY may have before FROM stdin. */
    private static final int OUTLINE_MAX = 262_144;

    private static final int FIRST_WORDS = 4;

    private byte[] bytes = new byte[256];
    private int length;
    private long line;
    private final StringBuilder outline = new StringBuilder();
    private boolean space;

    private int parentheses;
    private int words;
    private final char[] initials = new char[FIRST_WORDS];
    private boolean afterBegin;
    private int bodyDepth;
    private int nameStart;

    boolean isEmpty() {
        return length == 0;
    }

    int length() {
        return length;
    }

    /** Where it begins. */
    long line() {
        return line;
    }

    String outline() {
        return outline.toString();
    }

    byte[] bytes() {
        int end = length;
        while (end > 0 && bytes[end - 1] <= ' ' && bytes[end - 1] >= 0) {
            end--;
        }
        return Arrays.copyOf(bytes, end);
    }

    boolean endsAtSemicolon() {
        return parentheses <= 0 && bodyDepth == 0;
    }

    /** A character outside of words, strings and comments; may be whitespace. */
    void symbol(int next, long at) {
        if (Character.isWhitespace(next)) {
            space = true;
            if (length > 0) {
                add(next);
            }
            return;
        }
        if (next == '(') {
            parentheses++;
        } else if (next == ')') {
            parentheses--;
        }
        raw(next, at);
        outlined(Character.toString(next));
    }

    void word(CharSequence word, long at) {
        for (int i = 0; i < word.length(); i++) {
            raw(word.charAt(i), at);
        }
        outlined(word);
        follow(word.toString());
    }

    /**
     * The heuristic of {@code psql}: only the definition of a function or procedure has a body that is no string.
     * CASE ends with END too.
     */
    private void follow(String word) {
        if (words < FIRST_WORDS) {
            initials[words] = initial(word);
        }
        words++;
        if (parentheses != 0 || !definesFunction()) {
            return;
        }
        boolean opens = afterBegin && word.equalsIgnoreCase("atomic");
        afterBegin = word.equalsIgnoreCase("begin");
        if (opens) {
            bodyDepth++;
        } else if (word.equalsIgnoreCase("case") && bodyDepth > 0) {
            bodyDepth++;
        } else if (word.equalsIgnoreCase("end") && bodyDepth > 0) {
            bodyDepth--;
        }
    }

    private static char initial(String word) {
        return switch (word.toLowerCase(Locale.ROOT)) {
            case "create" -> 'c';
            case "or" -> 'o';
            case "replace" -> 'r';
            case "function", "procedure" -> 'f';
            default -> '-';
        };
    }

    private boolean definesFunction() {
        return initials[0] == 'c'
                && (initials[1] == 'f' || (initials[1] == 'o' && initials[2] == 'r' && initials[3] == 'f'));
    }

    /** A byte that the outline does not show. */
    void raw(int next, long at) {
        if (length == 0) {
            line = at;
        }
        add(next);
    }

    /** A string has ended. */
    void string() {
        outlined("''");
    }

    void beginName(long at) {
        nameStart = length;
        if (length == 0) {
            line = at;
        }
    }

    /** A quoted name has ended: the outline shows it as one word. */
    void endName() {
        StringBuilder name = new StringBuilder("\"");
        for (int i = nameStart + 1; i < length - 1; i++) {
            char next = (char) (bytes[i] & 0xff);
            name.append(Character.isLetterOrDigit(next) && next < 0x80 ? next : '_');
        }
        outlined(name.append('"'));
        words++;
    }

    /** A byte of a comment. Comments before the statement are not part of it. */
    void comment(int next) {
        space = true;
        if (length > 0) {
            add(next);
        }
    }

    private void outlined(CharSequence text) {
        if (outline.length() + text.length() > OUTLINE_MAX) {
            return;
        }
        if (space && !outline.isEmpty()) {
            outline.append(' ');
        }
        space = false;
        outline.append(text);
    }

    private void add(int next) {
        if (length == bytes.length) {
            bytes = Arrays.copyOf(bytes, length * 2);
        }
        bytes[length++] = (byte) next;
    }
}
