package dev.larder.lifecycle;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.JobOutcome;
import dev.larder.reconcile.PoolStore;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The deletion of what no worker has begun to build needs no worker (design, section 4). */
class NeverBegunTest {

    private final Stock stock = new Stock();
    private final Caller anna = stock.member("anna");
    private final UUID preset;

    NeverBegunTest() {
        stock.withTags(Map.of("site", "nowhere"));
        preset = stock.declare("small", 1);
    }

    @AfterEach
    void close() {
        stock.close();
    }

    private Instant now() {
        return stock.clock.instant();
    }

    private int deleteWanted() {
        return await(stock.builds.deleteWanted(now()));
    }

    private void assertGoneWithoutAJob() {
        assertThat(stock.count("workspaces WHERE deleted_at IS NULL")).isZero();
        assertThat(stock.count("builds WHERE transition = 'delete'")).isZero();
        assertThat(stock.count("jobs WHERE completed_at IS NULL")).isZero();
    }

    @Test
    void a_cold_claim_that_is_released_while_its_build_waits() {
        UUID claim = stock.claimCold(preset, anna);

        assertThat(stock.release(claim)).isTrue();
        assertThat(await(stock.builds.deleteUsedUp(now()))).isZero();

        assertGoneWithoutAJob();
        assertThat(stock.count("claims WHERE ended_reason = 'released'")).isEqualTo(1);
        assertThat(stock.count("jobs WHERE status = 'canceled'")).isEqualTo(1);
    }

    @Test
    void a_workspace_whose_deletion_is_asked_for_while_its_build_waits_ends_its_claim() {
        UUID claim = stock.claimCold(preset, anna);
        UUID workspace = stock.row("SELECT id FROM workspaces", Tuple.tuple()).getUUID("id");

        assertThat(await(stock.builds.wantDeleted(workspace, OptionalInt.empty(), now())))
                .isTrue();
        assertThat(deleteWanted()).isZero();

        assertGoneWithoutAJob();
        assertThat(stock.look(claim).endedReason()).contains("deleted");
    }

    @Test
    void a_cold_build_that_was_withdrawn_after_its_patience_and_is_released() {
        UUID claim = stock.claimCold(preset, anna);
        stock.clock.forward(Duration.ofHours(2));
        assertThat(await(stock.cancels.withdraw(now(), now().minus(Duration.ofHours(1)))))
                .isEqualTo(1);
        assertThat(stock.count("workspaces WHERE deleted_at IS NULL")).isEqualTo(1);

        assertThat(stock.release(claim)).isTrue();
        assertThat(deleteWanted()).isZero();

        assertGoneWithoutAJob();
    }

    @Test
    void a_prebuild_whose_template_is_deleted() {
        stock.create(preset, 1);
        UUID prebuild = stock.row("SELECT id FROM workspaces", Tuple.tuple()).getUUID("id");
        assertThat(await(stock.controls.delete(stock.template()))).isTrue();

        assertThat(await(stock.pools.dropNeverStarted(List.of(prebuild), now())))
                .isEqualTo(1);

        assertGoneWithoutAJob();
    }

    @Test
    void a_prebuild_whose_deletion_is_asked_for_marks_its_pool() {
        stock.create(preset, 1);
        UUID prebuild = stock.row("SELECT id FROM workspaces", Tuple.tuple()).getUUID("id");

        assertThat(await(stock.builds.wantDeleted(prebuild, OptionalInt.empty(), now())))
                .isTrue();
        assertThat(deleteWanted()).isZero();

        assertGoneWithoutAJob();
        assertThat(await(stock.pools.dirty(10)))
                .extracting(PoolStore.DirtyMark::preset)
                .containsOnly(preset);
    }

    @Test
    void what_a_worker_had_begun_and_gave_back_is_withdrawn_and_then_deleted_by_a_worker() {
        stock.withTags(Map.of());
        UUID plain = stock.declare("plain", 1);
        UUID claim = stock.claimCold(plain, anna);
        Assignment begun = stock.take(1).getFirst();
        stock.end(begun, new JobOutcome.Failed("backend_unavailable", "It is away."));
        assertThat(stock.release(claim)).isTrue();

        assertThat(deleteWanted()).isZero();
        assertThat(stock.count("jobs WHERE status = 'canceled'")).isEqualTo(1);
        assertThat(stock.count("workspaces WHERE deleted_at IS NULL")).isEqualTo(1);
        assertThat(deleteWanted()).isEqualTo(1);

        assertThat(stock.count("builds WHERE transition = 'delete'")).isEqualTo(1);
    }

    @Test
    void what_a_worker_works_on_is_left_to_it() {
        stock.withTags(Map.of());
        UUID plain = stock.declare("plain", 1);
        UUID claim = stock.claimCold(plain, anna);
        Assignment begun = stock.take(1).getFirst();
        assertThat(stock.release(claim)).isTrue();

        assertThat(deleteWanted()).isZero();

        assertThat(stock.count("workspaces WHERE deleted_at IS NULL AND build_status = 'pending'"))
                .isEqualTo(1);
        stock.succeed(begun);
        assertThat(deleteWanted()).isEqualTo(1);
    }

    @Test
    void a_first_build_that_succeeded_needs_a_worker_even_if_a_later_one_was_canceled_unbegun() {
        stock.withTags(Map.of());
        stock.withClaimStep();
        UUID plain = stock.declare("plain", 1);
        stock.ready(plain, 1);
        UUID claim = stock.claim(plain, anna).orElseThrow();
        assertThat(await(stock.builds.beginClaimSteps(now()))).isEqualTo(1);
        stock.clock.forward(Duration.ofHours(2));
        assertThat(await(stock.cancels.withdraw(now(), now().minus(Duration.ofHours(1)))))
                .isEqualTo(1);

        assertThat(stock.release(claim)).isTrue();

        assertThat(deleteWanted()).isEqualTo(1);
    }
}
