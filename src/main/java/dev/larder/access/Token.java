package dev.larder.access;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A bearer token: {@code larder_} and 32 random bytes in base64url. The database holds only its SHA-256: the
 * secret cannot be guessed, so it needs no salt.
 */
final class Token {

    private static final String PREFIX = "larder_";
    private static final int SECRET_BYTES = 32;
    private static final Pattern FORM = Pattern.compile(PREFIX + "[A-Za-z0-9_-]{43}");

    private final String text;

    private Token(String text) {
        this.text = text;
    }

    static Token random() {
        byte[] secret = new byte[SECRET_BYTES];
        // Not kept in a static field: a native image must not hold a seeded generator.
        new SecureRandom().nextBytes(secret);
        return new Token(PREFIX + Base64.getUrlEncoder().withoutPadding().encodeToString(secret));
    }

    /** Empty where the text does not have the form of a token; the database need not be asked then. */
    static Optional<Token> parse(String text) {
        return FORM.matcher(text).matches() ? Optional.of(new Token(text)) : Optional.empty();
    }

    byte[] hash() {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.US_ASCII));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** The secret itself: to be shown once, never logged. */
    String reveal() {
        return text;
    }

    @Override
    public String toString() {
        return PREFIX + "…";
    }
}
