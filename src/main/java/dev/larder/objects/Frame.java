package dev.larder.objects;

import dev.larder.objects.ObjectStoreException.Reason;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Optional;
import java.util.UUID;

/**
 * What a bucket's object has before its body: four letters, the mark of the writer and a SHA-256 of the body. The mark
 * makes the ETag of every write another one, where a store derives it from the bytes, and says whose write the object
 * is. It stands in the object itself, since not every store keeps metadata. Pure.
 */
final class Frame {

    private static final int MAGIC = 0x4c524431; // LRD1
    private static final int DIGEST_BYTES = 32;

    /** How many bytes stand before the body. */
    static final int BYTES = Integer.BYTES + 2 * Long.BYTES + DIGEST_BYTES;

    private Frame() {}

    static byte[] of(UUID writer, byte[] body) {
        return ByteBuffer.allocate(BYTES)
                .putInt(MAGIC)
                .putLong(writer.getMostSignificantBits())
                .putLong(writer.getLeastSignificantBits())
                .put(digest(body, 0))
                .array();
    }

    /** Whose write it is, of the object's first bytes; empty where Larder did not write it. */
    static Optional<UUID> writer(byte[] begin) {
        ByteBuffer frame = ByteBuffer.wrap(begin);
        return begin.length < BYTES || frame.getInt() != MAGIC
                ? Optional.empty()
                : Optional.of(new UUID(frame.getLong(), frame.getLong()));
    }

    /** The body of a whole object. */
    static byte[] body(String key, byte[] object) {
        int digestAt = BYTES - DIGEST_BYTES;
        if (writer(object).isEmpty()
                || !Arrays.equals(object, digestAt, BYTES, digest(object, BYTES), 0, DIGEST_BYTES)) {
            throw new ObjectStoreException(
                    Reason.OBJECT_DAMAGED, "the object " + key + " does not have the bytes that were written");
        }
        return Arrays.copyOfRange(object, BYTES, object.length);
    }

    private static byte[] digest(byte[] bytes, int from) {
        MessageDigest sha256 = digester("SHA-256");
        sha256.update(bytes, from, bytes.length - from);
        return sha256.digest();
    }

    static MessageDigest digester(String algorithm) {
        try {
            return MessageDigest.getInstance(algorithm);
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
