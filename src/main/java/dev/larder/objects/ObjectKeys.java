package dev.larder.objects;

import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Which keys there can be: what every store keeps as it was given. Pure. */
final class ObjectKeys {

    private ObjectKeys() {}

    /** The key itself. */
    static String checked(String key) {
        return checked(key, 1);
    }

    /** The same for a prefix, which may be empty. */
    static String checkedPrefix(String prefix) {
        return checked(prefix, 0);
    }

    private static String checked(String text, int bytesMin) {
        int bytes = bytes(text);
        if (bytes < bytesMin
                || bytes > ObjectStore.KEY_BYTES_MAX
                || text.chars().anyMatch(Character::isISOControl)) {
            throw new IllegalArgumentException("a key has " + bytesMin + " to " + ObjectStore.KEY_BYTES_MAX
                    + " bytes of UTF-8 and no control character");
        }
        return text;
    }

    private static int bytes(String text) {
        try {
            return StandardCharsets.UTF_8
                    .newEncoder()
                    .encode(CharBuffer.wrap(text))
                    .remaining();
        } catch (CharacterCodingException halfASurrogate) {
            return -1;
        }
    }
}
