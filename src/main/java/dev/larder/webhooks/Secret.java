package dev.larder.webhooks;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * What a webhook and its receiver share, written as in Standard Webhooks: {@code whsec_} and 24 to 64 bytes in Base64.
 */
final class Secret {

    static final int BYTES = 32;
    static final int BYTES_MIN = 24;
    static final int BYTES_MAX = 64;

    private static final String PREFIX = "whsec_";
    private static final String MAC = "HmacSHA256";

    private final byte[] bytes;

    private Secret(byte[] bytes) {
        this.bytes = bytes;
    }

    static Secret of(byte[] bytes) {
        return new Secret(bytes.clone());
    }

    /** Empty where the text is no secret. */
    static Optional<Secret> read(String text) {
        try {
            byte[] bytes = Base64.getDecoder().decode(text.substring(Math.min(text.length(), PREFIX.length())));
            return text.startsWith(PREFIX) && bytes.length >= BYTES_MIN && bytes.length <= BYTES_MAX
                    ? Optional.of(new Secret(bytes))
                    : Optional.empty();
        } catch (IllegalArgumentException notBase64) {
            return Optional.empty();
        }
    }

    /** The secret as its receiver is given it. */
    String reveal() {
        return PREFIX + Base64.getEncoder().encodeToString(bytes);
    }

    /**
     * The header {@code webhook-signature}: one signature for each secret, so that a receiver may have either while
     * they are exchanged.
     *
     * @param timestamp seconds since 1970, as in the header {@code webhook-timestamp}
     */
    static String signatures(List<Secret> secrets, String id, long timestamp, String body) {
        byte[] content = (id + "." + timestamp + "." + body).getBytes(StandardCharsets.UTF_8);
        return secrets.stream()
                .map(secret -> "v1," + Base64.getEncoder().encodeToString(secret.sign(content)))
                .collect(Collectors.joining(" "));
    }

    private byte[] sign(byte[] content) {
        try {
            Mac mac = Mac.getInstance(MAC);
            mac.init(new SecretKeySpec(bytes, MAC));
            return mac.doFinal(content);
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    @Override
    public String toString() {
        return "a secret";
    }
}
