package dev.larder.state;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.http.PageRequest;
import dev.larder.state.KeyRotationStore.Rotation;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.Eventually;
import dev.larder.testing.Stock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** S20 and the rotation of keys as an operation: begun, stopped, killed, resumed. */
class KeyRotationTest {

    private final Stock stock = new Stock();
    private final Given old = new Given(stock, "one");
    private final Given now = new Given(stock, "two one");
    private final UUID owner = stock.owner.userId();

    @AfterEach
    void close() {
        stock.close();
    }

    @CanIgnoreReturnValue
    private List<UUID> written(int count) {
        List<UUID> states = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            states.add(old.written(Given.body(1), Given.body(2)));
        }
        return states;
    }

    private Rotation latest() {
        return await(now.rotations.list(PageRequest.of("1", null))).items().getFirst();
    }

    private void awaitEnd() {
        Eventually.see(this::latest, seen -> !seen.status().equals("running"));
    }

    private int others() {
        return stock.count("state_versions WHERE key_id <> 'two'") + stock.count("state_rejects WHERE key_id <> 'two'");
    }

    @Test
    void after_a_rotation_the_older_key_is_not_needed_any_more() {
        List<UUID> states = written(3);
        var rejected = (Promotion.Result.Rejected) old.put(states.getFirst(), UUID.randomUUID(), Given.body(3));

        assertThat(await(now.rotations.start(owner))).isPresent();
        awaitEnd();

        assertThat(latest().status()).isEqualTo("completed");
        assertThat(latest().rewrapped()).isEqualTo(7);
        assertThat(others()).isZero();
        Given without = new Given(stock, "two");
        for (UUID state : states) {
            assertThat(without.read(state, 1)).isEqualTo(Given.body(1));
            assertThat(without.read(state, 2)).isEqualTo(Given.body(2));
        }
        await(without.states.promote(rejected.reject(), owner));
        assertThat(without.read(states.getFirst(), 3)).isEqualTo(Given.body(3));
        assertThat(new Given(stock, "one").refused(states.getFirst(), 1)).isEqualTo("encryption_key_unavailable");
    }

    @Test
    void a_second_rotation_is_not_begun_while_one_runs() {
        stock.sql(
                "INSERT INTO key_rotations (id, key_id, status, started_by, started_at, heartbeat_at)"
                        + " VALUES (gen_random_uuid(), 'two', 'running', $1, $2, $2)",
                owner,
                Stock.NOON.atOffset(java.time.ZoneOffset.UTC));

        assertThat(await(now.rotations.start(owner))).isEmpty();
    }

    @Test
    void a_stopped_rotation_changes_nothing_more_and_a_later_one_goes_on_where_it_was() {
        written(3);
        Rotation stopped = running(Duration.ZERO);
        assertThat(await(now.rotations.stop(stopped.id(), owner))).contains(true);
        stock.clock.forward(Duration.ofMinutes(2));
        await(now.rotations.look());
        assertThat(others()).isEqualTo(6);
        assertThat(await(now.rotations.stop(stopped.id(), owner))).contains(false);
        assertThat(await(now.rotations.stop(UUID.randomUUID(), owner))).isEmpty();
        assertThat(stock.count("audit WHERE action IN ('state.rotate_keys', 'state.stop_key_rotation')"))
                .isEqualTo(2);

        assertThat(await(now.rotations.start(owner))).isPresent();
        awaitEnd();
        assertThat(others()).isZero();
    }

    @Test
    void a_rotation_that_begins_right_after_a_stop_is_completed() {
        written(3);
        for (int round = 0; round < 5; round++) {
            Rotation begun = await(now.rotations.start(owner)).orElseThrow();
            var stopped = await(now.rotations.stop(begun.id(), owner));
            stock.clock.forward(Duration.ofMillis(1));
            assertThat(stopped).isPresent();
        }
        assertThat(await(now.rotations.start(owner))).isPresent();
        awaitEnd();

        assertThat(latest().status()).isEqualTo("completed");
        assertThat(others()).isZero();
    }

    /** As a killed server leaves it: half of the keys are wrapped, and nothing beats. */
    private Rotation running(Duration silent) {
        Rotation rotation = await(
                        new KeyRotationStore(stock.pool, stock.ids).begin("two", owner, stock.clock.instant()))
                .orElseThrow();
        stock.clock.forward(silent);
        return rotation;
    }

    @Test
    void the_rotation_of_a_killed_server_is_resumed_by_another_one() {
        written(2);
        Rotation killed = running(KeyRotations.SILENT);

        await(now.rotations.look());
        assertThat(others()).isEqualTo(4);
        stock.clock.forward(Duration.ofMillis(1));
        await(now.rotations.look());
        awaitEnd();

        assertThat(latest().id()).isEqualTo(killed.id());
        assertThat(latest().status()).isEqualTo("completed");
        assertThat(others()).isZero();
    }

    @Test
    void a_rotation_to_a_key_that_no_server_has_is_marked_as_failed() {
        written(1);
        Rotation killed = running(KeyRotations.ABANDONED);
        Given lacking = new Given(stock, "one");

        await(lacking.rotations.look());
        assertThat(latest().status()).isEqualTo("running");
        stock.clock.forward(Duration.ofMillis(1));
        await(lacking.rotations.look());

        assertThat(latest().id()).isEqualTo(killed.id());
        assertThat(latest().status()).isEqualTo("failed");
        assertThat(latest().error()).isEqualTo("abandoned");
    }

    @Test
    void bodies_whose_key_is_gone_or_that_are_damaged_are_left_and_told() {
        UUID damaged = written(2).getFirst();
        stock.sql(
                "UPDATE state_versions SET wrapped_key = set_byte(wrapped_key, 30, get_byte(wrapped_key, 30) # 1) WHERE state_id = $1",
                damaged);
        new Given(stock, "zero").written(Given.body(1));

        assertThat(await(now.rotations.start(owner))).isPresent();
        awaitEnd();

        assertThat(latest().status()).isEqualTo("failed");
        assertThat(latest().error())
                .isEqualTo(
                        "3 bodies are wrapped with other keys; 2 of them could not be opened with a key of this server");
        assertThat(latest().rewrapped()).isEqualTo(2);
    }

    @Test
    void a_rotation_takes_more_than_one_batch() {
        UUID state = old.state();
        UUID mutation = old.mutation(state);
        for (int serial = 1; serial <= 210; serial++) {
            old.put(state, mutation, Given.body(serial));
        }

        assertThat(await(now.rotations.start(owner))).isPresent();
        awaitEnd();

        assertThat(latest().rewrapped()).isEqualTo(210);
        assertThat(others()).isZero();
    }
}
