package dev.larder.objects;

import dev.larder.objects.ObjectStoreException.Reason;
import java.nio.ByteBuffer;

/** The bytes of an answer as they arrive: exactly as many as were announced. */
final class Gathered {

    private final String key;
    private final ByteBuffer bytes;

    /** @param bytesMax of the answer, inclusive */
    Gathered(String key, long announced, long bytesMax) {
        if (announced > bytesMax) {
            throw ObjectStoreException.tooLarge(key, bytesMax);
        }
        this.key = key;
        this.bytes = ByteBuffer.allocate(Math.toIntExact(announced));
    }

    void add(ByteBuffer part) {
        if (part.remaining() > bytes.remaining()) {
            throw incomplete("more");
        }
        bytes.put(part);
    }

    byte[] complete() {
        if (bytes.hasRemaining()) {
            throw incomplete("fewer");
        }
        return bytes.array();
    }

    private ObjectStoreException incomplete(String how) {
        return new ObjectStoreException(
                Reason.STORE_UNAVAILABLE, "the object " + key + " came with " + how + " bytes than were announced");
    }
}
