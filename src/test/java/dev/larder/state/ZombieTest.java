package dev.larder.state;

import static dev.larder.testing.Claimers.begin;
import static dev.larder.testing.Claimers.end;
import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.lifecycle.RequeueStore;
import dev.larder.model.Assignment;
import dev.larder.model.JobOutcome;
import dev.larder.model.StateAccess;
import dev.larder.state.Promotion.Result;
import dev.larder.testing.OpenTransaction;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Pool;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * A worker that was paused past its lease goes on when another one works on the same state (S8): what it uploads is
 * kept, and changes nothing.
 */
class ZombieTest {

    private static final int ATTEMPTS = 3;

    private final Stock stock = new Stock();
    private final Given given = new Given(stock);
    private final Assignment paused;
    private final UUID state;

    ZombieTest() {
        stock.withBackend("terraform");
        stock.create(stock.declare("small", 1), 1);
        paused = stock.take(1).getFirst();
        state = access(paused).state();
        assertThat(given.put(state, access(paused).mutation(), Given.body(1))).isEqualTo(new Result.Promoted(1));
    }

    @AfterEach
    void close() {
        stock.close();
    }

    private static StateAccess access(Assignment job) {
        return job.target().state().orElseThrow();
    }

    private Instant now() {
        return stock.clock.instant();
    }

    private int takeBack(Pool pool) {
        stock.clock.forward(Duration.ofSeconds(30));
        return await(new RequeueStore(pool)
                .requeueLost(now(), now().minusSeconds(15), now().minus(Duration.ofMinutes(15)), ATTEMPTS));
    }

    /** The workspace is destroyed, since it cannot be trusted. */
    private Assignment takenOver() {
        assertThat(takeBack(stock.pool)).isOne();
        stock.clock.forward(Duration.ofSeconds(61));
        assertThat(await(stock.workers.heartbeat(stock.worker, now()))).isPresent();
        assertThat(await(stock.builds.destroyUnreliable(now()))).isOne();
        assertThat(await(stock.builds.deleteWanted(now()))).isOne();
        return stock.take(1).getFirst();
    }

    @Test
    void its_upload_is_kept_as_a_reject_and_the_head_stays() {
        Assignment other = takenOver();
        assertThat(access(other).fence()).isGreaterThan(access(paused).fence());

        Result late = given.put(state, access(paused).mutation(), Given.body(9));

        assertThat(late)
                .isInstanceOfSatisfying(
                        Result.Rejected.class,
                        rejected -> assertThat(rejected.code()).isEqualTo("mutation_superseded"));
        assertThat(given.rejects(state)).containsExactly("mutation_superseded");
        assertThat(given.versions(state)).containsExactly(1L);
        assertThat(given.read(state, 1)).isEqualTo(Given.body(1));
        assertThat(given.mutationRow(access(other).mutation()).getInteger("failed_writes"))
                .as("the late upload is no failure of the one that works now")
                .isZero();
    }

    @Test
    void its_end_is_refused_and_the_other_one_goes_on() {
        Assignment other = takenOver();

        assertThat(await(stock.ends.complete(paused.lease(), new JobOutcome.Succeeded(Map.of()), now())))
                .isEmpty();
        assertThat(await(stock.requeues.requeue(paused.lease(), now()))).isFalse();

        assertThat(given.status(state)).isEqualTo("in_flight");
        assertThat(given.put(state, access(other).mutation(), Given.body(2))).isEqualTo(new Result.Promoted(2));
    }

    @Test
    void before_another_one_takes_over_its_upload_is_refused_too() {
        assertThat(takeBack(stock.pool)).isOne();

        assertThat(given.put(state, access(paused).mutation(), Given.body(2))).isInstanceOf(Result.Rejected.class);

        assertThat(given.versions(state)).containsExactly(1L);
        assertThat(given.status(state)).isEqualTo("unreliable(worker_lost)");
    }

    @Test
    void an_upload_that_waits_while_its_job_is_taken_back_is_refused() {
        try (OpenTransaction sweeper = new OpenTransaction(stock)) {
            assertThat(takeBack(sweeper.pool())).isOne();
            CompletableFuture<Result> upload = begin(given.states.put(Given.upload(
                    state, Optional.of(access(paused).mutation()), Given.body(2).getBytes(StandardCharsets.UTF_8))));
            sweeper.isWaitedForBy(1);
            sweeper.commits();

            assertThat(end(upload)).isInstanceOf(Result.Rejected.class);
        }
        assertThat(given.versions(state)).containsExactly(1L);
        assertThat(given.rejects(state)).containsExactly("mutation_superseded");
    }

    /** A fence of its own day does not help either, under whatever mutation it is sent. */
    @Test
    void an_older_fence_moves_no_head() {
        Assignment other = takenOver();
        Upload forged = new Upload(
                state,
                Optional.of(access(other).mutation()),
                OptionalLong.of(access(paused).fence()),
                Given.body(9).getBytes(StandardCharsets.UTF_8),
                Given.JSON,
                Upload.Conditions.NONE,
                Optional.empty());

        assertThat(await(given.states.put(forged))).isInstanceOf(Result.Rejected.class);

        assertThat(given.versions(state)).containsExactly(1L);
    }
}
