package dev.larder.claim;

import static dev.larder.testing.Claimers.begin;
import static dev.larder.testing.Claimers.end;
import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.lifecycle.EndClaimStore;
import dev.larder.lifecycle.EndClaimStore.Return;
import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.Transition;
import dev.larder.testing.Claimers;
import dev.larder.testing.OpenTransaction;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Claims that last for a time: renewed, given back, expired (design, section 3.6). */
class LeaseTest {

    private static final Duration HOUR = Duration.ofHours(1);
    private static final OptionalInt ANY = OptionalInt.empty();

    private final Stock stock = new Stock();
    private final Claimers claimers = new Claimers(stock);
    private final Caller anna = stock.member("anna");
    private final UUID preset = stock.declare("small", 3);

    @AfterEach
    void close() {
        stock.close();
    }

    private Instant now() {
        return stock.clock.instant();
    }

    private UUID lease() {
        stock.ready(preset, 1);
        return claimers.lease(preset, anna, HOUR).id();
    }

    private UUID keptForEver() {
        stock.ready(preset, 1);
        return stock.claim(preset, anna).orElseThrow();
    }

    private Instant expiryOf(UUID claim) {
        return stock.look(claim).expiresAt().orElseThrow();
    }

    private boolean renew(UUID claim, Duration ttl) {
        return await(stock.leases.renew(claim, ttl, ANY, now()));
    }

    private int expire() {
        return await(stock.leases.expire(now()));
    }

    @Test
    void a_lease_begins_with_the_claim_and_is_recorded_for_warm_and_cold_ones() {
        UUID warm = lease();
        UUID cold = await(stock.coldClaims.takeCold(preset, claimers.leased(anna, HOUR), now()))
                .orElseThrow();

        assertThat(expiryOf(warm)).isEqualTo(now().plus(HOUR));
        assertThat(expiryOf(cold)).isEqualTo(now().plus(HOUR));
        assertThat(stock.look(keptForEver()).expiresAt()).isEmpty();
    }

    @Test
    void it_expires_at_its_instant_and_not_before_and_once() {
        UUID claim = lease();
        UUID forEver = keptForEver();
        Instant expiry = expiryOf(claim);

        stock.clock.set(expiry.minusNanos(1_000));
        assertThat(expire()).isZero();
        stock.clock.set(expiry);
        assertThat(expire()).isEqualTo(1);
        assertThat(expire()).isZero();

        assertThat(claimers.stateOf(claim)).isEqualTo("expired");
        assertThat(stock.look(claim).endedAt()).contains(expiry);
        assertThat(claimers.stateOf(forEver)).isEqualTo("held");
    }

    @Test
    void a_part_of_a_second_counts_as_one() {
        stock.ready(preset, 1);
        UUID claim = claimers.lease(preset, anna, Duration.ofMillis(1_001)).id();
        assertThat(expiryOf(claim)).isEqualTo(now().plusSeconds(2));

        assertThat(renew(claim, Duration.ofSeconds(5).plusNanos(1))).isTrue();
        assertThat(expiryOf(claim)).isEqualTo(now().plusSeconds(6));
        assertThat(renew(claim, Duration.ofDays(30))).isTrue();
        assertThat(expiryOf(claim)).isEqualTo(now().plus(Duration.ofDays(30)));
    }

    @Test
    void its_end_is_the_deletion_of_its_workspace() {
        UUID claim = lease();
        UUID workspace = claimers.workspaceOf(claim);
        stock.clock.forward(HOUR);
        assertThat(expire()).isEqualTo(1);

        assertThat(await(stock.builds.deleteWanted(now()))).isEqualTo(1);
        Assignment deletion = stock.take(1).getFirst();

        assertThat(deletion.transition()).isEqualTo(Transition.DELETE);
        assertThat(deletion.workspaceId()).isEqualTo(workspace);
        stock.succeed(deletion);
        assertThat(claimers.stateOf(claim))
                .as("not overwritten by the deletion")
                .isEqualTo("expired");
        assertThat(stock.look(claim).workspace().orElseThrow().times().deletedAt())
                .contains(now());
    }

    @Test
    void a_lease_that_ends_while_its_workspace_is_being_built_is_deleted_after_the_build() {
        UUID claim = await(stock.coldClaims.takeCold(preset, claimers.leased(anna, HOUR), now()))
                .orElseThrow();
        Assignment start = stock.take(1).getFirst();
        stock.clock.forward(HOUR);

        assertThat(expire()).isEqualTo(1);
        assertThat(await(stock.builds.deleteWanted(now()))).isZero();
        stock.succeed(start);

        assertThat(await(stock.builds.deleteWanted(now()))).isEqualTo(1);
        assertThat(claimers.stateOf(claim)).isEqualTo("expired");
    }

    @Test
    void a_hundred_leases_end_at_a_time_the_longest_overdue_first() {
        stock.create(preset, 105);
        stock.buildAll();
        for (int i = 0; i < 105; i++) {
            claimers.take(preset, claimers.leased(anna, HOUR.minusSeconds(i)));
        }
        UUID last = stock.row("SELECT id FROM claims ORDER BY expires_at DESC LIMIT 1", Tuple.tuple())
                .getUUID("id");
        stock.clock.forward(HOUR);

        assertThat(expire()).isEqualTo(100);
        assertThat(claimers.stateOf(last)).isEqualTo("held");
        assertThat(expire()).isEqualTo(5);
    }

    @Test
    void a_renewal_counts_from_now_on_and_may_shorten() {
        UUID claim = lease();
        stock.clock.forward(Duration.ofMinutes(30));

        assertThat(renew(claim, HOUR)).isTrue();
        assertThat(expiryOf(claim)).isEqualTo(now().plus(HOUR));
        assertThat(renew(claim, Duration.ofSeconds(1))).isTrue();
        assertThat(expiryOf(claim)).isEqualTo(now().plusSeconds(1));
        assertThat(await(stock.leases.renew(claim, null, ANY, now())))
                .as("as long as it was given for last")
                .isTrue();
        assertThat(expiryOf(claim)).isEqualTo(now().plusSeconds(1));
    }

    @Test
    void it_is_renewed_until_its_instant_and_no_longer_whether_it_was_ended_or_not() {
        UUID claim = lease();
        Instant expiry = expiryOf(claim);
        stock.clock.set(expiry);
        assertThat(renew(claim, HOUR)).as("at expiry").isFalse();
        stock.clock.set(expiry.plusSeconds(1));
        assertThat(renew(claim, HOUR)).as("after expiry").isFalse();
        assertThat(expiryOf(claim)).isEqualTo(expiry);

        stock.clock.set(expiry.minusNanos(1_000));
        assertThat(renew(claim, HOUR)).as("before expiry").isTrue();
        stock.clock.set(expiry);
        assertThat(expire()).isZero();
    }

    @Test
    void what_was_given_for_ever_gets_an_end_when_one_is_asked_for() {
        UUID claim = keptForEver();

        assertThat(await(stock.leases.renew(claim, null, ANY, now()))).isFalse();
        assertThat(stock.look(claim).expiresAt()).isEmpty();
        assertThat(renew(claim, HOUR)).isTrue();
        assertThat(expiryOf(claim)).isEqualTo(now().plus(HOUR));
    }

    @Test
    void what_has_ended_or_waits_or_is_unknown_is_not_renewed() {
        UUID released = lease();
        assertThat(stock.release(released)).isTrue();
        UUID expired = lease();
        stock.clock.forward(HOUR);
        assertThat(expire()).isEqualTo(1);
        UUID waiting = claimers.waits(preset, anna);

        assertThat(renew(released, HOUR)).isFalse();
        assertThat(renew(expired, HOUR)).isFalse();
        assertThat(renew(waiting, HOUR)).isFalse();
        assertThat(renew(UUID.randomUUID(), HOUR)).isFalse();
        assertThat(stock.look(waiting).expiresAt()).isEmpty();
    }

    @Test
    void only_the_generation_that_is_demanded_is_renewed_or_given_back() {
        UUID claim = lease();
        int generation = generation(claim);
        Instant expiry = expiryOf(claim);
        stock.clock.forward(Duration.ofMinutes(1));
        for (int other : new int[] {generation - 1, generation + 1}) {
            assertThat(await(stock.leases.renew(claim, HOUR, OptionalInt.of(other), now())))
                    .isFalse();
            assertThat(await(stock.leases.release(claim, OptionalInt.of(other), now())))
                    .isEqualTo(Return.NONE);
        }
        assertThat(expiryOf(claim)).isEqualTo(expiry);
        assertThat(claimers.stateOf(claim)).isEqualTo("held");

        assertThat(await(stock.leases.renew(claim, HOUR, OptionalInt.of(generation), now())))
                .isTrue();
        assertThat(await(stock.leases.release(claim, OptionalInt.of(generation), now())))
                .isEqualTo(Return.TO_DELETE);
    }

    private int generation(UUID claim) {
        Integer generation = stock.look(claim).generation();
        return generation == null ? 0 : generation;
    }

    @Test
    void each_change_of_hands_raises_the_workspaces_version_the_generation_stays() {
        stock.ready(preset, 1);
        UUID claim = claimers.lease(preset, anna, HOUR).id();
        Claim held = stock.look(claim);
        assertThat(held.generation()).isEqualTo(2);
        assertThat(held.workspace().orElseThrow().version()).isEqualTo(2);
        assertThat(renew(claim, HOUR)).isTrue();
        assertThat(stock.look(claim).workspace().orElseThrow().version())
                .as("a renewal changes no hands")
                .isEqualTo(2);

        assertThat(stock.release(claim)).isTrue();

        Claim released = stock.look(claim);
        assertThat(released.workspace().orElseThrow().version()).isEqualTo(3);
        assertThat(released.generation()).isEqualTo(2);
        UUID expiring = lease();
        stock.clock.forward(HOUR);
        assertThat(expire()).isEqualTo(1);
        assertThat(stock.look(expiring).workspace().orElseThrow().version()).isEqualTo(3);
    }

    @Test
    void what_was_given_back_does_not_expire_as_well_nor_the_other_way_round() {
        UUID released = lease();
        assertThat(stock.release(released)).isTrue();
        stock.clock.forward(HOUR);
        assertThat(expire()).isZero();
        assertThat(claimers.stateOf(released)).isEqualTo("released");

        UUID expired = lease();
        stock.clock.forward(HOUR);
        assertThat(expire()).isEqualTo(1);
        assertThat(stock.release(expired)).isFalse();
        assertThat(claimers.stateOf(expired)).isEqualTo("expired");
    }

    @Test
    void given_back_twice_at_once_it_ends_once() {
        UUID claim = lease();
        try (OpenTransaction other = new OpenTransaction(stock)) {
            other.does("SELECT FROM workspaces WHERE id = $1 FOR UPDATE", claimers.workspaceOf(claim));
            CompletableFuture<Return> one = begin(stock.leases.release(claim, ANY, now()));
            CompletableFuture<Return> two = begin(stock.leases.release(claim, ANY, now()));
            other.isWaitedForBy(2);

            other.rollsBack();

            assertThat(List.of(end(one), end(two))).containsExactlyInAnyOrder(Return.TO_DELETE, Return.NONE);
        }
        assertThat(stock.look(claim).workspace().orElseThrow().version()).isEqualTo(3);
    }

    @Test
    void a_renewal_that_comes_before_the_expiry_keeps_the_claim() {
        UUID claim = lease();
        Instant expiry = expiryOf(claim);
        try (OpenTransaction renewal = new OpenTransaction(stock)) {
            assertThat(await(new EndClaimStore(renewal.pool()).renew(claim, HOUR, ANY, expiry.minusMillis(1))))
                    .isTrue();
            CompletableFuture<Integer> expiring = begin(stock.leases.expire(expiry));
            renewal.isWaitedForBy(1);

            renewal.commits();

            assertThat(end(expiring)).isZero();
        }
        assertThat(claimers.stateOf(claim)).isEqualTo("held");
        assertThat(stock.count("workspaces WHERE deletion_wanted_at IS NOT NULL"))
                .isZero();
        assertThat(stock.look(claim).workspace().orElseThrow().version()).isEqualTo(2);
    }

    @Test
    void a_renewal_that_is_undone_does_not_keep_it() {
        UUID claim = lease();
        Instant expiry = expiryOf(claim);
        try (OpenTransaction renewal = new OpenTransaction(stock)) {
            assertThat(await(new EndClaimStore(renewal.pool()).renew(claim, HOUR, ANY, expiry.minusMillis(1))))
                    .isTrue();
            CompletableFuture<Integer> expiring = begin(stock.leases.expire(expiry));
            renewal.isWaitedForBy(1);

            renewal.rollsBack();

            assertThat(end(expiring)).isEqualTo(1);
        }
        assertThat(claimers.stateOf(claim)).isEqualTo("expired");
    }

    @Test
    void a_renewal_that_comes_after_the_expiry_is_refused_though_it_was_sent_in_time() {
        UUID claim = lease();
        Instant expiry = expiryOf(claim);
        try (OpenTransaction janitor = new OpenTransaction(stock)) {
            assertThat(await(new EndClaimStore(janitor.pool()).expire(expiry))).isEqualTo(1);
            CompletableFuture<Boolean> renewing = begin(stock.leases.renew(claim, HOUR, ANY, expiry.minusMillis(1)));
            janitor.isWaitedForBy(1);

            janitor.commits();

            assertThat(end(renewing)).isFalse();
        }
        assertThat(expiryOf(claim)).isEqualTo(expiry);
        assertThat(claimers.stateOf(claim)).isEqualTo("expired");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void of_a_release_and_an_expiry_at_once_the_first_says_why(boolean releaseFirst) {
        UUID claim = lease();
        Instant expiry = expiryOf(claim);
        try (OpenTransaction first = new OpenTransaction(stock)) {
            EndClaimStore there = new EndClaimStore(first.pool());
            if (releaseFirst) {
                assertThat(await(there.release(claim, ANY, expiry))).isEqualTo(Return.TO_DELETE);
                // It passes over what is locked rather than wait.
                assertThat(await(stock.leases.expire(expiry))).isZero();
                first.commits();
            } else {
                assertThat(await(there.expire(expiry))).isEqualTo(1);
                CompletableFuture<Return> releasing = begin(stock.leases.release(claim, ANY, expiry));
                first.isWaitedForBy(1);
                first.commits();
                assertThat(end(releasing)).isEqualTo(Return.NONE);
            }
        }
        assertThat(await(stock.leases.expire(expiry))).isZero();
        assertThat(claimers.stateOf(claim)).isEqualTo(releaseFirst ? "released" : "expired");
        assertThat(stock.look(claim).workspace().orElseThrow().version())
                .as("changed hands once")
                .isEqualTo(3);
    }

    @Test
    void two_janitors_at_once_share_the_work_and_do_nothing_twice() {
        stock.create(preset, 30);
        stock.buildAll();
        for (int i = 0; i < 30; i++) {
            claimers.take(preset, claimers.leased(anna, HOUR));
        }
        stock.clock.forward(HOUR);
        EndClaimStore other = new EndClaimStore(stock.database.another(1));

        CompletableFuture<Integer> one = begin(stock.leases.expire(now()));
        CompletableFuture<Integer> two = begin(other.expire(now()));

        assertThat(end(one) + end(two) + expire()).isEqualTo(30);
        assertThat(stock.count("workspaces WHERE version = 3 AND deletion_wanted_at IS NOT NULL"))
                .isEqualTo(30);
    }

    @Test
    void a_deletion_by_hand_ends_the_claim_when_it_is_done_and_no_renewal_stops_it() {
        UUID claim = lease();
        UUID workspace = claimers.workspaceOf(claim);
        assertThat(await(stock.builds.wantDeleted(workspace, ANY, now()))).isTrue();
        assertThat(renew(claim, HOUR)).as("it is still held").isTrue();
        assertThat(await(stock.builds.deleteWanted(now()))).isEqualTo(1);

        stock.buildAll();

        assertThat(claimers.stateOf(claim)).isEqualTo("deleted");
        assertThat(renew(claim, HOUR)).isFalse();
        stock.clock.forward(HOUR.multipliedBy(2));
        assertThat(expire()).isZero();
    }
}
