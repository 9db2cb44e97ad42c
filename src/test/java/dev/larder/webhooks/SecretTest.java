package dev.larder.webhooks;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Secrets and signatures, as in Standard Webhooks. */
class SecretTest {

    private static Secret secret(String text) {
        return Secret.read(text).orElseThrow();
    }

    /** The example of the specification's reference libraries. */
    @Test
    void a_signature_is_that_of_standard_webhooks() {
        Secret secret = secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

        assertThat(Secret.signatures(
                        List.of(secret), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, "{\"test\": 2432232314}"))
                .isEqualTo("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    @Test
    void while_secrets_are_exchanged_both_sign() {
        Secret now = Secret.of(new byte[32]);
        Secret before = secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        String ofNow = Secret.signatures(List.of(now), "id", 1, "body");
        String ofBefore = Secret.signatures(List.of(before), "id", 1, "body");

        assertThat(Secret.signatures(List.of(now, before), "id", 1, "body")).isEqualTo(ofNow + " " + ofBefore);
        assertThat(ofNow).isNotEqualTo(ofBefore);
    }

    @Test
    void a_secret_is_read_as_it_was_revealed_and_shows_itself_nowhere_else() {
        String text = "whsec_" + Base64.getEncoder().encodeToString(new byte[64]);

        assertThat(secret(text).reveal()).isEqualTo(text);
        assertThat(secret(text).toString()).doesNotContain("AAA");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "whsec_",
                "secret",
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
                "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!",
                "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "whsec_c2hvcnQ="
            })
    void what_is_no_secret_or_too_short_is_refused(String text) {
        assertThat(Secret.read(text)).isEmpty();
    }

    @Test
    void a_secret_that_is_too_long_is_refused() {
        assertThat(Secret.read("whsec_" + Base64.getEncoder().encodeToString(new byte[65])))
                .isEmpty();
    }
}
