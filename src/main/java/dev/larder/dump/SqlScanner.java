package dev.larder.dump;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Divides text into statements, by the rules of {@code psql}. A semicolon ends a statement outside of strings ({@code
 * '…'}, {@code E'…'}, {@code $tag$…$tag$}), quoted names, comments (which nest), parentheses and bodies {@code BEGIN
 * ATOMIC … END}. Works on bytes: in every encoding that a client of PostgreSQL may use here, a byte below 128 is that
 * character.
 */
final class SqlScanner {

    /** Bytes of one statement. Rows of a COPY do not count. */
    static final int STATEMENT_MAX = 16 * 1024 * 1024;

    private static final int TAG_MAX = 128;

    private final ByteReader in;
    private boolean conformingStrings = true;
    private StatementText statement = new StatementText();
    private @Nullable CopyRows rows;

    SqlScanner(ByteReader in) {
        this.in = in;
    }

    /** The text of one statement while it is read. */
    record Scanned(long line, String outline, byte[] sql) {

        String text() {
            return new String(sql, StandardCharsets.ISO_8859_1);
        }
    }

    /**
     * The next statement; null at the end. Skips rows that were not read.
     *
     * @throws DumpRefused if the text is cut off, or holds what is not SQL
     */
    @Nullable
    Scanned next() throws IOException {
        if (rows != null) {
            rows.skipRest();
            rows = null;
        }
        statement = new StatementText();
        boolean ended = false;
        while (!ended) {
            ended = part();
        }
        return statement.isEmpty() ? null : done();
    }

    private Scanned done() {
        Scanned scanned = new Scanned(statement.line(), statement.outline(), statement.bytes());
        StatementRules.conformingStrings(scanned.outline().toUpperCase(Locale.ROOT), scanned.text())
                .ifPresent(on -> conformingStrings = on);
        return scanned;
    }

    /** The rows of the COPY that was read last. They begin on the next line. */
    CopyRows rows() throws IOException {
        int next = in.peek(0);
        while (next == ' ' || next == '\t' || next == '\r') {
            in.skip(1);
            next = in.peek(0);
        }
        if (next != '\n' && next != -1) {
            throw DumpRefused.atLine(in.line(), "text after COPY … FROM stdin; its rows begin on the next line");
        }
        in.skip(1);
        rows = new CopyRows(in, statement.line());
        return rows;
    }

    long line() {
        return in.line();
    }

    /** Reads one lexical element. Returns whether the statement, or the text, has ended. */
    private boolean part() throws IOException {
        long line = in.line();
        int next = in.read();
        switch (next) {
            case -1 -> {
                return true;
            }
            case ';' -> {
                if (statement.endsAtSemicolon()) {
                    return !statement.isEmpty();
                }
                append(next, line);
            }
            case 0 -> throw DumpRefused.atLine(line, "a byte 0, which SQL cannot have");
            case '\\' -> command(line);
            case '\'' -> string(line);
            case '"' -> name(line);
            case '$' -> dollar(line);
            case '-' -> {
                if (in.peek(0) == '-') {
                    lineComment();
                } else {
                    append(next, line);
                }
            }
            case '/' -> {
                if (in.peek(0) == '*') {
                    blockComment(line);
                } else {
                    append(next, line);
                }
            }
            default -> {
                if (isWord(next)) {
                    word(next, line);
                } else {
                    append(next, line);
                }
            }
        }
        return false;
    }

    private void append(int next, long line) {
        statement.symbol(next, line);
        refuseTooLong();
    }

    private void refuseTooLong() {
        if (statement.length() > STATEMENT_MAX) {
            throw DumpRefused.atLine(
                    statement.line(), "a statement of more than 16 MB; COPY has no such limit for its rows");
        }
    }

    private static boolean isWord(int next) {
        return (next >= 'a' && next <= 'z')
                || (next >= 'A' && next <= 'Z')
                || (next >= '0' && next <= '9')
                || next == '_'
                || next >= 0x80;
    }

    private void word(int first, long line) throws IOException {
        StringBuilder word = new StringBuilder().append((char) first);
        while (isWord(in.peek(0)) || in.peek(0) == '$') {
            word.append((char) in.read());
        }
        statement.word(word, line);
        refuseTooLong();
        if (word.length() == 1 && (first == 'E' || first == 'e') && in.peek(0) == '\'') {
            int quote = in.read();
            escaped(quote, line);
        }
    }

    private void string(long line) throws IOException {
        if (conformingStrings) {
            quoted('\'', line, "a string");
            statement.string();
        } else {
            escaped('\'', line);
        }
    }

    private void name(long line) throws IOException {
        statement.beginName(line);
        quoted('"', line, "a quoted name");
        statement.endName();
    }

    /** Text up to the quote. A doubled quote is one of its characters. */
    private void quoted(int quote, long line, String what) throws IOException {
        statement.raw(quote, line);
        while (true) {
            int next = body(line, what);
            if (next == quote) {
                if (in.peek(0) != quote) {
                    return;
                }
                statement.raw(in.read(), line);
            }
        }
    }

    private int body(long line, String what) throws IOException {
        int next = in.read();
        if (next == -1) {
            throw DumpRefused.atLine(line, what + " begins here and does not end");
        }
        if (next == 0) {
            throw DumpRefused.atLine(in.line(), "a byte 0, which SQL cannot have");
        }
        statement.raw(next, line);
        refuseTooLong();
        return next;
    }

    /** A string with backslashes. It goes on after a line end and another quote. */
    private void escaped(int quote, long line) throws IOException {
        statement.raw(quote, line);
        while (true) {
            int next = body(line, "a string");
            if (next == '\\') {
                int taken = body(line, "a string");
            } else if (next == quote && !goesOn(quote, line)) {
                statement.string();
                return;
            }
        }
    }

    private boolean goesOn(int quote, long line) throws IOException {
        if (in.peek(0) == quote) {
            statement.raw(in.read(), line);
            return true;
        }
        int at = 0;
        boolean lineEnd = false;
        while (at < ByteReader.AHEAD && Character.isWhitespace(in.peek(at))) {
            lineEnd |= in.peek(at) == '\n' || in.peek(at) == '\r';
            at++;
        }
        if (!lineEnd || in.peek(at) != quote) {
            return false;
        }
        for (int i = 0; i <= at; i++) {
            statement.raw(in.read(), line);
        }
        return true;
    }

    private void dollar(long line) throws IOException {
        int length = tagLength();
        if (length < 0) {
            append('$', line);
            return;
        }
        byte[] tag = new byte[length + 2];
        tag[0] = '$';
        statement.raw('$', line);
        for (int i = 1; i < tag.length; i++) {
            tag[i] = (byte) in.read();
            statement.raw(tag[i], line);
        }
        byte[] end = new byte[tag.length - 1];
        System.arraycopy(tag, 1, end, 0, end.length);
        while (body(line, "a string in dollar quotes") != '$' || !in.startsWith(end)) {
            // The body goes on.
            refuseTooLong();
        }
        for (int i = 0; i < end.length; i++) {
            statement.raw(in.read(), line);
        }
        statement.string();
    }

    /** The length of the tag that begins here; -1 if the dollar sign is something else. */
    private int tagLength() throws IOException {
        int length = 0;
        while (isWord(in.peek(length)) && length < TAG_MAX) {
            length++;
        }
        boolean digitFirst = length > 0 && in.peek(0) >= '0' && in.peek(0) <= '9';
        return in.peek(length) == '$' && !digitFirst ? length : -1;
    }

    private void lineComment() throws IOException {
        statement.comment('-');
        while (in.peek(0) != '\n' && in.peek(0) != -1) {
            statement.comment(in.read());
        }
        refuseTooLong();
    }

    private void blockComment(long line) throws IOException {
        statement.comment('/');
        int depth = 0;
        int before = 0;
        int next = '/';
        do {
            if (before == '/' && next == '*') {
                depth++;
                next = 0;
            } else if (before == '*' && next == '/') {
                depth--;
                next = 0;
                if (depth == 0) {
                    return;
                }
            }
            before = next;
            next = in.read();
            if (next == -1) {
                throw DumpRefused.atLine(line, "a comment begins here and does not end");
            }
            statement.comment(next);
            refuseTooLong();
        } while (true);
    }

    /** A command of psql. Those that guard a dump against other commands are skipped. */
    private void command(long line) throws IOException {
        StringBuilder name = new StringBuilder();
        while (name.length() < TAG_MAX && in.peek(0) > ' ') {
            name.append((char) in.read());
        }
        String command = name.toString();
        if (statement.isEmpty() && (command.equals("restrict") || command.equals("unrestrict"))) {
            while (in.peek(0) != '\n' && in.peek(0) != -1) {
                in.skip(1);
            }
            return;
        }
        throw DumpRefused.atLine(line, reason(command.replaceAll("[^a-zA-Z.?!]", "")));
    }

    private static String reason(String command) {
        return switch (command) {
            case "connect", "c" ->
                "\\" + command + " is written by pg_dump -C and pg_dumpall: use pg_dump without -C, for one database";
            case "." -> "\\. ends rows, and no COPY … FROM stdin is before it";
            case "copy" -> "\\copy is a command of psql: use COPY … FROM stdin, with the rows in the file";
            default -> "\\" + command + " is a command of psql, not SQL";
        };
    }
}
