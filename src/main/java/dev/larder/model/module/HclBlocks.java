package dev.larder.model.module;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * Finds the blocks of a file in HashiCorp's configuration language, and the blocks directly inside them. It knows
 * comments, quoted strings, heredocs and brackets, and does not read expressions. One pass, no recursion.
 */
final class HclBlocks {

    private static final int LEVELS = 2;
    private static final String NO_HEADER = "=";
    private static final char STRING = '"';
    private static final char INTERPOLATION = '$';

    private final String text;
    private final List<Block> found = new ArrayList<>();
    // What is open: blocks of the first levels come first, each with an entry in path.
    private final Deque<Character> open = new ArrayDeque<>();
    private final Deque<Integer> openedAt = new ArrayDeque<>();
    private final Deque<Draft> path = new ArrayDeque<>();
    private final List<String> header = new ArrayList<>();
    private final StringBuilder string = new StringBuilder();
    private int at;
    private int brokenAt = -1;

    private HclBlocks(String text) {
        this.text = text;
    }

    /** A block that is not closed yet. */
    private static final class Draft {

        private final List<String> header;
        private final List<Block> blocks = new ArrayList<>();
        private boolean empty = true;

        Draft(List<String> header) {
            this.header = header;
        }

        Block block() {
            return new Block(header.getFirst(), header.subList(1, header.size()), List.copyOf(blocks), empty);
        }
    }

    /** The blocks of the first two levels. A block that is never closed counts as one that ends with the file. */
    static List<Block> of(String text) {
        HclBlocks blocks = read(text);
        while (!blocks.path.isEmpty()) {
            blocks.endBlock();
        }
        return List.copyOf(blocks.found);
    }

    /** The line, from 1, of a bracket or quote that has no counterpart; empty where each has one. */
    static OptionalInt brokenLine(String text) {
        HclBlocks blocks = read(text);
        int where = blocks.brokenAt >= 0 || blocks.open.isEmpty() ? blocks.brokenAt : blocks.openedAt.element();
        return where < 0
                ? OptionalInt.empty()
                : OptionalInt.of(1
                        + (int) text.chars()
                                .limit(where)
                                .filter(one -> one == '\n')
                                .count());
    }

    private static HclBlocks read(String text) {
        HclBlocks blocks = new HclBlocks(text);
        while (blocks.at < text.length()) {
            blocks.step();
        }
        return blocks;
    }

    private void push(char what) {
        open.push(what);
        openedAt.push(at - 1);
    }

    private void pop() {
        char unused = open.pop();
        int unusedPlace = openedAt.pop();
    }

    private void broken(int where) {
        brokenAt = brokenAt < 0 ? where : brokenAt;
    }

    private void step() {
        if (isOpen(STRING)) {
            stepInString();
            return;
        }
        char here = text.charAt(at);
        if (here == '#' || text.startsWith("//", at)) {
            skipTo("\n", 0);
        } else if (text.startsWith("/*", at)) {
            at += 2;
            skipTo("*/", 2);
        } else if (Character.isWhitespace(here)) {
            at++;
            if (here == '\n' && isInBody()) {
                header.clear();
            }
        } else {
            stepInCode(here);
        }
    }

    private void stepInCode(char here) {
        boolean closes = here == '}' || here == ']' || here == ')';
        if (!closes || !isInBody()) {
            path.forEach(draft -> draft.empty = false);
        }
        String heredoc = here == '<' ? heredoc() : null;
        if (closes) {
            at++;
            close(here);
        } else if (here == '{') {
            at++;
            openBrace();
        } else if (heredoc != null) {
            skipHeredoc(heredoc);
        } else if (isWordPart(here)) {
            addToHeader(word());
        } else {
            at++;
            if (here != STRING) {
                addToHeader(NO_HEADER);
            }
            if (here == STRING || here == '[' || here == '(') {
                push(here);
                string.setLength(0);
            }
        }
    }

    private void openBrace() {
        if (isInBody() && path.size() < LEVELS && !header.isEmpty() && !header.contains(NO_HEADER)) {
            path.push(new Draft(List.copyOf(header)));
        }
        push('{');
        header.clear();
    }

    private void close(char here) {
        if (open.isEmpty() || !isClosedBy(open.element(), here)) {
            broken(at - 1);
        }
        if (isInBody() && !path.isEmpty()) {
            endBlock();
        }
        if (!open.isEmpty()) {
            pop();
        }
        if (!isOpen(STRING)) {
            addToHeader(NO_HEADER);
        }
    }

    private static boolean isClosedBy(char opened, char closer) {
        return switch (opened) {
            case '[' -> closer == ']';
            case '(' -> closer == ')';
            default -> closer == '}';
        };
    }

    private void endBlock() {
        Block block = path.pop().block();
        (path.isEmpty() ? found : path.element().blocks).add(block);
    }

    private void stepInString() {
        char here = text.charAt(at);
        if (here == '\\') {
            string.append(text, at, Math.min(text.length(), at + 2));
            at += 2;
        } else if (here == '"' || here == '\n') {
            if (here == '\n') {
                broken(openedAt.element());
            }
            at++;
            pop();
            addToHeader(string.toString());
        } else if (isEscapedMarker()) {
            string.append(text, at, at + 2);
            at += 2;
        } else if (text.startsWith("${", at) || text.startsWith("%{", at)) {
            at += 2;
            push(INTERPOLATION);
        } else {
            string.append(here);
            at++;
        }
    }

    /** {@code $${} and {@code %%{} stand for themselves. */
    private boolean isEscapedMarker() {
        return text.startsWith("$${", at) || text.startsWith("%%{", at);
    }

    private void addToHeader(String part) {
        if (isInBody()) {
            header.add(part);
        }
    }

    /** Whether all that is open is a block of the first levels. */
    private boolean isInBody() {
        return open.size() == path.size();
    }

    private boolean isOpen(char what) {
        return !open.isEmpty() && open.element() == what;
    }

    private String word() {
        int from = at;
        while (at < text.length() && isWordPart(text.charAt(at))) {
            at++;
        }
        return text.substring(from, at);
    }

    private static boolean isWordPart(char one) {
        return Character.isLetterOrDigit(one) || one == '_' || one == '-';
    }

    private void skipTo(String end, int behind) {
        int found = text.indexOf(end, at);
        at = found < 0 ? text.length() : found + behind;
    }

    /** The word that ends the heredoc which begins here; null where none does. */
    private @Nullable String heredoc() {
        if (!text.startsWith("<<", at)) {
            return null;
        }
        int from = at + (text.startsWith("<<-", at) ? 3 : 2);
        int to = from;
        while (to < text.length() && isWordPart(text.charAt(to))) {
            to++;
        }
        return to > from ? text.substring(from, to) : null;
    }

    private void skipHeredoc(String last) {
        skipTo("\n", 1);
        while (at < text.length()) {
            int begin = at;
            skipTo("\n", 1);
            if (text.substring(begin, at).strip().equals(last)) {
                // The line's end belongs to what follows.
                at = at - 1;
                return;
            }
        }
    }
}
