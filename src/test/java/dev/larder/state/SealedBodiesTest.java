package dev.larder.state;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.http.PageRequest;
import dev.larder.model.MisconfiguredException;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Row;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** S20: what is sealed is opened by its own key as its own row's, or not at all. */
class SealedBodiesTest {

    private final Stock stock = new Stock();
    private final Given given = new Given(stock);

    @AfterEach
    void close() {
        stock.close();
    }

    @Test
    void nothing_of_a_body_is_in_the_database_in_clear() {
        UUID state = given.written(Given.body(1), Given.body(2));
        given.put(state, UUID.randomUUID(), Given.body(3));

        for (String table : List.of("states", "state_versions", "state_rejects", "state_mutations", "audit")) {
            for (Row row : await(
                    stock.pool.query("SELECT t::text FROM " + table + " t").execute())) {
                assertThat(row.getString(0)).doesNotContain(Given.SECRET).doesNotContain(hex(Given.SECRET));
            }
        }
    }

    private static String hex(String text) {
        return java.util.HexFormat.of().formatHex(text.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void a_body_is_not_opened_as_another_states() {
        UUID one = given.written(Given.body(1, Given.LINEAGE, "one"));
        UUID two = given.written(Given.body(1, Given.LINEAGE, "two"));
        String all = "body = o.body, wrapped_key = o.wrapped_key, key_id = o.key_id, digest = o.digest, size = o.size";
        stock.sql(
                "UPDATE state_versions v SET " + all + " FROM state_versions o"
                        + " WHERE v.state_id <> o.state_id AND v.version = o.version AND o.state_id IN ($1, $2)",
                one,
                two);

        assertThat(another().refused(one, 1)).isEqualTo("state_corrupt");
        assertThat(another().refused(two, 1)).isEqualTo("state_corrupt");
        assertThat(given.status(one)).isEqualTo("corrupt(state_corrupt)");
    }

    @Test
    void an_older_body_is_not_opened_as_the_current_one() {
        UUID state = given.written(Given.body(1), Given.body(2));
        putBack(state, "body, wrapped_key, digest, size, serial");

        assertThat(another().refused(state, 2)).isEqualTo("state_corrupt");
        assertThat(another().refused(state, 1)).startsWith("read");
    }

    @Test
    void each_changed_part_of_a_row_is_noticed() {
        for (String part : List.of("body", "wrapped_key", "digest", "body, wrapped_key")) {
            UUID state = given.written(Given.body(1), Given.body(2));
            putBack(state, part);

            assertThat(another().refused(state, 2)).as(part).isEqualTo("state_corrupt");
        }
        UUID state = given.written(Given.body(1));
        stock.sql(
                "UPDATE state_versions SET body = set_byte(body, 40, get_byte(body, 40) # 1) WHERE state_id = $1",
                state);
        assertThat(another().refused(state, 1)).isEqualTo("state_corrupt");
        stock.sql("UPDATE state_versions SET body = '' WHERE state_id = $1", state);
        assertThat(another().refused(state, 1)).isEqualTo("state_corrupt");
    }

    private void putBack(UUID state, String columns) {
        String each = String.join(
                ", ",
                List.of(columns.split(", ")).stream()
                        .map(column -> column + " = o." + column)
                        .toList());
        stock.sql(
                "UPDATE state_versions v SET " + each + " FROM state_versions o"
                        + " WHERE v.state_id = $1 AND o.state_id = $1 AND v.version = 2 AND o.version = 1",
                state);
    }

    /** I8. */
    @Test
    void a_missing_body_or_row_is_never_no_state() {
        UUID body = given.written(Given.body(1));
        stock.sql("UPDATE state_versions SET body = NULL WHERE state_id = $1", body);
        UUID row = given.written(Given.body(1), Given.body(2));
        stock.sql("DELETE FROM state_versions WHERE state_id = $1 AND version = 2", row);

        assertThat(another().refused(body, 1)).isEqualTo("state_body_missing");
        assertThat(another().refused(row, 2)).isEqualTo("state_body_missing");
        assertThat(another().refused(row, 3)).isEqualTo("version_not_found");
        assertThat(another().refused(row, 0)).isEqualTo("version_not_found");
        assertThat(another().refused(UUID.randomUUID(), 1)).isEqualTo("state_not_found");
        assertThat(given.status(body)).isEqualTo("corrupt(state_body_missing)");
        assertThat(given.status(row)).isEqualTo("corrupt(state_body_missing)");
    }

    @Test
    void a_damaged_older_version_says_nothing_of_the_state_and_a_corrupt_state_is_restored_from_a_sound_one() {
        UUID state = given.written(Given.body(1), Given.body(2), Given.body(3));
        stock.sql("UPDATE state_versions SET body = NULL WHERE state_id = $1 AND version IN (2)", state);
        assertThat(another().refused(state, 2)).isEqualTo("state_body_missing");
        assertThat(given.status(state)).isEqualTo("reliable");

        stock.sql("UPDATE state_versions SET body = NULL WHERE state_id = $1 AND version = 3", state);
        Given server = another();
        assertThat(server.refused(state, 3)).isEqualTo("state_body_missing");
        assertThat(given.status(state)).isEqualTo("corrupt(state_body_missing)");
        await(server.states.restore(state, 1, stock.owner.userId(), "3 is gone"));
        assertThat(given.status(state)).isEqualTo("reliable");
        assertThat(server.read(state, 4)).isEqualTo(Given.body(1));
    }

    @Test
    void a_state_in_a_mutation_is_left_to_that() {
        UUID state = given.written(Given.body(1));
        UUID open = given.mutation(state);
        stock.sql("UPDATE state_versions SET body = NULL WHERE state_id = $1", state);

        assertThat(another().refused(state, 1)).isEqualTo("state_body_missing");
        assertThat(given.status(state)).isEqualTo("in_flight");
        assertThat(given.mutationRow(open).getOffsetDateTime("ended_at")).isNull();
    }

    @Test
    void a_missing_key_is_no_damage() {
        Given one = new Given(stock, "one");
        UUID state = one.written(Given.body(1));

        assertThat(new Given(stock).refused(state, 1)).isEqualTo("encryption_key_unavailable");
        assertThat(new Given(stock, "one:changed").refused(state, 1)).isEqualTo("encryption_key_unavailable");
        assertThat(given.status(state)).isEqualTo("reliable");
        assertThat(new Given(stock, "two one").read(state, 1)).isEqualTo(Given.body(1));
    }

    @Test
    void what_the_default_key_sealed_is_opened_after_other_keys_were_configured() {
        UUID state = given.written(Given.body(1));
        Given later = new Given(stock, "two one");

        assertThat(later.read(state, 1)).isEqualTo(Given.body(1));
        UUID mutation = later.mutation(state);
        later.put(state, mutation, Given.body(2));
        assertThat(later.longs(
                        "SELECT count(*) AS n FROM state_versions WHERE state_id = $1 AND key_id = 'two'", state))
                .containsExactly(1L);
    }

    @Test
    void equal_bodies_are_sealed_differently() {
        UUID one = given.written(Given.body(1));
        UUID two = given.written(Given.body(1));

        assertThat(one).isNotEqualTo(two);
        assertThat(stock.row(
                                "SELECT count(DISTINCT body)::integer AS n FROM state_versions",
                                io.vertx.mutiny.sqlclient.Tuple.tuple())
                        .getInteger("n"))
                .isEqualTo(2);
    }

    @Test
    void a_ring_that_cannot_be_read_ends_the_start() {
        for (String keys : List.of("one", "one:x", "One:AAAA", "one:AAAA", ":AAAA")) {
            assertThatThrownBy(() -> new StateKeys(stock.encryption, Optional.of(List.of(keys)), Optional.empty()))
                    .as(keys)
                    .isInstanceOf(MisconfiguredException.class)
                    .hasMessageStartingWith("larder.state.keys ")
                    .hasMessageNotContaining("AAAA");
        }
        String key = "one:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
        assertThatThrownBy(() -> new StateKeys(stock.encryption, Optional.of(List.of(key, key)), Optional.empty()))
                .isInstanceOf(MisconfiguredException.class);
        assertThatThrownBy(() -> new StateKeys(stock.encryption, Optional.of(List.of(key)), Optional.of("two")))
                .isInstanceOf(MisconfiguredException.class)
                .hasMessageStartingWith("larder.state.current-key ");
        assertThat(new StateKeys(stock.encryption, Optional.of(List.of(key)), Optional.of("default")).current())
                .isEqualTo("default");
    }

    @Test
    void the_cache_holds_no_more_bytes_than_its_bound_and_forgets_the_least_used_first() {
        BodyCache cache = new BodyCache(1_000);
        UUID state = UUID.randomUUID();
        for (int version = 1; version <= 3; version++) {
            cache.keep(state, body(version, 400));
            assertThat(cache.find(state, 1)).isPresent();
        }

        assertThat(cache.bytes()).isEqualTo(800);
        assertThat(cache.find(state, 2)).isEmpty();
        assertThat(cache.find(state, 3)).isPresent();
        assertThat(cache.find(UUID.randomUUID(), 3)).isEmpty();
        cache.keep(state, body(3, 400));
        cache.keep(state, body(4, 501));
        assertThat(cache.bytes()).isEqualTo(800);
        assertThat(cache.find(state, 4)).isEmpty();
    }

    private static Body body(long version, int size) {
        return new Body(version, new byte[size], Given.JSON, new byte[16], "");
    }

    @Test
    void a_cached_body_is_read_without_the_database_and_the_current_version_never_is() {
        UUID state = given.written(Given.body(1));
        assertThat(given.read(state, 1)).isEqualTo(Given.body(1));
        stock.sql("UPDATE state_versions SET body = NULL WHERE state_id = $1", state);

        assertThat(given.read(state, 1)).isEqualTo(Given.body(1));
        stock.sql("UPDATE states SET current_version = 7 WHERE id = $1", state);
        assertThat(given.look(state).version()).isEqualTo(7);
        assertThat(await(given.states.versions(state, PageRequest.of(null, null)))
                        .items())
                .hasSize(1);
    }

    /** As a server that has just started. */
    private Given another() {
        return new Given(stock);
    }
}
