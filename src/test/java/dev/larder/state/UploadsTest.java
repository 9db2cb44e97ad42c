package dev.larder.state;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.state.Promotion.Result;
import dev.larder.testing.Stock;
import dev.larder.wakeup.WakeUps;
import io.quarkus.runtime.configuration.MemorySize;
import java.math.BigInteger;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Marks of failed writes (S13): a write leaves one from before its body is read until it, or a later one, is
 * accepted.
 */
class UploadsTest {

    private static final Duration LEASE = Duration.ofHours(2);
    private static final MemorySize LARGE = new MemorySize(BigInteger.valueOf(128L << 20));

    private final Stock stock = new Stock();
    private final Given given = new Given(stock);
    private final OpenMutationStore mutations = new OpenMutationStore(stock.pool);
    private final Uploads uploads =
            new Uploads(given.states, mutations, new WakeUps(), stock.clock, LEASE, LARGE, LARGE);
    private final UUID state = given.state();
    private final UUID mutation = given.mutation(state);

    @AfterEach
    void close() {
        stock.close();
    }

    private Result send(String body) {
        await(uploads.announce(Optional.of(mutation)));
        return await(uploads.put(Given.upload(state, mutation, body)));
    }

    private int marks() {
        return given.mutationRow(mutation).getInteger("failed_writes");
    }

    @Test
    void an_accepted_write_takes_the_marks_of_those_before_it_away() {
        await(uploads.announce(Optional.of(mutation)));
        assertThat(marks()).isOne();

        assertThat(send(Given.body(1))).isEqualTo(new Result.Promoted(1));

        assertThat(marks()).isZero();
    }

    @Test
    void a_write_that_is_repeated_after_its_answer_was_lost_leaves_no_mark() {
        assertThat(send(Given.body(1))).isEqualTo(new Result.Promoted(1));

        assertThat(send(Given.body(1))).isEqualTo(new Result.Same(1));

        assertThat(marks()).isZero();
    }

    @Test
    void a_repeated_write_does_not_hide_another_one_that_was_refused() {
        assertThat(send(Given.body(1))).isEqualTo(new Result.Promoted(1));
        assertThat(send(Given.body(1, Given.LINEAGE, "other"))).isInstanceOf(Result.Rejected.class);
        int refused = marks();

        assertThat(send(Given.body(1))).isEqualTo(new Result.Same(1));

        assertThat(marks()).isEqualTo(refused).isPositive();
    }

    /** The note of the first write comes from a slow server, after a second write was refused by another one. */
    @Test
    void a_late_note_of_an_accepted_write_does_not_hide_one_that_was_refused_meanwhile() {
        await(uploads.announce(Optional.of(mutation)));
        assertThat(given.put(state, mutation, Given.body(1))).isEqualTo(new Result.Promoted(1));
        assertThat(send(Given.body(1, Given.LINEAGE, "other"))).isInstanceOf(Result.Rejected.class);
        int refused = marks();

        await(mutations.written(mutation, false, LEASE, stock.clock.instant()));

        assertThat(marks()).isEqualTo(refused).isPositive();
    }
}
