package dev.larder.worker.postgres;

import dev.larder.dump.Statement;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Statements that are sent as one message. */
final class StatementBatch {

    /** On a line of its own: the statement before may end with a comment. */
    private static final byte[] SEPARATOR = ascii("\n;\n");

    private final List<Statement> statements = new ArrayList<>();
    private final List<Integer> starts = new ArrayList<>();
    private final ByteArrayOutputStream message = new ByteArrayOutputStream();

    static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    static String text(Statement statement) {
        return new String(statement.sql(), StandardCharsets.UTF_8);
    }

    void add(Statement statement) {
        if (!statements.isEmpty()) {
            message.writeBytes(SEPARATOR);
        }
        starts.add(message.size());
        statements.add(statement);
        message.writeBytes(statement.sql());
    }

    boolean isEmpty() {
        return statements.isEmpty();
    }

    int size() {
        return statements.size();
    }

    int bytes() {
        return message.size();
    }

    byte[] message() {
        return message.toByteArray();
    }

    void clear() {
        statements.clear();
        starts.clear();
        message.reset();
    }

    /** The statement that follows the first {@code completed} ones. */
    Statement after(int completed) {
        return statements.get(Math.min(completed, statements.size() - 1));
    }

    /**
     * The place of a character of the message.
     *
     * @param position counts characters from 1
     */
    String placeAt(int position) {
        byte[] bytes = message.toByteArray();
        int at = byteAt(bytes, position - 1);
        int index = 0;
        while (index + 1 < starts.size() && starts.get(index + 1) <= at) {
            index++;
        }
        Statement statement = statements.get(index);
        long lines = 0;
        for (int i = starts.get(index); i < at; i++) {
            lines += bytes[i] == '\n' ? 1 : 0;
        }
        return statement.place(statement.line() + lines);
    }

    /** The first byte of a character, as UTF-8 has it. */
    private static int byteAt(byte[] bytes, int characters) {
        int at = 0;
        int left = characters;
        while (at < bytes.length && left > 0) {
            at++;
            while (at < bytes.length && (bytes[at] & 0xc0) == 0x80) {
                at++;
            }
            left--;
        }
        return at;
    }
}
