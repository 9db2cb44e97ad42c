package dev.larder.worker.postgres;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HexFormat;
import javax.crypto.Mac;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * A random password and the verifier that the server stores. Only the verifier is sent to the server, so no
 * statement log contains the password.
 *
 * @param password 40 hexadecimal digits, which need no escaping in a URL
 * @param verifier as in {@code pg_authid.rolpassword} (RFC 5803 in PostgreSQL's form)
 */
record RolePassword(String password, String verifier) {

    private static final int PASSWORD_BYTES = 20;
    private static final int SALT_BYTES = 16;
    private static final int ITERATIONS = 4096;
    private static final int KEY_BITS = 256;
    private static final String EVERY_JDK = "every JDK has SHA-256";

    static RolePassword random() {
        byte[] password = new byte[PASSWORD_BYTES];
        byte[] salt = new byte[SALT_BYTES];
        // No static field: a native image must not contain a seeded generator.
        new SecureRandom().nextBytes(password);
        new SecureRandom().nextBytes(salt);
        return of(HexFormat.of().formatHex(password), salt);
    }

    private static RolePassword of(String password, byte[] salt) {
        byte[] salted = salted(password, salt, ITERATIONS);
        byte[] stored = sha256(hmac(salted, "Client Key"));
        byte[] server = hmac(salted, "Server Key");
        Base64.Encoder base64 = Base64.getEncoder();
        String verifier = "SCRAM-SHA-256$%d:%s$%s:%s"
                .formatted(
                        ITERATIONS,
                        base64.encodeToString(salt),
                        base64.encodeToString(stored),
                        base64.encodeToString(server));
        return new RolePassword(password, verifier);
    }

    /** The salted password of SCRAM. The password is in ASCII. */
    static byte[] salted(String password, byte[] salt, int iterations) {
        try {
            return SecretKeyFactory.getInstance("PBKDF2WithHmacSHA256")
                    .generateSecret(new PBEKeySpec(password.toCharArray(), salt, iterations, KEY_BITS))
                    .getEncoded();
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(EVERY_JDK, impossible);
        }
    }

    static byte[] sha256(byte[] bytes) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(bytes);
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(EVERY_JDK, impossible);
        }
    }

    static byte[] hmac(byte[] key, String text) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            return mac.doFinal(text.getBytes(StandardCharsets.US_ASCII));
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(EVERY_JDK, impossible);
        }
    }

    @Override
    public String toString() {
        return "RolePassword[***]";
    }
}
