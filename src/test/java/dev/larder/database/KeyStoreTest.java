package dev.larder.database;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.model.MisconfiguredException;
import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.InstantSource;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KeyStoreTest {

    private static final String ONE = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    private static final String OTHER = "MTEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

    private final Database database = Databases.fresh();

    @AfterEach
    void close() {
        database.close();
    }

    private Uni<Void> verify(String key) {
        return new KeyStore(database.pool(), new Encryption(key), InstantSource.system()).verify();
    }

    @Test
    void the_first_server_s_key_is_the_deployment_s() {
        await(verify(ONE));

        await(verify(ONE));
        assertThatThrownBy(() -> await(verify(OTHER)))
                .isInstanceOf(MisconfiguredException.class)
                .hasMessageContaining("larder.encryption.key is not the key");
        await(verify(ONE));
    }

    @Test
    void the_check_value_does_not_tell_the_key() {
        await(verify(ONE));

        String kept = database.pool()
                .query("SELECT id || encode(check_sealed, 'escape') AS kept FROM encryption_keys")
                .executeAndAwait()
                .iterator()
                .next()
                .getString("kept");
        assertThat(kept).doesNotContain(ONE).doesNotContain("01234567890").doesNotContain("larder");
    }

    @Test
    void of_servers_that_start_at_once_with_different_keys_one_goes_on() {
        List<Uni<Boolean>> starts = List.of(ONE, OTHER, ONE, OTHER).stream()
                .map(key -> verify(key)
                        .replaceWith(true)
                        .onFailure(MisconfiguredException.class)
                        .recoverWithItem(false))
                .toList();

        List<Boolean> started = await(Uni.join().all(starts).andFailFast());

        assertThat(started).isIn(List.of(true, false, true, false), List.of(false, true, false, true));
    }

    @Test
    void a_deployment_from_before_the_check_is_known_by_what_it_has_sealed() {
        sealedParameterOf(OTHER);

        assertThatThrownBy(() -> await(verify(ONE))).isInstanceOf(MisconfiguredException.class);
        assertThat(database.pool()
                        .query("SELECT FROM encryption_keys")
                        .executeAndAwait()
                        .rowCount())
                .isZero();

        await(verify(OTHER));
        assertThatThrownBy(() -> await(verify(ONE))).isInstanceOf(MisconfiguredException.class);
    }

    @Test
    void a_damaged_secret_does_not_keep_a_deployment_from_its_own_key() {
        sealedParameterOf(ONE);
        sealedParameter("damaged", new byte[] {1, 2, 3});

        await(verify(ONE));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "abc", "not base 64!", "c2hvcnQ=", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEy"})
    void a_malformed_key_is_refused_by_name_and_not_repeated(String key) {
        assertThatThrownBy(() -> new Encryption(key))
                .isInstanceOf(MisconfiguredException.class)
                .hasMessageStartingWith("larder.encryption.key ")
                .hasMessageContaining("openssl rand -base64 32")
                .hasMessageNotContaining(key.isEmpty() ? "nothing to repeat" : key);
    }

    private void sealedParameterOf(String key) {
        UUID preset = UUID.nameUUIDFromBytes(key.getBytes(java.nio.charset.StandardCharsets.US_ASCII));
        sealedParameter(preset, "password", new Encryption(key).encrypt(preset, "hunter2"));
    }

    private void sealedParameter(String name, byte[] sealed) {
        sealedParameter(UUID.randomUUID(), name, sealed);
    }

    /** Beside everything else that a preset needs. */
    private void sealedParameter(UUID preset, String name, byte[] sealed) {
        var unused = database.pool()
                .withTransaction(connection -> connection
                        .query("SET LOCAL session_replication_role = replica")
                        .execute()
                        .chain(() -> connection
                                .preparedQuery(
                                        "INSERT INTO preset_parameters (preset_id, name, sealed) VALUES ($1, $2, $3)")
                                .execute(Tuple.of(preset, name, Buffer.buffer(sealed)))))
                .await()
                .indefinitely();
    }
}
