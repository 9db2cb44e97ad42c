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

    static RolePassword random() {
        byte[] password = new byte[PASSWORD_BYTES];
        byte[] salt = new byte[SALT_BYTES];
        // No static field: a native image must not contain a seeded generator.
        new SecureRandom().nextBytes(password);
        new SecureRandom().nextBytes(salt);
        return of(HexFormat.of().formatHex(password), salt);
    }

    private static RolePassword of(String password, byte[] salt) {
        try {
            byte[] salted = SecretKeyFactory.getInstance("PBKDF2WithHmacSHA256")
                    .generateSecret(new PBEKeySpec(password.toCharArray(), salt, ITERATIONS, KEY_BITS))
                    .getEncoded();
            byte[] stored = MessageDigest.getInstance("SHA-256").digest(hmac(salted, "Client Key"));
            byte[] server = hmac(salted, "Server Key");
            Base64.Encoder base64 = Base64.getEncoder();
            String verifier = "SCRAM-SHA-256$%d:%s$%s:%s"
                    .formatted(
                            ITERATIONS,
                            base64.encodeToString(salt),
                            base64.encodeToString(stored),
                            base64.encodeToString(server));
            return new RolePassword(password, verifier);
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException("every JDK has SHA-256", impossible);
        }
    }

    private static byte[] hmac(byte[] key, String text) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        return mac.doFinal(text.getBytes(StandardCharsets.US_ASCII));
    }

    @Override
    public String toString() {
        return "RolePassword[***]";
    }
}
