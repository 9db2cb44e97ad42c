package dev.larder.lifecycle;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.claim.Claim;
import dev.larder.claim.Claimable;
import dev.larder.claim.ScanStart;
import dev.larder.claim.WorkspaceStore;
import dev.larder.database.Rows;
import dev.larder.jobs.JobReads.JobFilter;
import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.JobOutcome;
import dev.larder.model.Visibility;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.OpenTransaction;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * What was given back and may be used again takes the place of one that nobody has begun to build (design, section
 * 3.6).
 */
class RecycleTest {

    private final Stock stock = new Stock();
    private final Caller anna = stock.member("anna");
    private final Caller bob = stock.member("bob");
    private final UUID preset = stock.declareReusable("small", 2, 3);

    @AfterEach
    void close() {
        stock.close();
    }

    private Instant now() {
        return stock.clock.instant();
    }

    /** Claimed and given back. */
    @CanIgnoreReturnValue
    private UUID returned(UUID claimed, Caller who) {
        UUID claim = stock.claim(claimed, who).orElseThrow();
        UUID workspace = stock.look(claim).workspace().orElseThrow().id();
        assertThat(stock.release(claim)).isTrue();
        return workspace;
    }

    @CanIgnoreReturnValue
    private UUID returned() {
        stock.ready(preset, 1);
        return returned(preset, anna);
    }

    /** The pool asks for another one, and nobody has begun it. */
    private void replacementWaits() {
        assertThat(stock.create(preset, 1)).isEqualTo(1);
    }

    @CanIgnoreReturnValue
    private int recycle() {
        return await(stock.builds.recycle(now()));
    }

    private int deleteWanted() {
        return await(stock.builds.deleteWanted(now()));
    }

    private Row workspace(UUID id) {
        return stock.row("SELECT * FROM workspaces WHERE id = $1", Tuple.of(id));
    }

    private int held() {
        return stock.count("workspaces WHERE prebuild AND deleted_at IS NULL AND transition = 'start'"
                + " AND build_status IN ('pending', 'succeeded')");
    }

    private Assignment reset() {
        Assignment job = stock.take(1).getFirst();
        assertThat(job.reason()).isEqualTo(Assignment.RECYCLE);
        return job;
    }

    @Test
    void it_takes_the_place_of_a_build_that_waits_one_for_one() {
        UUID workspace = returned();
        replacementWaits();
        int before = held();

        assertThat(recycle()).isEqualTo(1);

        assertThat(held()).isEqualTo(before);
        assertThat(deleteWanted()).isZero();
        assertThat(workspace(workspace).getBoolean("prebuild")).isTrue();
        assertThat(stock.take(10)).extracting(Assignment::workspaceId).containsExactly(workspace);
    }

    @Test
    void where_no_build_waits_it_is_destroyed() {
        UUID workspace = returned();

        assertThat(recycle()).isZero();

        assertThat(deleteWanted()).isEqualTo(1);
        assertThat(workspace(workspace).getString("transition")).isEqualTo("delete");
    }

    @Test
    void whoever_gives_another_one_back_does_not_destroy_it() {
        UUID workspace = returned();

        assertThat(await(stock.builds.deleteUsedUp(now()))).isZero();
        replacementWaits();
        assertThat(recycle()).isEqualTo(1);

        assertThat(workspace(workspace).getBoolean("prebuild")).isTrue();
    }

    @Test
    void who_gives_it_back_is_told_whether_it_is_to_be_reset() {
        stock.ready(preset, 2);

        assertThat(released()).isEqualTo(EndClaimStore.Return.TO_RESET);
        stock.sql("UPDATE presets SET max_uses = 1");
        assertThat(released()).isEqualTo(EndClaimStore.Return.TO_DELETE);
    }

    private EndClaimStore.Return released() {
        UUID claim = stock.claim(preset, anna).orElseThrow();
        return await(stock.leases.release(claim, OptionalInt.empty(), now()));
    }

    @Test
    void a_build_that_a_worker_has_begun_is_not_withdrawn() {
        returned();
        replacementWaits();
        stock.take(1);

        assertThat(recycle()).isZero();
    }

    @Test
    void nobody_gets_it_before_the_reset_has_succeeded() {
        UUID workspace = returned();
        replacementWaits();
        recycle();
        assertThat(stock.claim(preset, bob)).isEmpty();
        Assignment reset = reset();
        assertThat(stock.claim(preset, bob)).isEmpty();

        stock.end(reset, new JobOutcome.Succeeded(Map.of("url", "anew")));

        Claim claim = stock.look(stock.claim(preset, bob).orElseThrow());
        assertThat(claim.workspace().orElseThrow().id()).isEqualTo(workspace);
        assertThat(stock.claimReads.open(claim.workspace().orElseThrow())).contains("{\"url\":\"anew\"}");
        assertThat(workspace(workspace).getBoolean("dirty")).isFalse();
    }

    @Test
    void the_reset_knows_the_outputs_so_far_and_is_the_systems() {
        UUID workspace = returned();
        replacementWaits();
        recycle();

        Assignment reset = reset();

        assertThat(reset.workspace().outputs()).containsEntry("url", "test://" + workspace);
        assertThat(reset.workspace().prebuild()).isTrue();
    }

    @Test
    void a_failed_reset_is_no_evidence_it_is_destroyed() {
        UUID workspace = returned();
        replacementWaits();
        recycle();
        stock.fail(reset());

        assertThat(stock.claim(preset, bob)).isEmpty();
        assertThat(deleteWanted()).isEqualTo(1);
        assertThat(workspace(workspace).getString("transition")).isEqualTo("delete");
        assertThat(workspace(workspace).getBoolean("dirty")).isTrue();
    }

    @Test
    void a_reset_that_is_canceled_or_lost_destroys_it_too() {
        UUID workspace = returned();
        replacementWaits();
        recycle();
        stock.end(reset(), new JobOutcome.Canceled());

        assertThat(deleteWanted()).isEqualTo(1);
        assertThat(workspace(workspace).getString("transition")).isEqualTo("delete");
    }

    @Test
    void after_as_many_uses_as_may_be_it_is_destroyed() {
        UUID workspace = returned();
        for (int use = 2; use <= 3; use++) {
            replacementWaits();
            assertThat(recycle()).isEqualTo(1);
            stock.end(reset(), new JobOutcome.Succeeded(Map.of()));
            assertThat(returned(preset, bob)).isEqualTo(workspace);
        }
        replacementWaits();

        assertThat(workspace(workspace).getInteger("uses")).isEqualTo(3);
        assertThat(recycle()).isZero();
    }

    @Test
    void what_may_be_used_once_is_destroyed() {
        UUID once = stock.declare("once", 2);
        stock.ready(once, 1);
        returned(once, anna);
        stock.create(once, 1);

        assertThat(recycle()).isZero();
    }

    @Test
    void a_build_of_another_preset_keeps_its_place() {
        UUID other = stock.declareReusable("other", 1, 2);
        UUID here = stock.preset("small");
        stock.ready(here, 1);
        returned(here, anna);
        stock.create(other, 1);

        assertThat(recycle()).isZero();
    }

    @Test
    void what_expired_in_the_meantime_is_destroyed() {
        returned();
        replacementWaits();
        stock.sql("UPDATE presets SET ttl_seconds = 60 WHERE id = $1", preset);
        stock.clock.forward(Duration.ofSeconds(61));

        assertThat(recycle()).isZero();
    }

    /** Its replacement waits. */
    private void returnedAfterABuildOfTenMinutes() {
        stock.create(preset, 1);
        stock.clock.forward(Duration.ofMinutes(10));
        stock.buildAll();
        returned(preset, anna);
        replacementWaits();
    }

    @Test
    void what_would_be_replaced_before_it_expires_does_not_take_the_place_of_its_replacement() {
        returnedAfterABuildOfTenMinutes();
        stock.sql("UPDATE presets SET ttl_seconds = 3600 WHERE id = $1", preset);

        // It was built in ten minutes. It and its replacement are two, and one is built at a time.
        stock.clock.forward(Duration.ofMinutes(30));
        assertThat(recycle()).as("twenty minutes before its end").isZero();
        stock.sql("UPDATE presets SET max_surge = '2' WHERE id = $1", preset);
        assertThat(recycle()).as("both are built at once").isEqualTo(1);
    }

    @Test
    void what_expires_later_than_its_replacement_would_be_begun_is_reset() {
        returnedAfterABuildOfTenMinutes();
        stock.sql("UPDATE presets SET ttl_seconds = 3600 WHERE id = $1", preset);
        stock.clock.forward(Duration.ofMinutes(29));

        assertThat(recycle()).isEqualTo(1);
    }

    @Test
    void what_has_no_replacement_ahead_of_its_end_is_reset_until_it_expires() {
        returnedAfterABuildOfTenMinutes();
        stock.sql(
                "UPDATE presets SET ttl_seconds = 3600, max_surge = '0', max_unavailable = '1' WHERE id = $1", preset);
        stock.clock.forward(Duration.ofMinutes(49));

        assertThat(recycle()).isEqualTo(1);
    }

    @Test
    void what_was_invalidated_in_the_meantime_is_destroyed() {
        returned();
        replacementWaits();
        stock.sql("UPDATE presets SET last_invalidated_at = $2 WHERE id = $1", preset, Rows.utc(now()));

        assertThat(recycle()).isZero();
    }

    @Test
    void what_its_owner_deleted_by_hand_is_destroyed() {
        stock.ready(preset, 1);
        UUID claim = stock.claim(preset, anna).orElseThrow();
        UUID workspace = stock.look(claim).workspace().orElseThrow().id();
        await(stock.builds.wantDeleted(workspace, OptionalInt.empty(), now()));
        assertThat(stock.release(claim)).isTrue();
        replacementWaits();

        assertThat(recycle()).isZero();
    }

    @Test
    void what_is_deleted_by_hand_while_it_is_reset_is_destroyed() {
        UUID workspace = returned();
        replacementWaits();
        recycle();
        Assignment reset = reset();
        await(stock.builds.wantDeleted(workspace, OptionalInt.empty(), now()));
        stock.end(reset, new JobOutcome.Succeeded(Map.of()));

        assertThat(stock.claim(preset, bob)).isEmpty();
        assertThat(deleteWanted()).isEqualTo(1);
    }

    @Test
    void a_lease_that_expires_is_recycled_as_well() {
        UUID workspace = stock.ready(preset, 1).getFirst();
        var ask = stock.newClaims.one(anna, Optional.empty(), Optional.of(Duration.ofSeconds(5)));
        await(stock.claims.take(preset, Claimable.Order.OLDEST, List.of(ask), 0, ScanStart.OLDEST, now()));
        stock.clock.forward(Duration.ofSeconds(5));
        assertThat(await(stock.leases.expire(now()))).isEqualTo(1);
        replacementWaits();

        assertThat(recycle()).isEqualTo(1);
        assertThat(workspace(workspace).getBoolean("prebuild")).isTrue();
    }

    @Test
    void whoever_had_it_before_sees_nothing_of_what_it_is_now() {
        stock.ready(preset, 1);
        UUID claim = stock.claim(preset, anna).orElseThrow();
        assertThat(stock.release(claim)).isTrue();
        replacementWaits();
        recycle();
        stock.end(reset(), new JobOutcome.Succeeded(Map.of()));
        UUID next = stock.claim(preset, bob).orElseThrow();

        Claim before = stock.look(claim);

        assertThat(before.workspace()).isEmpty();
        assertThat(before.endedReason()).contains("released");
        assertThat(before.generation()).isLessThan(stock.look(next).generation());
    }

    @Test
    void a_place_that_a_worker_takes_in_the_same_moment_is_the_workers() {
        returned();
        replacementWaits();
        try (OpenTransaction worker = new OpenTransaction(stock)) {
            worker.does("SELECT id FROM jobs WHERE started_at IS NULL AND completed_at IS NULL FOR UPDATE");

            assertThat(recycle()).isZero();
        }
    }

    @Test
    void what_is_being_deleted_in_the_same_moment_is_deleted_and_the_place_kept() {
        UUID workspace = returned();
        replacementWaits();
        try (OpenTransaction janitor = new OpenTransaction(stock)) {
            janitor.does("SELECT id FROM workspaces WHERE id = '" + workspace + "' FOR UPDATE");

            assertThat(recycle()).isZero();
        }
        assertThat(stock.count("jobs WHERE completed_at IS NULL")).isEqualTo(1);
    }

    @Test
    void as_many_as_there_are_places_are_recycled() {
        stock.ready(preset, 2);
        returned(preset, anna);
        returned(preset, bob);
        replacementWaits();

        assertThat(recycle()).isEqualTo(1);
        assertThat(deleteWanted()).isEqualTo(1);
    }

    @Test
    void a_withdrawn_place_counts_neither_as_a_failure_nor_as_a_success() {
        stock.ready(preset, 1);
        for (int failure = 1; failure <= 2; failure++) {
            stock.create(preset, 1);
            stock.fail(stock.take(1).getFirst());
        }
        returned(preset, anna);
        replacementWaits();
        assertThat(recycle()).isEqualTo(1);

        var failures = await(stock.snapshots.of(List.of(preset), now(), Duration.ofHours(1), 3))
                .getFirst()
                .failures();

        assertThat(failures.newestAttemptsFailed()).containsExactly(true, true, false);
    }

    @Test
    void outputs_that_the_reset_takes_away_are_gone() {
        returned();
        replacementWaits();
        recycle();
        stock.end(reset(), new JobOutcome.Succeeded(Map.of()));

        Claim claim = stock.look(stock.claim(preset, bob).orElseThrow());

        assertThat(stock.claimReads.open(claim.workspace().orElseThrow())).contains("{}");
    }

    @Test
    void the_next_one_sees_no_builds_and_no_jobs_of_the_one_before() {
        stock.withClaimStep();
        UUID again = stock.declareReusable("small", 2, 3);
        stock.ready(again, 1);
        UUID claim = stock.claim(again, anna).orElseThrow();
        assertThat(await(stock.builds.beginClaimSteps(now()))).isEqualTo(1);
        stock.buildAll();
        assertThat(stock.release(claim)).isTrue();
        stock.create(again, 1);
        recycle();
        stock.end(reset(), new JobOutcome.Succeeded(Map.of()));
        UUID next = stock.claim(again, bob).orElseThrow();
        UUID workspace = stock.look(next).workspace().orElseThrow().id();

        assertThat(stock.look(next).step().orElseThrow().status()).isEqualTo("pending");
        assertThat(await(
                        stock.workspaces.builds(workspace, Visibility.of(bob), Optional.empty(), Optional.empty(), 10)))
                .extracting(WorkspaceStore.Build::reason)
                .containsExactly("prebuild");
        assertThat(await(stock.workspaces.builds(workspace, Visibility.ALL, Optional.empty(), Optional.empty(), 10)))
                .extracting(WorkspaceStore.Build::reason)
                .containsExactly("recycle", "claim", "prebuild");
        assertThat(await(stock.jobReader.list(Visibility.of(bob), JobFilter.ALL, Optional.empty(), 10))
                        .rows())
                .hasSize(1);
    }
}
