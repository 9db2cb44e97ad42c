package dev.larder.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.model.MisconfiguredException;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.pgclient.SslMode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConnectionsTest {

    private static final String KEY = "some.url";

    @TempDir
    Path folder;

    private String authority = "";

    @BeforeEach
    void authority() throws IOException {
        authority = Files.writeString(folder.resolve("ca.pem"), "-").toString();
    }

    private static PgConnectOptions of(String address) {
        return Connections.of(KEY, address);
    }

    @Test
    void verify_full_checks_the_authority_and_the_host() {
        PgConnectOptions options = of("postgresql://db/larder?sslmode=verify-full&sslrootcert=" + authority);

        assertThat(options.getSslMode()).isEqualTo(SslMode.VERIFY_FULL);
        assertThat(options.getHostnameVerificationAlgorithm()).isEqualTo("HTTPS");
        assertThat(options.getTrustOptions()).isNotNull();
        assertThat(options.isTrustAll()).isFalse();
        assertThat(options.getProperties()).doesNotContainKey("sslrootcert");
    }

    @Test
    void verify_ca_checks_the_authority_only() {
        PgConnectOptions options = of("postgresql://db/larder?sslmode=verify-ca&sslrootcert=" + authority);

        assertThat(options.getSslMode()).isEqualTo(SslMode.VERIFY_CA);
        assertThat(options.getHostnameVerificationAlgorithm()).isEmpty();
        assertThat(options.isTrustAll()).isFalse();
    }

    @Test
    void require_checks_nothing_without_an_authority_and_the_authority_with_one() {
        assertThat(of("postgresql://db/larder?sslmode=require").isTrustAll()).isTrue();

        PgConnectOptions with = of("postgresql://db/larder?sslmode=require&sslrootcert=" + authority);
        assertThat(with.getSslMode()).isEqualTo(SslMode.VERIFY_CA);
        assertThat(with.isTrustAll()).isFalse();
    }

    @Test
    void an_address_without_parameters_stays_as_it_is() {
        PgConnectOptions options = of("vertx-reactive:postgresql://user:secret@db:6432/larder");

        assertThat(options.getHost() + ":" + options.getPort() + "/" + options.getDatabase())
                .isEqualTo("db:6432/larder");
        assertThat(options.getUser() + ":" + options.getPassword()).isEqualTo("user:secret");
        assertThat(options.getSslMode()).isEqualTo(SslMode.DISABLE);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    postgresql://u:secret@db/x?sslmode=verify-full          | sslrootcert must name a file
                    postgresql://u:secret@db/x?sslrootcert=/dev/null        | an sslmode is needed
                    postgresql://u:secret@db/x?sslmode=verify-full&sslrootcert=/none/ca.pem | sslrootcert names cannot be read
                    postgresql://u:secret@db/x?sslmode=require&sslcert=/dev/null | given together
                    postgresql://u:secret@db/x?ssl=true                     | is not a parameter Larder knows
                    postgresql://u:secret@db/x?sslmode=sometimes            | is not an address
                    postgresql://u:secret@db/x?target_session_attrs=standby | must be primary
                    postgresql://u:secret@db/x?connect_timeout=soon         | whole seconds
                    jdbc:postgresql://u:secret@db/x                         | is not an address
                    mysql://u:secret@db/x                                   | is not an address
                    postgresql://u:secret@db:port/x                         | is not an address
                    """)
    void what_cannot_be_used_is_refused_in_one_sentence_without_a_secret(String address, String why) {
        assertThatThrownBy(() -> of(address.strip()))
                .isInstanceOf(MisconfiguredException.class)
                .hasMessageStartingWith(KEY + ": ")
                .hasMessageContaining(why.strip())
                .hasMessageNotContaining("secret")
                .hasMessageNotContaining("\n");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    postgresql://a:1,b:2/db?x=y            | postgresql://a:1/db?x=y,postgresql://b:2/db?x=y
                    postgresql://u:p@a,[::1]:2             | postgresql://u:p@a,postgresql://u:p@[::1]:2
                    vertx-reactive:postgres://a,b/db       | vertx-reactive:postgres://a/db,vertx-reactive:postgres://b/db
                    postgresql://a:1/db,postgresql://b:2/db | postgresql://a:1/db,postgresql://b:2/db
                    postgresql://a,postgresql://b          | postgresql://a,postgresql://b
                    postgresql://a/db                      | postgresql://a/db
                    """)
    void several_hosts_become_one_address_each(String written, String each) {
        assertThat(Connections.oneHostEach(written.strip())).isEqualTo(each.strip());
    }

    @Test
    void a_copy_still_knows_that_a_proxy_is_in_between() {
        assertThat(Connections.copy(of("postgresql://db/larder").setUseLayer7Proxy(true))
                        .getUseLayer7Proxy())
                .isTrue();
    }

    @Test
    void nothing_is_sent_at_the_start_of_a_session_that_a_pooler_refuses() {
        assertThat(of("postgresql://db/larder").getProperties())
                .containsEntry("application_name", "larder")
                .doesNotContainKeys("extra_float_digits", "intervalStyle");
    }

    @Test
    void a_direct_address_has_what_it_leaves_out_from_the_data_source() {
        PgConnectOptions source = of("postgresql://u:p@pooler:6432/larder?sslmode=require");

        PgConnectOptions direct =
                Connections.like(KEY, source, "postgresql://db:5432/larder").getFirst();

        assertThat(direct.getHost() + ":" + direct.getPort()).isEqualTo("db:5432");
        assertThat(direct.getUser() + ":" + direct.getPassword()).isEqualTo("u:p");
        assertThat(direct.getSslMode()).isEqualTo(SslMode.REQUIRE);
        assertThat(Connections.like(KEY, source, "postgresql://v:q@a,b/larder?sslmode=disable"))
                .extracting(one -> one.getHost() + one.getUser() + one.getSslMode())
                .containsExactly("avDISABLE", "bvDISABLE");
    }
}
