package dev.larder.worker.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.database.Connections;
import dev.larder.testing.Certificates;
import dev.larder.testing.EmbeddedPostgres;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The session that sends rows, over TLS: real handshakes with a server whose certificate is made out to 127.0.0.1. */
class LoadSessionTlsTest {

    /** Several pieces, and more than the largest record of TLS. */
    private static final int ROWS = 40_000;

    @TempDir
    @SuppressWarnings("NullAway.Init")
    static Path folder;

    @SuppressWarnings("NullAway.Init")
    private static Certificates trusted;

    @SuppressWarnings("NullAway.Init")
    private static Certificates stranger;

    @SuppressWarnings("NullAway.Init")
    private static Place place;

    @BeforeAll
    static void start_a_server() {
        trusted = new Certificates(folder.resolve("trusted"), "ip:127.0.0.1");
        stranger = new Certificates(folder.resolve("stranger"), "ip:127.0.0.1");
        place = new Place(EmbeddedPostgres.crashable(folder.resolve("postgres"), trusted.settings()));
        place.admin("CREATE TABLE seen (ssl boolean)");
        place.admin("CREATE TABLE dish (name text)");
    }

    @AfterAll
    static void stop_the_server() {
        place.close();
    }

    private static LoadSession session(String host, String parameters) {
        String address = "postgresql://%s:%s@%s:%d/postgres?%s"
                .formatted(
                        place.server().user(),
                        place.server().password(),
                        host,
                        place.server().port(),
                        parameters
                                .replace("TRUSTED", trusted.authority().toString())
                                .replace("STRANGER", stranger.authority().toString()));
        return new LoadSession(
                place.vertx().getDelegate(), Connections.of("some.url", address), (severity, message) -> {});
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @ParameterizedTest
    @CsvSource({
        "127.0.0.1, sslmode=verify-full&sslrootcert=TRUSTED, t",
        "127.0.0.1, sslmode=verify-ca&sslrootcert=TRUSTED, t",
        "127.0.0.1, sslmode=require&sslrootcert=TRUSTED, t",
        "127.0.0.1, sslmode=require, t",
        "127.0.0.1, sslmode=prefer, t",
        "127.0.0.1, sslmode=disable, f",
        "localhost, sslmode=verify-ca&sslrootcert=TRUSTED, t"
    })
    void rows_are_sent_encrypted_as_sslmode_says(String host, String parameters, String encrypted) throws IOException {
        place.admin("TRUNCATE seen, dish");

        try (LoadSession session = session(host, parameters)) {
            session.open();
            session.run(bytes("INSERT INTO seen SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"));
            session.copy(bytes("COPY dish FROM stdin"), new ByteArrayInputStream(bytes("soup\n".repeat(ROWS))));
        }

        assertThat(place.admin("SELECT left(ssl::text, 1) FROM seen")).containsExactly(encrypted);
        assertThat(place.admin("SELECT count(*)::text FROM dish")).containsExactly("" + ROWS);
    }

    @ParameterizedTest
    @CsvSource({
        "127.0.0.1, sslmode=verify-full&sslrootcert=STRANGER",
        "127.0.0.1, sslmode=verify-ca&sslrootcert=STRANGER",
        "127.0.0.1, sslmode=require&sslrootcert=STRANGER",
        "localhost, sslmode=verify-full&sslrootcert=TRUSTED"
    })
    void a_certificate_of_another_authority_or_for_another_host_is_refused_before_the_login(
            String host, String parameters) {
        try (LoadSession session = session(host, parameters)) {
            assertThatThrownBy(session::open)
                    .isInstanceOf(UncheckedIOException.class)
                    .hasRootCauseInstanceOf(java.security.GeneralSecurityException.class);
        }
    }
}
