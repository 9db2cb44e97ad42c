package dev.larder.worker.postgres;

import io.vertx.core.buffer.Buffer;
import io.vertx.pgclient.PgException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The messages of PostgreSQL's protocol, version 3: a letter, the length, the body. */
final class Frames {

    private static final int HEAD = 5;
    private static final int LENGTH_BYTES = 4;

    /** Rows that a statement selects, and rows of COPY … TO: they may be large and are not wanted. */
    private static final String SKIPPED = "Dd";

    /** @param body without letter and length */
    record Frame(char type, Buffer body) {}

    private final Consumer<Frame> consumer;
    private Buffer pending = Buffer.buffer();
    private long skipping;

    /** @param consumer takes messages from the server in order, on the thread that calls {@link #receive} */
    Frames(Consumer<Frame> consumer) {
        this.consumer = consumer;
    }

    void receive(Buffer data) {
        pending = pending.length() == 0 ? data : pending.appendBuffer(data);
        int at = 0;
        while (true) {
            int skipped = (int) Math.min(skipping, pending.length() - at);
            at += skipped;
            skipping -= skipped;
            if (skipping > 0 || pending.length() - at < HEAD) {
                break;
            }
            char type = (char) pending.getByte(at);
            int length = pending.getInt(at + 1) - LENGTH_BYTES;
            if (SKIPPED.indexOf(type) >= 0) {
                at += HEAD;
                skipping = length;
            } else if (pending.length() - at - HEAD < length) {
                break;
            } else {
                consumer.accept(new Frame(type, pending.getBuffer(at + HEAD, at + HEAD + length)));
                at += HEAD + length;
            }
        }
        pending = pending.getBuffer(at, pending.length());
    }

    static Buffer message(char type, Buffer body) {
        return Buffer.buffer(HEAD + body.length())
                .appendByte((byte) type)
                .appendInt(LENGTH_BYTES + body.length())
                .appendBuffer(body);
    }

    static Buffer empty(char type) {
        return message(type, Buffer.buffer());
    }

    static Buffer text(Buffer to, String text) {
        return to.appendBytes(text.getBytes(StandardCharsets.UTF_8)).appendByte((byte) 0);
    }

    /** One statement with text parameters, which no log of statements shows. */
    static Buffer statement(String sql, String... values) {
        Buffer parse = text(text(Buffer.buffer(), ""), sql).appendShort((short) 0);
        Buffer bind = text(text(Buffer.buffer(), ""), "").appendShort((short) 0).appendShort((short) values.length);
        for (String value : values) {
            byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
            bind.appendInt(bytes.length).appendBytes(bytes);
        }
        bind.appendShort((short) 0);
        return message('P', parse)
                .appendBuffer(message('B', bind))
                .appendBuffer(message('E', text(Buffer.buffer(), "").appendInt(0)))
                .appendBuffer(empty('S'));
    }

    /** The texts of a body, each ended by a zero byte. */
    static String[] texts(Buffer body) {
        return body.toString(StandardCharsets.UTF_8).split("\0", -1);
    }

    /** The fields of an error or a notice, by their letters. */
    static Map<Character, String> fields(Buffer body) {
        Map<Character, String> fields = new HashMap<>();
        for (String field : texts(body)) {
            if (!field.isEmpty()) {
                fields.put(field.charAt(0), field.substring(1));
            }
        }
        return fields;
    }

    static PgException error(Buffer body) {
        Map<Character, String> fields = fields(body);
        return new PgException(
                fields.get('M'),
                fields.get('S'),
                fields.get('C'),
                fields.get('D'),
                fields.get('H'),
                fields.get('P'),
                fields.get('p'),
                fields.get('q'),
                fields.get('W'),
                fields.get('F'),
                fields.get('L'),
                fields.get('R'),
                fields.get('s'),
                fields.get('t'),
                fields.get('c'),
                fields.get('d'),
                fields.get('n'));
    }

    static @Nullable String field(Buffer body, char letter) {
        return fields(body).get(letter);
    }
}
