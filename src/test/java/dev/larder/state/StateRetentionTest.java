package dev.larder.state;

import static dev.larder.testing.CleanupTypes.run;
import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.database.CleanupType.Batch;
import dev.larder.database.Rows;
import dev.larder.testing.Stock;
import java.time.Duration;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** S19: what goes after its retention, and what never goes, of states. */
class StateRetentionTest {

    private static final int BATCH = 4;
    private static final Duration MONTH = Duration.ofDays(31);

    private final Stock stock = new Stock();
    private final Given given = new Given(stock);

    @AfterEach
    void close() {
        stock.close();
    }

    /** Each body by a mutation of its own, so that all are final. */
    private UUID finals(int count) {
        UUID state = given.state();
        IntStream.rangeClosed(1, count).forEach(serial -> {
            UUID mutation = given.mutation(state);
            given.put(state, mutation, Given.body(serial));
            given.end(mutation, "reliable");
        });
        return state;
    }

    private void kinds(UUID state, String kind) {
        stock.sql("UPDATE state_versions SET kind = $2 WHERE state_id = $1", state, kind);
    }

    private int versions(UUID state) {
        return stock.count("state_versions WHERE state_id = '" + state + "'");
    }

    private boolean has(UUID state, long version) {
        return stock.count("state_versions WHERE state_id = '" + state + "' AND version = " + version) == 1;
    }

    @Test
    void of_final_versions_the_last_ten_stay_and_those_of_thirty_days() {
        UUID state = finals(14);
        kinds(state, "final");
        UUID few = finals(3);
        kinds(few, "final");
        stock.clock.forward(Duration.ofDays(29));
        assertThat(run(stock, "state_versions", BATCH).deleted()).isZero();
        stock.clock.forward(Duration.ofDays(2));

        Batch done = run(stock, "state_versions", BATCH);

        assertThat(done.examined()).isEqualTo(17);
        assertThat(done.deleted()).isEqualTo(4);
        assertThat(done.bytes()).isGreaterThan(4 * 100);
        assertThat(versions(state)).isEqualTo(10);
        assertThat(has(state, 4)).isFalse();
        assertThat(given.read(state, 14)).isEqualTo(Given.body(14));
        assertThat(versions(few)).isEqualTo(3);
    }

    @Test
    void intermediate_versions_go_after_a_day_but_not_the_current_and_the_reliable_one() {
        UUID state = given.state();
        UUID first = given.mutation(state);
        given.put(state, first, Given.body(1));
        given.put(state, first, Given.body(2));
        given.end(first, "reliable");
        UUID second = given.mutation(state);
        given.put(state, second, Given.body(3));
        given.put(state, second, Given.body(4));
        given.end(second, "unreliable");
        kinds(state, "intermediate");
        stock.clock.forward(Duration.ofHours(23));
        assertThat(run(stock, "state_versions", BATCH).deleted()).isZero();
        stock.clock.forward(Duration.ofHours(2));

        assertThat(run(stock, "state_versions", BATCH).deleted()).isEqualTo(2);

        assertThat(has(state, 2)).as("the reliable one").isTrue();
        assertThat(has(state, 4)).as("the current one").isTrue();
    }

    @Test
    void versions_that_an_open_mutation_began_with_or_wrote_stay() {
        UUID state = finals(2);
        UUID open = given.mutation(state);
        given.put(state, open, Given.body(3));
        given.put(state, open, Given.body(4));
        kinds(state, "intermediate");
        stock.clock.forward(MONTH);

        assertThat(run(stock, "state_versions", BATCH).deleted()).isEqualTo(1);

        assertThat(has(state, 1)).isFalse();
        assertThat(versions(state)).isEqualTo(3);
    }

    @Test
    void rejects_go_after_two_weeks_but_the_last_five_stay_and_those_of_an_unreliable_state() {
        UUID reliable = finals(1);
        UUID unreliable = finals(1);
        UUID mutation = given.mutation(unreliable);
        given.end(mutation, "unreliable");
        for (int i = 0; i < 8; i++) {
            reject(reliable);
            reject(unreliable);
        }
        stock.clock.forward(Duration.ofDays(13));
        assertThat(run(stock, "state_rejects", BATCH).deleted()).isZero();
        stock.clock.forward(Duration.ofDays(2));

        Batch done = run(stock, "state_rejects", BATCH);

        assertThat(done.deleted()).isEqualTo(3);
        assertThat(done.bytes()).isEqualTo(3 * 4);
        assertThat(stock.count("state_rejects WHERE state_id = '" + reliable + "'"))
                .isEqualTo(5);
        assertThat(stock.count("state_rejects WHERE state_id = '" + unreliable + "'"))
                .isEqualTo(8);
    }

    private void reject(UUID state) {
        stock.sql("""
                INSERT INTO state_rejects (id, state_id, reason, base_version, size, digest, content_type, key_id, wrapped_key,
                                           body, created_at)
                VALUES ($1, $2, 'locked', 0, 4, sha256('x'), 'application/json', 'one', 'k', 'body', $3)""", stock.ids.next(), state, Rows.utc(stock.clock.instant()));
    }

    @Test
    void mutations_go_after_a_quarter_but_the_latest_stays_and_those_of_versions_that_stay() {
        UUID state = finals(2);
        for (int i = 0; i < 5; i++) {
            given.end(given.mutation(state), "reliable");
        }
        UUID open = given.mutation(finals(0));
        stock.clock.forward(Duration.ofDays(91));

        Batch done = run(stock, "state_mutations", BATCH);

        assertThat(done.deleted()).isEqualTo(4);
        assertThat(stock.count("state_mutations WHERE state_id = '" + state + "'"))
                .isEqualTo(3);
        assertThat(stock.count("state_mutations WHERE id = '" + open + "'")).isEqualTo(1);
    }

    private void tombstone(UUID state) {
        stock.sql(
                "UPDATE states SET status = 'tombstoned', status_reason = NULL, tombstoned_at = $2 WHERE id = $1",
                state,
                Rows.utc(stock.clock.instant()));
    }

    @Test
    void a_deleted_state_goes_with_all_that_belongs_to_it_a_week_later_in_as_many_batches_as_it_takes() {
        UUID deleted = finals(9);
        reject(deleted);
        tombstone(deleted);
        UUID lives = finals(2);
        stock.clock.forward(Duration.ofDays(6));
        assertThat(run(stock, "tombstoned_states", BATCH).deleted()).isZero();
        stock.clock.forward(Duration.ofDays(2));

        Batch done = run(stock, "tombstoned_states", BATCH);

        assertThat(done.deleted()).as("versions, rejects, mutations, state").isEqualTo(9 + 1 + 9 + 1);
        assertThat(stock.count("states")).isEqualTo(1);
        assertThat(versions(lives)).isEqualTo(2);
    }

    @Test
    void a_deleted_state_of_a_workspace_that_lives_on_stays_since_it_tells_what_to_destroy() {
        UUID preset = stock.declare("small", 2);
        UUID workspace = stock.ready(preset, 1).getFirst();
        UUID state = new States(stock).reliableOf(workspace);
        tombstone(state);
        stock.clock.forward(MONTH);
        assertThat(run(stock, "tombstoned_states", BATCH).deleted()).isZero();

        assertThat(await(stock.builds.wantDeleted(workspace, java.util.OptionalInt.empty(), stock.clock.instant())))
                .isTrue();
        assertThat(await(stock.builds.deleteWanted(stock.clock.instant()))).isEqualTo(1);
        stock.buildAll();
        stock.clock.forward(MONTH);
        assertThat(run(stock, "tombstoned_states", BATCH).deleted()).isEqualTo(1);
    }

    @Test
    void a_state_that_was_not_trusted_goes_after_its_workspace_was_deleted() {
        UUID preset = stock.declare("small", 2);
        UUID workspace = stock.ready(preset, 1).getFirst();
        UUID state = new States(stock).reliableOf(workspace);
        stock.sql("UPDATE states SET status = 'unreliable', status_reason = 'write_failed' WHERE id = $1", state);
        assertThat(await(stock.builds.wantDeleted(workspace, java.util.OptionalInt.empty(), stock.clock.instant())))
                .isTrue();
        assertThat(await(stock.builds.deleteWanted(stock.clock.instant()))).isEqualTo(1);
        stock.buildAll();
        stock.clock.forward(Duration.ofDays(6));
        assertThat(run(stock, "tombstoned_states", BATCH).deleted()).isZero();
        stock.clock.forward(Duration.ofDays(2));

        assertThat(run(stock, "tombstoned_states", BATCH).deleted()).isEqualTo(1);
    }

    @Test
    void of_rotations_of_keys_the_last_fifty_stay() {
        stock.sql("""
                INSERT INTO key_rotations (id, key_id, status, started_by, started_at, heartbeat_at, ended_at)
                SELECT ('0192e4a0-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid, 'one', 'completed', $1, $2, $2, $2
                  FROM generate_series(1, 55) i""", stock.owner.userId(), Rows.utc(stock.clock.instant().minus(MONTH.multipliedBy(4))));

        assertThat(run(stock, "key_rotations", BATCH).deleted()).isEqualTo(5);
    }
}
