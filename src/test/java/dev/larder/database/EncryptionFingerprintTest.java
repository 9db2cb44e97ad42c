package dev.larder.database;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class EncryptionFingerprintTest {

    private static final byte[] CONTENT = "content".getBytes(StandardCharsets.UTF_8);

    private final Encryption encryption = new Encryption("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=");

    @Test
    void the_same_content_has_the_same_fingerprint_and_another_has_another() {
        assertThat(encryption.fingerprint(CONTENT))
                .hasSize(32)
                .isEqualTo(encryption.fingerprint(CONTENT.clone()))
                .isNotEqualTo(encryption.fingerprint(new byte[0]));
    }

    @Test
    void without_the_key_a_guess_cannot_be_checked() {
        Encryption other = new Encryption("MTEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=");

        assertThat(other.fingerprint(CONTENT)).isNotEqualTo(encryption.fingerprint(CONTENT));
    }
}
