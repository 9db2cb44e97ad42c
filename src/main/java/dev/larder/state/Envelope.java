package dev.larder.state;

import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.UUID;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * Seals bodies (AES-256-GCM). Each has a data key of its own, which a named key of the ring wraps, so that a
 * new key is a matter of some bytes per body. The row is authenticated with both: what was sealed for one
 * state and version cannot be opened as another's, and an older body cannot stand in for a newer one.
 */
final class Envelope {

    private static final byte FORMAT = 1;
    private static final int NONCE_BYTES = 12;
    private static final int TAG_BITS = 128;
    private static final int TAG_BYTES = TAG_BITS / 8;
    private static final int DATA_KEY_BYTES = 32;

    /** Bytes that tell a key from another one of the same name. */
    private static final int PRINT_BYTES = 8;

    /** In small parts the JVM finds out soon that this loop is worth compiling. */
    private static final int PART_BYTES = 64 * 1024;

    private static final UUID NO_REJECT = new UUID(0, 0);

    private final StateKeys keys;
    private final SecureRandom random = new SecureRandom();

    Envelope(StateKeys keys) {
        this.keys = keys;
    }

    /**
     * The row that a body belongs to.
     *
     * @param reject {@code 0} for a version
     * @param version 0 for a reject
     * @param digest of the body as it was uploaded
     */
    record Place(UUID state, UUID reject, long version, byte[] digest) {

        static Place ofVersion(UUID state, long version, byte[] digest) {
            return new Place(state, NO_REJECT, version, digest);
        }

        static Place ofReject(UUID state, UUID reject, byte[] digest) {
            return new Place(state, reject, 0, digest);
        }

        /** @param purpose {@code K} for the wrapped data key, {@code B} for the body */
        private byte[] authenticated(char purpose) {
            return ByteBuffer.allocate(2 + 2 * 16 + Long.BYTES + digest.length)
                    .put((byte) purpose)
                    .put(FORMAT)
                    .putLong(state.getMostSignificantBits())
                    .putLong(state.getLeastSignificantBits())
                    .putLong(reject.getMostSignificantBits())
                    .putLong(reject.getLeastSignificantBits())
                    .putLong(version)
                    .put(digest)
                    .array();
        }
    }

    /** @param packed see {@link Packed} */
    Sealed seal(Place place, byte[] packed) {
        byte[] dataKey = new byte[DATA_KEY_BYTES];
        random.nextBytes(dataKey);
        byte[] body = encrypted(new SecretKeySpec(dataKey, "AES"), place.authenticated('B'), packed);
        return new Sealed(keys.current(), wrapped(keys.current(), place, dataKey), body);
    }

    /**
     * Opens a body. Fails with {@link DamagedException}, and with {@link MissingKeyException} where the ring
     * does not have the key.
     *
     * @return packed, see {@link Packed}
     */
    byte[] open(Place place, Sealed sealed) {
        byte[] dataKey = unwrapped(place, sealed.keyId(), sealed.wrappedKey());
        return decrypted(new SecretKeySpec(dataKey, "AES"), place.authenticated('B'), sealed.body());
    }

    /** The data key wrapped with another key of the ring. Fails as {@link #open} does. */
    byte[] rewrap(Place place, String keyId, byte[] wrappedKey, String to) {
        return wrapped(to, place, unwrapped(place, keyId, wrappedKey));
    }

    private byte[] wrapped(String keyId, Place place, byte[] dataKey) {
        SecretKeySpec key = key(keyId);
        byte[] wrapped = encrypted(key, place.authenticated('K'), dataKey);
        return ByteBuffer.allocate(PRINT_BYTES + wrapped.length)
                .put(print(key))
                .put(wrapped)
                .array();
    }

    private byte[] unwrapped(Place place, String keyId, byte[] wrappedKey) {
        SecretKeySpec key = key(keyId);
        if (wrappedKey.length <= PRINT_BYTES) {
            throw new DamagedException();
        }
        if (!Arrays.equals(print(key), Arrays.copyOf(wrappedKey, PRINT_BYTES))) {
            // A server with another key under this name must not take every body for damaged.
            throw new MissingKeyException(keyId);
        }
        return decrypted(key, place.authenticated('K'), Arrays.copyOfRange(wrappedKey, PRINT_BYTES, wrappedKey.length));
    }

    private SecretKeySpec key(String keyId) {
        @Nullable SecretKeySpec key = keys.find(keyId);
        if (key == null) {
            throw new MissingKeyException(keyId);
        }
        return key;
    }

    /**
     * The first bytes of what the key makes of a block of zeros tell it from other keys, and tell nothing
     * else of it.
     */
    private static byte[] print(SecretKeySpec key) {
        try {
            Cipher cipher = Cipher.getInstance("AES/ECB/NoPadding");
            cipher.init(Cipher.ENCRYPT_MODE, key);
            return Arrays.copyOf(cipher.doFinal(new byte[TAG_BYTES]), PRINT_BYTES);
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private byte[] encrypted(SecretKeySpec key, byte[] authenticated, byte[] clear) {
        byte[] nonce = new byte[NONCE_BYTES];
        random.nextBytes(nonce);
        byte[] sealed = new byte[1 + NONCE_BYTES + clear.length + TAG_BYTES];
        ByteBuffer.wrap(sealed).put(FORMAT).put(nonce);
        try {
            Cipher cipher = cipher(Cipher.ENCRYPT_MODE, key, nonce, authenticated);
            int to = 1 + NONCE_BYTES;
            int from = 0;
            for (; clear.length - from > PART_BYTES; from += PART_BYTES) {
                to += cipher.update(clear, from, PART_BYTES, sealed, to);
            }
            int rest = cipher.doFinal(clear, from, clear.length - from, sealed, to);
            if (to + rest != sealed.length) {
                throw new IllegalStateException("sealed bytes have an unexpected length");
            }
            return sealed;
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static byte[] decrypted(SecretKeySpec key, byte[] authenticated, byte[] sealed) {
        if (sealed.length < 1 + NONCE_BYTES + TAG_BYTES || sealed[0] != FORMAT) {
            throw new DamagedException();
        }
        byte[] nonce = Arrays.copyOfRange(sealed, 1, 1 + NONCE_BYTES);
        try {
            return cipher(Cipher.DECRYPT_MODE, key, nonce, authenticated)
                    .doFinal(sealed, 1 + NONCE_BYTES, sealed.length - 1 - NONCE_BYTES);
        } catch (GeneralSecurityException changedOrMoved) {
            throw new DamagedException();
        }
    }

    private static Cipher cipher(int mode, SecretKeySpec key, byte[] nonce, byte[] authenticated)
            throws GeneralSecurityException {
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(mode, key, new GCMParameterSpec(TAG_BITS, nonce));
        cipher.updateAAD(authenticated);
        return cipher;
    }
}
