package dev.larder.reconcile;

import static dev.larder.testing.Stock.await;
import static java.time.Duration.ofDays;
import static java.time.Duration.ofMinutes;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.inventory.RestoreStore;
import dev.larder.inventory.RestoreStore.Reason;
import dev.larder.inventory.RestoreStore.RestoreResult;
import dev.larder.inventory.RestoreStore.SuspectDatabase;
import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.JobOutcome;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A database that was restored from a backup: it knows nothing of what was claimed, built and deleted after it. */
class RestoredTest {

    private final Crank crank = new Crank(Crank.WakeUpMode.WORKING);
    private final RestoreStore restore = new RestoreStore(crank.stock.pool, crank.stock.clock, crank.stock.ids);
    private final Caller anna = crank.stock.member("anna");
    private final UUID preset = crank.stock.declare("small", 2);

    @AfterEach
    void close() {
        crank.close();
    }

    @Test
    void the_first_server_takes_the_database_as_it_is() {
        assertThat(await(restore.check())).isEmpty();
        assertThat(await(restore.check())).isEmpty();
    }

    @Test
    void a_database_that_is_on_another_server_than_before_gives_nothing_out() {
        assertThat(fill()).hasSize(2);
        onAnotherServer();

        assertThat(await(restore.check()))
                .contains(new SuspectDatabase(Reason.ANOTHER_SERVER, crank.stock.clock.instant()));

        assertThat(crank.stock.claim(preset, anna)).isEmpty();
        assertThat(crank.stock.take(10)).isEmpty();
        crank.stock.clock.set(crank.stock.clock.instant().plus(ofDays(3)));
        assertThat(crank.cycle().actions()).isEmpty();
        assertThat(await(restore.suspectDatabase())).isPresent();
    }

    @Test
    void a_claim_that_was_seen_and_is_gone_means_that_the_database_is_older() {
        assertThat(fill()).hasSize(2);
        UUID claim = crank.stock.claim(preset, anna).orElseThrow();
        assertThat(await(restore.newestClaim())).contains(claim);
        assertThat(await(restore.suspectUnlessThere(claim))).isFalse();

        crank.stock.sql("DELETE FROM claims WHERE id = $1", claim);

        assertThat(await(restore.suspectUnlessThere(claim))).isTrue();
        assertThat(await(restore.suspectDatabase()))
                .map(SuspectDatabase::reason)
                .contains(Reason.CLAIMS_MISSING);
        assertThat(crank.stock.claim(preset, anna)).isEmpty();
    }

    @Test
    void what_was_in_stock_in_the_backup_is_quarantined_and_the_pool_is_filled_anew_at_once() {
        List<UUID> old = fill();
        crank.stock.clock.set(crank.stock.clock.instant().plus(ofMinutes(1)));
        onAnotherServer();
        assertThat(await(restore.check())).isPresent();

        assertThat(await(restore.accept(true, anna.userId()))).isEqualTo(new RestoreResult(2, 0, 0));

        assertThat(crank.stock.claim(preset, anna)).isEmpty();
        assertThat(crank.cycle().actions()).isNotEmpty();
        List<UUID> built =
                crank.stock.buildAll().stream().map(Assignment::workspaceId).toList();
        assertThat(built).hasSize(2).doesNotContainAnyElementsOf(old);
        crank.stock.clock.set(crank.stock.clock.instant().plus(ofDays(30)));
        crank.settle();
        assertThat(old)
                .allSatisfy(workspace -> assertThat(crank.state(workspace)).isEqualTo("start succeeded"));
        assertThat(crank.status(preset)).isEqualTo("healthy");
        assertThat(await(restore.check())).isEmpty();
    }

    @Test
    void a_build_that_had_not_ended_in_the_backup_is_not_run_again() {
        assertThat(crank.cycle().actions()).isNotEmpty();
        Assignment running = crank.stock.take(1).getFirst();
        crank.stock.clock.set(crank.stock.clock.instant().plus(ofMinutes(1)));

        assertThat(await(restore.accept(true, anna.userId())).canceled()).isEqualTo(2);

        Instant now = crank.stock.clock.instant();
        assertThat(await(crank.stock.ends.complete(running.lease(), new JobOutcome.Succeeded(Map.of()), now)))
                .isEmpty();
        assertThat(crank.state(running.workspaceId())).isEqualTo("start canceled");
        assertThat(crank.stock.count("workspaces WHERE deletion_wanted_at IS NOT NULL OR deleted_at IS NOT NULL"))
                .isZero();
        assertThat(crank.cycle().actions()).isNotEmpty();
    }

    @Test
    void a_cold_build_that_had_not_ended_in_the_backup_does_not_take_its_users_workspace_away() {
        UUID claim = crank.stock.claimCold(preset, anna);

        assertThat(await(restore.accept(true, anna.userId())).canceled()).isEqualTo(1);

        assertThat(await(crank.stock.leases.endFailedCold(crank.stock.clock.instant())))
                .isZero();
        assertThat(crank.stock.look(claim).endedAt()).isEmpty();
    }

    @Test
    void leases_begin_anew_since_their_renewals_may_be_lost() {
        assertThat(fill()).hasSize(2);
        UUID claim = crank.stock.claim(preset, anna).orElseThrow();
        hasRunOut(claim, 3600);

        assertThat(await(restore.accept(true, anna.userId())).prolonged()).isEqualTo(1);

        assertThat(await(crank.stock.leases.expire(crank.stock.clock.instant())))
                .isZero();
        assertThat(crank.stock.look(claim).expiresAt())
                .contains(crank.stock.clock.instant().plusSeconds(3600));
    }

    @Test
    void a_workspace_that_was_given_back_to_be_reset_may_be_another_users_by_now() {
        UUID reusable = crank.stock.declareReusable("again", 1, 3);
        assertThat(crank.stock.ready(reusable, 1)).hasSize(1);
        UUID claim = crank.stock.claim(reusable, anna).orElseThrow();
        UUID workspace = crank.stock.look(claim).workspace().orElseThrow().id();
        assertThat(crank.stock.release(claim)).isTrue();
        assertThat(crank.stock.count("workspaces WHERE dirty")).isEqualTo(1);

        assertThat(await(restore.accept(true, anna.userId())).quarantined()).isEqualTo(1);

        Instant now = crank.stock.clock.instant();
        assertThat(crank.cycle().actions()).isNotEmpty();
        assertThat(await(crank.stock.builds.recycle(now))).isZero();
        assertThat(await(crank.stock.builds.deleteWanted(now))).isZero();
        assertThat(crank.state(workspace)).isEqualTo("start succeeded");
    }

    @Test
    void a_reset_that_had_not_ended_in_the_backup_is_not_run_again_and_nothing_is_deleted() {
        UUID reusable = crank.stock.declareReusable("again", 1, 3);
        assertThat(crank.stock.ready(reusable, 1)).hasSize(1);
        UUID claim = crank.stock.claim(reusable, anna).orElseThrow();
        UUID workspace = crank.stock.look(claim).workspace().orElseThrow().id();
        assertThat(crank.cycle().actions()).isNotEmpty();
        assertThat(crank.stock.release(claim)).isTrue();
        Instant now = crank.stock.clock.instant();
        assertThat(await(crank.stock.builds.recycle(now))).isEqualTo(1);

        assertThat(await(restore.accept(true, anna.userId())).canceled()).isPositive();

        assertThat(await(crank.stock.builds.deleteWanted(now))).isZero();
        assertThat(crank.state(workspace)).isEqualTo("start canceled");
    }

    @Test
    void while_it_is_not_known_what_happened_no_job_is_taken_back_withdrawn_or_begun() {
        assertThat(crank.cycle().actions()).isNotEmpty();
        assertThat(crank.stock.take(1)).hasSize(1);
        UUID held = crank.stock.claimCold(preset, anna);
        onAnotherServer();
        assertThat(await(restore.check())).isPresent();
        Instant later = crank.stock.clock.instant().plus(ofDays(2));

        assertThat(await(crank.stock.requeues.requeueLost(later, later, later, 3)))
                .isZero();
        assertThat(await(crank.stock.cancels.withdraw(later, later))).isZero();
        assertThat(crank.stock.release(held)).isTrue();
        assertThat(await(crank.stock.builds.deleteWanted(later))).isZero();
        assertThat(crank.stock.take(10)).isEmpty();
    }

    @Test
    void while_it_is_not_known_what_happened_no_lease_ends() {
        assertThat(fill()).hasSize(2);
        UUID claim = crank.stock.claim(preset, anna).orElseThrow();
        hasRunOut(claim, 60);
        onAnotherServer();
        assertThat(await(restore.check())).isPresent();

        assertThat(await(crank.stock.leases.expire(crank.stock.clock.instant())))
                .isZero();
    }

    @Test
    void a_database_that_was_moved_in_good_order_keeps_its_stock() {
        List<UUID> old = fill();
        onAnotherServer();
        assertThat(await(restore.check())).isPresent();

        assertThat(await(restore.accept(false, anna.userId()))).isEqualTo(new RestoreResult(0, 0, 0));

        assertThat(await(restore.check())).isEmpty();
        UUID claim = crank.stock.claim(preset, anna).orElseThrow();
        assertThat(crank.stock.look(claim).workspace().orElseThrow().id()).isIn(old);
    }

    @Test
    void quarantined_workspaces_stay_when_their_template_is_deleted() {
        assertThat(fill()).hasSize(2);
        assertThat(await(restore.accept(true, anna.userId())).quarantined()).isEqualTo(2);
        assertThat(await(crank.stock.controls.delete(crank.stock.template()))).isTrue();

        assertThat(await(crank.stock.builds.giveUpEvidence(crank.stock.clock.instant())))
                .isZero();
        assertThat(crank.cycle().actions()).isEmpty();
        assertThat(crank.live(preset)).isEqualTo(2);
    }

    private List<UUID> fill() {
        assertThat(await(restore.check())).isEmpty();
        assertThat(crank.cycle().actions()).isNotEmpty();
        return crank.stock.buildAll().stream().map(Assignment::workspaceId).toList();
    }

    /** A lease of so many seconds that ended five minutes ago. */
    private void hasRunOut(UUID claim, int ttlSeconds) {
        crank.stock.sql(
                "UPDATE claims SET ttl_seconds = $2, expires_at = $3 WHERE id = $1",
                claim,
                ttlSeconds,
                crank.stock.clock.instant().minus(ofMinutes(5)).atOffset(ZoneOffset.UTC));
    }

    private void onAnotherServer() {
        crank.stock.sql("UPDATE settings SET system_identifier = $1", "1");
    }
}
