package dev.larder.claim;

import static dev.larder.testing.Claimers.begin;
import static dev.larder.testing.Claimers.end;
import static dev.larder.testing.Claimers.ids;
import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.catalog.CatalogControlStore;
import dev.larder.catalog.PauseView;
import dev.larder.claim.LineStore.Offer;
import dev.larder.lifecycle.EndClaimStore;
import dev.larder.model.Caller;
import dev.larder.reconcile.PoolStore;
import dev.larder.testing.Claimers;
import dev.larder.testing.OpenTransaction;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * A claim against everything else that may happen to a pool in the same moment (design, section 3.1). Each is
 * forced: one side has done its part in a transaction that stays open while the other side runs, and then the other
 * way round.
 */
class ClaimInterleavingsTest {

    private final Stock stock = new Stock();
    private final Claimers claimers = new Claimers(stock);
    private final Caller anna = stock.member("anna");

    @AfterEach
    void close() {
        stock.close();
    }

    private Instant now() {
        return stock.clock.instant();
    }

    private Optional<UUID> claim(UUID preset) {
        return stock.claim(preset, anna);
    }

    private Claim claimIn(OpenTransaction transaction, UUID preset) {
        return claimers.takeBy(stock.claimStore(transaction.pool()), preset, claimers.ask(anna))
                .orElseThrow();
    }

    private int delete(UUID... workspaces) {
        return await(stock.pools.delete(List.of(workspaces), "extraneous", now()));
    }

    private int builds() {
        return stock.count("builds");
    }

    private boolean isAnnas(UUID workspace) {
        return stock.count("workspaces WHERE NOT prebuild AND deletion_wanted_at IS NULL AND id = '" + workspace + "'")
                == 1;
    }

    @Test
    void a_claim_beside_a_deletion_that_is_being_made_takes_the_next_or_none() {
        UUID preset = stock.declare("small", 2);
        List<UUID> ready = stock.ready(preset, 2);
        try (OpenTransaction reconciler = new OpenTransaction(stock)) {
            PoolStore there = new PoolStore(reconciler.pool(), stock.ids);
            assertThat(await(there.delete(List.of(ready.getFirst()), "extraneous", now())))
                    .isEqualTo(1);

            assertThat(claimers.workspaceOf(claim(preset).orElseThrow())).isEqualTo(ready.get(1));
            assertThat(claim(preset)).as("none is left but the doomed one").isEmpty();

            reconciler.commits();
        }
        assertThat(claim(preset)).isEmpty();
    }

    @Test
    void a_claim_gets_what_a_deletion_that_was_undone_had_locked() {
        UUID preset = stock.declare("small", 1);
        UUID ready = stock.ready(preset, 1).getFirst();
        try (OpenTransaction reconciler = new OpenTransaction(stock)) {
            PoolStore there = new PoolStore(reconciler.pool(), stock.ids);
            assertThat(await(there.delete(List.of(ready), "extraneous", now()))).isEqualTo(1);
            assertThat(claim(preset)).isEmpty();
            reconciler.rollsBack();
        }
        assertThat(claim(preset).map(claimers::workspaceOf)).contains(ready);
    }

    @Test
    void a_claim_of_exactly_this_one_waits_for_its_deletion_and_gets_nothing() {
        UUID preset = stock.declare("small", 1);
        UUID ready = stock.ready(preset, 1).getFirst();
        try (OpenTransaction reconciler = new OpenTransaction(stock)) {
            PoolStore there = new PoolStore(reconciler.pool(), stock.ids);
            assertThat(await(there.delete(List.of(ready), "extraneous", now()))).isEqualTo(1);
            CompletableFuture<Optional<Claim>> claiming =
                    begin(claimers.takingExactly(ready, 1, claimers.ask(anna), now()));
            reconciler.isWaitedForBy(1);

            reconciler.commits();

            assertThat(end(claiming)).isEmpty();
        }
        assertThat(stock.count("claims")).isZero();
    }

    @Test
    void a_deletion_beside_a_claim_that_is_being_made_passes_it_over_and_its_outcome_stands() {
        UUID preset = stock.declare("small", 1);
        UUID ready = stock.ready(preset, 1).getFirst();
        try (OpenTransaction claim = new OpenTransaction(stock)) {
            var given = claimIn(claim, preset);
            assertThat(delete(ready)).isZero();
            claim.rollsBack();
            assertThat(given.workspace().orElseThrow().id()).isEqualTo(ready);
        }
        try (OpenTransaction claim = new OpenTransaction(stock)) {
            var given = claimIn(claim, preset);
            assertThat(delete(ready)).isZero();
            claim.commits();
            assertThat(claimers.stateOf(given.id())).isEqualTo("held");
        }
        assertThat(delete(ready)).as("it is anna's now").isZero();
        assertThat(builds()).as("no deletion was begun").isEqualTo(1);
        assertThat(isAnnas(ready)).isTrue();
    }

    @Test
    void the_instant_a_claim_came_decides_whether_a_prebuild_is_too_old_for_it() {
        UUID preset = stock.declare("small", 1, Duration.ofHours(1), List.of());
        UUID ready = stock.ready(preset, 1).getFirst();
        Instant expiry = Stock.NOON.plus(Duration.ofHours(1));
        stock.clock.set(expiry);
        try (OpenTransaction other = new OpenTransaction(stock)) {
            other.does("SELECT FROM workspaces WHERE id = $1 FOR UPDATE", ready);
            CompletableFuture<Optional<Claim>> inTime =
                    begin(claimers.takingExactly(ready, 1, claimers.ask(anna), now()));
            other.isWaitedForBy(1);
            stock.clock.set(expiry.plusMillis(1));
            CompletableFuture<Optional<Claim>> late =
                    begin(claimers.takingExactly(ready, 1, claimers.ask(anna), now()));
            end(late);

            other.rollsBack();

            assertThat(end(late)).isEmpty();
            assertThat(end(inTime)).isPresent();
        }
        assertThat(isAnnas(ready)).isTrue();
    }

    @Test
    void an_expired_prebuild_that_is_being_claimed_in_time_is_not_deleted_for_its_age() {
        UUID preset = stock.declare("small", 1, Duration.ofHours(1), List.of());
        UUID ready = stock.ready(preset, 1).getFirst();
        stock.clock.set(Stock.NOON.plus(Duration.ofHours(1)));
        try (OpenTransaction claim = new OpenTransaction(stock)) {
            var given = claimIn(claim, preset);
            stock.clock.forward(Duration.ofMillis(1));
            assertThat(await(stock.pools.delete(List.of(ready), "expired", now())))
                    .isZero();
            claim.commits();
            assertThat(claimers.stateOf(given.id())).isEqualTo("held");
        }
        assertThat(await(stock.pools.delete(List.of(ready), "expired", now()))).isZero();
        assertThat(isAnnas(ready)).isTrue();
    }

    @Test
    void an_expired_prebuild_that_is_being_deleted_is_given_to_nobody_who_asked_in_time() {
        UUID preset = stock.declare("small", 1, Duration.ofHours(1), List.of());
        UUID ready = stock.ready(preset, 1).getFirst();
        stock.clock.set(Stock.NOON.plus(Duration.ofHours(1)));
        NewClaim inTime = claimers.ask(anna);
        Instant asked = now();
        try (OpenTransaction reconciler = new OpenTransaction(stock)) {
            PoolStore there = new PoolStore(reconciler.pool(), stock.ids);
            assertThat(await(there.delete(List.of(ready), "expired", now().plusMillis(1))))
                    .isEqualTo(1);
            CompletableFuture<Optional<Claim>> claiming = begin(claimers.takingExactly(ready, 1, inTime, asked));
            reconciler.isWaitedForBy(1);
            reconciler.commits();
            assertThat(end(claiming)).isEmpty();
        }
        assertThat(claim(preset)).isEmpty();
    }

    @Test
    void an_invalidation_holds_from_its_commit_on_for_those_who_come_after_it() {
        UUID preset = stock.declare("small", 2);
        List<UUID> ready = stock.ready(preset, 2);
        try (OpenTransaction admin = new OpenTransaction(stock)) {
            CatalogControlStore there = new CatalogControlStore(admin.pool(), stock.clock, stock.ids);
            assertThat(await(there.invalidatePreset(stock.owner, preset, true))).isTrue();

            assertThat(claim(preset).map(claimers::workspaceOf)).contains(ready.getFirst());

            admin.commits();
        }
        assertThat(claim(preset)).isEmpty();
        assertThat(isAnnas(ready.getFirst())).isTrue();
    }

    @Test
    void an_invalidation_does_not_wait_for_a_claim_that_is_being_made_nor_take_it_back() {
        UUID preset = stock.declare("small", 2);
        stock.ready(preset, 2);
        try (OpenTransaction claim = new OpenTransaction(stock)) {
            Claim given = claimIn(claim, preset);
            assertThat(await(stock.controls.invalidatePreset(stock.owner, preset, true)))
                    .isTrue();
            assertThat(claim(preset)).isEmpty();
            claim.commits();
            assertThat(claimers.stateOf(given.id())).isEqualTo("held");
        }
    }

    @Test
    void a_promotion_holds_from_its_commit_on_and_strands_who_began_to_wait_during_it_for_a_moment() {
        stock.replacing();
        UUID preset = stock.declare("small", 2);
        List<UUID> ready = stock.ready(preset, 1);
        UUID before = stock.row("SELECT active_version_id AS id FROM templates", Tuple.tuple())
                .getUUID("id");
        stock.promoteNewVersion();
        UUID promoted = stock.preset("small");
        UUID after = stock.row("SELECT active_version_id AS id FROM templates", Tuple.tuple())
                .getUUID("id");
        stock.sql("UPDATE templates SET active_version_id = $1", before);
        UUID waiting;
        try (OpenTransaction admin = new OpenTransaction(stock)) {
            admin.does("UPDATE templates SET active_version_id = $1", after);
            assertThat(claim(preset).map(claimers::workspaceOf))
                    .as("the old version is still the active one")
                    .contains(ready.getFirst());
            waiting = claimers.waits(preset, anna);
            CompletableFuture<Optional<UUID>> cold =
                    begin(stock.coldClaims.takeCold(preset, claimers.ask(anna), now()));
            admin.isWaitedForBy(1);

            admin.commits();

            assertThat(end(cold)).as("nothing is built of an old version").isEmpty();
        }
        assertThat(await(stock.leases.follow(now()))).isEqualTo(1);
        assertThat(stock.look(waiting).presetId()).isEqualTo(promoted);
        assertThat(isAnnas(ready.getFirst())).isTrue();
    }

    @Test
    void a_promotion_does_not_wait_for_a_claim_from_stock_and_takes_nothing_back() {
        stock.replacing();
        UUID preset = stock.declare("small", 2);
        List<UUID> ready = stock.ready(preset, 2);
        try (OpenTransaction claim = new OpenTransaction(stock)) {
            Claim given = claimIn(claim, preset);

            stock.promoteNewVersion();

            assertThat(claim(preset)).as("the old version's").isEmpty();
            claim.commits();
            assertThat(claimers.stateOf(given.id())).isEqualTo("held");
        }
        assertThat(await(stock.pools.delete(ready, "extraneous", now())))
                .as("the other one goes with its version")
                .isEqualTo(1);
    }

    @Test
    void a_promotion_waits_for_a_build_of_the_old_version_that_is_being_begun() {
        UUID preset = stock.declare("small", 2);
        try (OpenTransaction claim = new OpenTransaction(stock)) {
            UUID cold = await(stock.coldClaimStore(claim.pool()).takeCold(preset, claimers.ask(anna), now()))
                    .orElseThrow();
            CompletableFuture<Boolean> deprecating = begin(stock.controls.deprecate(stock.template(), "old"));
            claim.isWaitedForBy(1);
            claim.commits();
            assertThat(end(deprecating)).isTrue();
            assertThat(claimers.stateOf(cold)).isEqualTo("held");
        }
    }

    @Test
    void claims_go_on_while_a_pause_is_being_set_and_after_it() {
        UUID preset = stock.declare("small", 3);
        List<UUID> ready = stock.ready(preset, 3);
        try (OpenTransaction admin = new OpenTransaction(stock)) {
            CatalogControlStore there = new CatalogControlStore(admin.pool(), stock.clock, stock.ids);
            assertThat(await(there.pausePreset(stock.owner, preset, new PauseView("all", null))))
                    .isTrue();
            assertThat(claim(preset).map(claimers::workspaceOf)).contains(ready.get(0));
            admin.commits();
        }
        assertThat(claim(preset).map(claimers::workspaceOf)).contains(ready.get(1));
        try (OpenTransaction claim = new OpenTransaction(stock)) {
            Claim given = claimIn(claim, preset);
            assertThat(await(stock.controls.pausePreset(stock.owner, preset, null)))
                    .as("nor does a change of it wait for a claim")
                    .isTrue();
            claim.commits();
            assertThat(claimers.workspaceOf(given.id())).isEqualTo(ready.get(2));
        }
    }

    @Test
    void a_quota_holds_from_its_commit_on_and_counts_what_was_being_claimed_when_it_was_set() {
        UUID preset = stock.declare("small", 3);
        stock.ready(preset, 3);
        Claim during;
        try (OpenTransaction claim = new OpenTransaction(stock)) {
            during = claimIn(claim, preset);
            stock.sql("UPDATE organizations SET claims_max = 1 WHERE id = $1", stock.organization);
            assertThat(claim(preset)).as("the way past a quota is shut").isEmpty();
            claim.commits();
        }
        assertThat(await(stock.lines.takeWithinQuota(
                        List.of(Offer.of(new Claimable(preset, Claimable.Order.OLDEST, false))),
                        List.of(claimers.ask(anna)),
                        1,
                        now())))
                .isEqualTo(new ClaimQuotaStore.UnderQuota.Exceeded<>(new ClaimQuotaStore.Quota(1, 1, 1, null)));

        try (OpenTransaction admin = new OpenTransaction(stock)) {
            admin.does("UPDATE organizations SET claims_max = NULL WHERE id = $1", stock.organization);
            assertThat(claim(preset)).as("not lifted yet").isEmpty();
            admin.commits();
        }
        assertThat(claim(preset)).isPresent();
        assertThat(claimers.stateOf(during.id())).isEqualTo("held");
    }

    @Test
    void a_waiting_claim_that_is_being_served_cannot_be_given_up_and_the_other_way_round() {
        UUID preset = stock.declare("small", 2);
        UUID served = claimers.waits(preset, anna);
        stock.ready(preset, 1);
        try (OpenTransaction janitor = new OpenTransaction(stock)) {
            ClaimStore there = stock.claimStore(janitor.pool());
            assertThat(ids(await(claimers.taking(there, preset, List.of(), 0)))).containsExactly(served);
            CompletableFuture<Boolean> givingUp = begin(stock.leases.cancel(served, now()));
            janitor.isWaitedForBy(1);
            janitor.commits();
            assertThat(end(givingUp)).isFalse();
        }
        assertThat(claimers.stateOf(served)).isEqualTo("held");

        UUID givenUp = claimers.waits(preset, anna);
        stock.ready(preset, 1);
        try (OpenTransaction user = new OpenTransaction(stock)) {
            assertThat(await(new EndClaimStore(user.pool()).cancel(givenUp, now())))
                    .isTrue();
            CompletableFuture<List<Claim>> serving = begin(claimers.taking(stock.claims, preset, List.of(), 0));
            user.isWaitedForBy(1);
            user.commits();
            assertThat(end(serving)).isEmpty();
        }
        assertThat(claimers.serve(preset)).isEmpty();
        assertThat(claimers.stateOf(givenUp)).isEqualTo("canceled");
    }

    @Test
    void a_waiting_claim_that_is_being_built_for_is_not_served_from_stock_as_well() {
        UUID preset = stock.declare("small", 1);
        UUID waiting = claimers.waitsThenCold(preset, anna);
        stock.ready(preset, 1);
        try (OpenTransaction janitor = new OpenTransaction(stock)) {
            assertThat(await(stock.coldClaimStore(janitor.pool()).coldForWaiting(waiting, now())))
                    .isTrue();
            CompletableFuture<List<Claim>> serving = begin(claimers.taking(stock.claims, preset, List.of(), 0));
            CompletableFuture<Boolean> again = begin(stock.coldClaims.coldForWaiting(waiting, now()));
            janitor.isWaitedForBy(2);
            janitor.commits();
            assertThat(end(serving)).isEmpty();
            assertThat(end(again)).isFalse();
        }
        assertThat(stock.count("workspaces WHERE NOT prebuild")).isEqualTo(1);
        assertThat(claim(preset)).as("what is in stock is still there").isPresent();
    }
}
