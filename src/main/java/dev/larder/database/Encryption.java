package dev.larder.database;

import dev.larder.model.MisconfiguredException;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Optional;
import java.util.UUID;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Encrypts outputs and sensitive parameters for the database: AES-256-GCM with the configured key (design, section 5).
 * The id of the row is authenticated, so a value that was encrypted for one row cannot be decrypted for another.
 */
@Singleton
public final class Encryption {

    private static final byte FORMAT = 1;
    private static final int NONCE_BYTES = 12;
    private static final int TAG_BITS = 128;
    private static final int KEY_BYTES = 32;
    private static final int KEY_ID_BYTES = 8;
    private static final String MAC = "HmacSHA256";

    private final SecretKeySpec key;
    private final SecretKeySpec derivingKey;
    private final SecretKeySpec fingerprintKey;
    private final SecureRandom random = new SecureRandom();

    @Inject
    Encryption(@ConfigProperty(name = "larder.encryption.key") Optional<String> key) {
        this(key.orElseThrow(() -> refused("is not set")));
    }

    /**
     * Fails with {@link MisconfiguredException} if the key is malformed.
     *
     * @param key 32 bytes in Base64
     */
    public Encryption(String key) {
        byte[] bytes = decoded(key.strip());
        this.key = new SecretKeySpec(bytes, "AES");
        this.derivingKey = new SecretKeySpec(bytes, MAC);
        this.fingerprintKey = new SecretKeySpec(keyFor("fingerprint"), MAC);
    }

    private static byte[] decoded(String key) {
        byte[] bytes;
        try {
            bytes = Base64.getDecoder().decode(key);
        } catch (IllegalArgumentException notBase64) {
            throw refused("is not Base64");
        }
        if (bytes.length != KEY_BYTES) {
            throw refused("has " + bytes.length + " bytes");
        }
        return bytes;
    }

    private static MisconfiguredException refused(String why) {
        return new MisconfiguredException("larder.encryption.key " + why + ": it must be " + KEY_BYTES
                + " bytes in Base64, as made by: openssl rand -base64 32");
    }

    /**
     * Identifies the key without revealing it: 16 hexadecimal digits, the same in every process that has this key.
     */
    String keyId() {
        byte[] print = fingerprint("key id".getBytes(StandardCharsets.US_ASCII));
        return HexFormat.of().formatHex(print, 0, KEY_ID_BYTES);
    }

    /** @param of the id of the row; the same id is needed to decrypt */
    public byte[] encrypt(UUID of, String clear) {
        byte[] nonce = new byte[NONCE_BYTES];
        random.nextBytes(nonce);
        byte[] body = run(Cipher.ENCRYPT_MODE, of, nonce, clear.getBytes(StandardCharsets.UTF_8));
        return ByteBuffer.allocate(1 + NONCE_BYTES + body.length)
                .put(FORMAT)
                .put(nonce)
                .put(body)
                .array();
    }

    /** An encrypted value that cannot be decrypted. The message names the row, never the value. */
    public static final class UnreadableException extends IllegalStateException {

        private static final long serialVersionUID = 1;

        UnreadableException(String message) {
            super(message);
        }
    }

    /** Fails with {@link UnreadableException} if the key or the row differs, or the bytes were changed. */
    public String decrypt(UUID of, byte[] encrypted) {
        if (encrypted.length < 1 + NONCE_BYTES || encrypted[0] != FORMAT) {
            throw new UnreadableException("encrypted value of " + of + " has an unknown format");
        }
        byte[] nonce = Arrays.copyOfRange(encrypted, 1, 1 + NONCE_BYTES);
        byte[] body = Arrays.copyOfRange(encrypted, 1 + NONCE_BYTES, encrypted.length);
        return new String(run(Cipher.DECRYPT_MODE, of, nonce, body), StandardCharsets.UTF_8);
    }

    /**
     * A fingerprint of 32 bytes. Without the key, a guess of a secret in the content cannot be checked against it. With
     * another key the same content has another fingerprint.
     */
    public byte[] fingerprint(byte[] content) {
        return mac(fingerprintKey, content);
    }

    /**
     * A key of 32 bytes that follows from the configured one, so that no key serves two purposes.
     *
     * @param purpose ASCII; another one gives another key
     */
    public byte[] keyFor(String purpose) {
        return mac(derivingKey, purpose.getBytes(StandardCharsets.US_ASCII));
    }

    private static byte[] mac(SecretKeySpec key, byte[] content) {
        try {
            Mac mac = Mac.getInstance(MAC);
            mac.init(key);
            return mac.doFinal(content);
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private byte[] run(int mode, UUID of, byte[] nonce, byte[] input) {
        try {
            Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
            cipher.init(mode, key, new GCMParameterSpec(TAG_BITS, nonce));
            cipher.updateAAD(of.toString().getBytes(StandardCharsets.US_ASCII));
            return cipher.doFinal(input);
        } catch (GeneralSecurityException failed) {
            throw new UnreadableException(
                    "value of " + of + " cannot be opened: larder.encryption.key is another one, or it was changed");
        }
    }
}
