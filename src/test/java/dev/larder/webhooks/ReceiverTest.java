package dev.larder.webhooks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.webhooks.Receiver.Read;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which URLs a webhook may have, and where they lead. */
class ReceiverTest {

    private static String code(String url, boolean http) {
        return switch (Receiver.of(url, http)) {
            case Read.Good(Receiver unused) -> "";
            case Read.Refused(String code, String unused) -> code;
        };
    }

    private static Receiver receiver(String url) {
        return switch (Receiver.of(url, true)) {
            case Read.Good(Receiver receiver) -> receiver;
            case Read.Refused(String code, String detail) -> throw new AssertionError(code + " " + detail);
        };
    }

    @ParameterizedTest
    @CsvSource({
        "https://example.org, true, example.org, 443, /, example.org",
        "https://example.org/hooks?a=b%20c, true, example.org, 443, /hooks?a=b%20c, example.org",
        "HTTPS://Example.ORG:8443/x, true, example.org, 8443, /x, example.org:8443",
        "https://example.org.:443/, true, example.org, 443, /, example.org",
        "http://example.org/, false, example.org, 80, /, example.org",
        "http://example.org:443/, false, example.org, 443, /, example.org:443",
        "https://192.0.2.7:8080/, true, 192.0.2.7, 8080, /, 192.0.2.7:8080",
        "https://[2001:db8::7]/, true, 2001:db8::7, 443, /, [2001:db8::7]",
        "https://example.org/bücher, true, example.org, 443, /b%C3%BCcher, example.org",
        "https://xn--bcher-kva.example/, true, xn--bcher-kva.example, 443, /, xn--bcher-kva.example",
    })
    void a_url_leads_to_a_host_a_port_and_a_target(
            String url, boolean tls, String host, int port, String target, String authority) {
        Receiver receiver = receiver(url);

        assertThat(receiver).isEqualTo(new Receiver(tls, host, port, target));
        assertThat(receiver.authority()).isEqualTo(authority);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "example.org",
                "/hooks",
                "ftp://example.org/",
                "file:///etc/passwd",
                "https:",
                "https://",
                "https:///x",
                "https:example.org",
                "https://user@example.org/",
                "https://user:secret@example.org/",
                "https://example.org/#part",
                "https://exa mple.org/",
                "https://bücher.example/",
                "https://a..b/",
                "https://.a/",
                "https://2130706433/",
                "https://127.1/",
                "https://0177.0.0.1/",
                "https://0x7f.0.0.1/",
                "https://0x7f000001/",
                "https://127.0.0.01/",
                "https://1.2.3/",
                "https://1.2.3.4.5/",
                "https://256.1.1.1/",
                "https://127.0.0.1.:99999/",
                "https://example.org:0x50/",
                "https://[fe80::1%25eth0]/",
                "https://[::1/",
                "https://example.123/",
                "gopher://example.org/",
                "javascript:alert(1)",
                "https://example.org:-1/"
            })
    void a_url_that_programs_could_read_in_two_ways_is_refused(String url) {
        assertThat(code(url, true)).isIn("invalid_url", "port_not_allowed");
        assertThat(code(url, false)).isIn("invalid_url", "port_not_allowed");
    }

    @Test
    void a_long_url_is_refused() {
        String beginning = "https://example.org/";

        assertThat(code(beginning + "x".repeat(2_000 - beginning.length()), false))
                .isEmpty();
        assertThat(code(beginning + "x".repeat(2_001 - beginning.length()), false))
                .isEqualTo("invalid_url");
    }

    @Test
    void http_needs_a_setting() {
        assertThat(code("http://example.org/", false)).isEqualTo("https_required");
        assertThat(code("http://example.org/", true)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 22, 25, 79, 81, 442, 444, 1_023, 65_536})
    void ports_of_other_services_are_refused(int port) {
        assertThat(code("https://example.org:" + port + "/", false)).isEqualTo("port_not_allowed");
    }

    @ParameterizedTest
    @ValueSource(ints = {80, 443, 1_024, 8_443, 65_535})
    void ports_of_the_web_and_of_users_are_allowed(int port) {
        assertThat(code("https://example.org:" + port + "/", false)).isEmpty();
    }
}
