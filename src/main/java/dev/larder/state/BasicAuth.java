package dev.larder.state;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** User name and password of an Authorization header (RFC 7617). A bearer token is a password without a name. */
record BasicAuth(String name, String password) {

    private static final String BASIC = "basic ";
    private static final String BEARER = "bearer ";

    /** Empty where there is no header, or it cannot be read. */
    static Optional<BasicAuth> of(@Nullable String header) {
        if (header == null) {
            return Optional.empty();
        }
        if (header.regionMatches(true, 0, BEARER, 0, BEARER.length())) {
            return Optional.of(
                    new BasicAuth("", header.substring(BEARER.length()).strip()));
        }
        if (!header.regionMatches(true, 0, BASIC, 0, BASIC.length())) {
            return Optional.empty();
        }
        return decoded(header.substring(BASIC.length()).strip());
    }

    private static Optional<BasicAuth> decoded(String text) {
        String pair;
        try {
            pair = new String(Base64.getDecoder().decode(text), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException notBase64) {
            return Optional.empty();
        }
        int colon = pair.indexOf(':');
        return colon < 0
                ? Optional.empty()
                : Optional.of(new BasicAuth(pair.substring(0, colon), pair.substring(colon + 1)));
    }

    byte[] passwordHash() {
        try {
            return MessageDigest.getInstance("SHA-256").digest(password.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** Without the password, which is secret. */
    @Override
    public String toString() {
        return "BasicAuth[name=" + name + "]";
    }
}
