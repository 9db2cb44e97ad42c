package dev.larder.claim;

import static dev.larder.testing.Claimers.begin;
import static dev.larder.testing.Claimers.end;
import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.claim.ClaimRequest.Policy;
import dev.larder.claim.ClaimRequest.Wanted;
import dev.larder.inventory.ListingStore.Recorded;
import dev.larder.model.Caller;
import dev.larder.model.CreationStatus;
import dev.larder.model.CreationStatus.Reason;
import dev.larder.model.CreationStatuses;
import dev.larder.model.Inventory;
import dev.larder.model.Inventory.Part;
import dev.larder.testing.Claimers;
import dev.larder.testing.OpenTransaction;
import dev.larder.testing.Stock;
import dev.larder.testing.Tenant;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** From a request to its outcome, on a real database (design, section 3). */
class ClaimsTest {

    private static final Policy FAIL = new Policy.Fail();
    private static final Policy WAIT = new Policy.Wait(Duration.ofMinutes(5), 0, false);

    private final Stock stock = new Stock();
    private final Claimers claimers = new Claimers(stock);
    private final Caller anna = stock.member("anna");
    private final Caller bob = stock.member("bob");
    private final UUID preset = stock.declare("small", 3);
    private final Map<UUID, CreationStatus> standings = new HashMap<>(Map.of(preset, CreationStatus.GOES_ON));
    private final CreationStatuses outlook = (presets, at) -> Uni.createFrom().item(standings);
    private final Claims claims = claims(Tuned.DEFAULT);

    @AfterEach
    void close() {
        stock.close();
    }

    private Claims claims(Tuned settings) {
        return settings.claims(stock, outlook);
    }

    private static ClaimRequest small(Policy policy) {
        return request(new Wanted.PresetsByName(Optional.empty(), Stock.TEMPLATE, List.of("small")), policy);
    }

    private static ClaimRequest request(Wanted wanted, Policy policy) {
        return new ClaimRequest(wanted, policy, 1, 1, Optional.empty());
    }

    private static ClaimRequest batch(int count) {
        return new ClaimRequest(small(FAIL).wanted(), FAIL, count, count, Optional.empty());
    }

    private Uni<Outcome> claiming(Caller who, ClaimRequest request, String key) {
        return claims.claim(who, request, Optional.of(key));
    }

    private Outcome claim(Caller who, ClaimRequest request) {
        return await(claims.claim(who, request, Optional.empty()));
    }

    private void allow(int claims) {
        stock.sql("UPDATE organizations SET claims_max = $2 WHERE id = $1", stock.organization, claims);
    }

    private void inStock(int count) {
        if (count > 0) {
            stock.create(preset, count);
            stock.buildAll();
        }
    }

    private static List<UUID> claimsOf(Outcome outcome) {
        return switch (outcome) {
            case Outcome.Given(var given, var unused) -> Claimers.ids(given);
            case Outcome.Begun(var claim, var unused) -> List.of(claim);
            case Outcome.Replayed(var again, var unused) -> again;
            default -> throw new AssertionError("no claim: " + outcome);
        };
    }

    @Test
    void a_retry_is_answered_as_before_though_the_quota_is_full_however_it_was_answered() {
        allow(1);
        for (ClaimRequest request : List.of(small(FAIL), small(new Policy.Cold()), small(WAIT))) {
            inStock(request.policy() instanceof Policy.Fail ? 1 : 0);
            String key = request.toString();

            Outcome first = await(claiming(anna, request, key));
            Outcome again = await(claiming(anna, request, key));

            assertThat(again).as(request.toString()).isInstanceOf(Outcome.Replayed.class);
            assertThat(claimsOf(again)).isEqualTo(claimsOf(first));
            assertThat(claim(anna, request)).isInstanceOf(Outcome.OverQuota.class);
            stock.sql("UPDATE claims SET ended_at = now(), ended_reason = CASE WHEN workspace_id IS NULL THEN"
                    + " 'canceled' ELSE 'released' END WHERE ended_at IS NULL");
        }
    }

    @Test
    void one_key_at_once_on_the_last_place_of_a_quota_is_one_claim_and_its_retry() {
        allow(1);
        UUID ready = stock.ready(preset, 1).getFirst();
        for (ClaimRequest request : List.of(
                request(new Wanted.Exactly(ready, 1), FAIL), small(FAIL), small(new Policy.Cold()), small(WAIT))) {
            try (OpenTransaction admin = new OpenTransaction(stock)) {
                admin.does("SELECT FROM organizations WHERE id = $1 FOR NO KEY UPDATE", stock.organization);
                String key = request.toString();
                List<CompletableFuture<Outcome>> both =
                        List.of(begin(claiming(anna, request, key)), begin(claiming(anna, request, key)));
                admin.isWaitedForBy(2);

                admin.commits();

                assertThat(both.stream()
                                .map(Claimers::end)
                                .map(ClaimsTest::claimsOf)
                                .distinct())
                        .as(request.toString())
                        .hasSize(1);
            }
            stock.sql("UPDATE claims SET ended_at = now(), ended_reason = CASE WHEN workspace_id IS NULL THEN"
                    + " 'canceled' ELSE 'released' END WHERE ended_at IS NULL");
            inStock(request.wanted() instanceof Wanted.Exactly ? 1 : 0);
        }
    }

    @Test
    void batches_at_once_get_all_or_nothing_and_whoever_could_have_all_does() {
        for (int stocked = 0; stocked <= 4; stocked++) {
            for (int one = 2; one <= 3; one++) {
                for (int two = one; two <= 3; two++) {
                    twoAtOnce(stocked, one, two);
                }
            }
        }
    }

    private void twoAtOnce(int stocked, int one, int two) {
        String world = "%d in stock, batches of %d and %d".formatted(stocked, one, two);
        inStock(stocked);
        CompletableFuture<Outcome> annas = begin(claims.claim(anna, batch(one), Optional.empty()));
        CompletableFuture<Outcome> bobs = begin(claims.claim(bob, batch(two), Optional.empty()));
        int toAnna = sizeOf(end(annas));
        int toBob = sizeOf(end(bobs));

        assertThat(toAnna).as(world).isIn(0, one);
        assertThat(toBob).as(world).isIn(0, two);
        int left = stocked - toAnna - toBob;
        assertThat(left).as(world).isNotNegative();
        assertThat(toAnna == one || left < one).as(world + ": anna's").isTrue();
        assertThat(toBob == two || left < two).as(world + ": bob's").isTrue();
        claimers.take(preset, claimers.asks(anna, left));
    }

    private static int sizeOf(Outcome outcome) {
        return outcome instanceof Outcome.NoneInStock ? 0 : claimsOf(outcome).size();
    }

    @Test
    void who_may_not_wait_because_so_many_do_is_told_when_to_ask_again() {
        Claims bounded = claims(Tuned.DEFAULT.withWaitingMax(1));
        Outcome first = await(bounded.claim(anna, small(WAIT), Optional.of("k")));
        assertThat(first).isInstanceOf(Outcome.Begun.class);

        assertThat(await(bounded.claim(bob, small(WAIT), Optional.empty())))
                .isEqualTo(new Outcome.TooManyWait(false, 1, 1, Optional.of(Duration.ofSeconds(60))));
        assertThat(claimsOf(await(bounded.claim(anna, small(WAIT), Optional.of("k")))))
                .as("not so the one who waits already")
                .isEqualTo(claimsOf(first));
    }

    // 45 connections, of which Larder keeps 25 and an organization may have half of the others: one workspace of ten.
    @Test
    void who_claims_beyond_its_organizations_connections_is_told_so_and_who_waits_waits() {
        Instant now = stock.clock.instant();
        Part listing =
                new Part("postgres", "server", now, List.of(), true, Optional.of(new Inventory.Connections(45, 10)));
        assertThat(await(stock.listings.record(stock.worker, listing, now))).isEqualTo(Recorded.YES);
        Tenant tenant = new Tenant(stock, "databases", "postgres", Duration.ofMinutes(10));
        stock.ready(tenant.preset, 3);
        Caller dan = tenant.member("dan");
        Wanted wanted = new Wanted.PresetById(tenant.preset);
        assertThat(claim(dan, request(wanted, FAIL))).isInstanceOf(Outcome.Given.class);

        for (Policy policy : List.of(FAIL, new Policy.Cold())) {
            assertThat(claim(dan, request(wanted, policy)))
                    .isInstanceOfSatisfying(
                            Outcome.ConnectionsFull.class,
                            full -> assertThat(full.connections())
                                    .isEqualTo(new AvailabilityReads.Connections(10, 10, 10, 10, 20)));
        }
        assertThat(claim(dan, request(wanted, WAIT))).isInstanceOf(Outcome.Begun.class);
    }

    @Test
    void the_first_of_several_names_that_has_one_is_taken() {
        UUID large = stock.declare("large", 1);
        stock.ready(large, 1);
        ClaimRequest either =
                request(new Wanted.PresetsByName(Optional.empty(), Stock.TEMPLATE, List.of("small", "large")), FAIL);

        Outcome given = claim(anna, either);

        assertThat(claimsOf(given)).hasSize(1);
        assertThat(stock.look(claimsOf(given).getFirst()).presetId()).isEqualTo(large);
        assertThat(claim(anna, either)).isInstanceOf(Outcome.NoneInStock.class);
    }

    @Test
    void names_that_were_remembered_are_looked_up_again_after_a_promotion() {
        stock.replacing();
        stock.ready(preset, 2);
        assertThat(claim(anna, small(FAIL))).isInstanceOf(Outcome.Given.class);
        stock.promoteNewVersion();
        assertThat(claim(anna, small(FAIL))).as("none of the new version yet").isInstanceOf(Outcome.NoneInStock.class);
        stock.ready(stock.preset("small"), 1);

        assertThat(Stream.of(claim(anna, small(FAIL)), claim(anna, small(FAIL))).map(Outcome::word))
                .containsExactly("claimed", "no_claimable_workspace");
    }

    @Test
    void one_that_is_locked_for_a_moment_is_not_missed() {
        UUID ready = stock.ready(preset, 1).getFirst();
        CompletableFuture<Outcome> claiming;
        try (OpenTransaction other = new OpenTransaction(stock)) {
            other.does("SELECT FROM workspaces WHERE id = $1 FOR UPDATE", ready);
            claiming = begin(claims.claim(anna, small(FAIL), Optional.empty()));
            other.rollsBack();
        }
        assertThat(end(claiming)).isInstanceOf(Outcome.Given.class);
    }

    private Outcome.NoneInStock none() {
        return (Outcome.NoneInStock) claim(anna, small(FAIL));
    }

    @Test
    void nothing_in_stock_says_what_the_plan_holds_and_names_no_time_that_will_not_come() {
        Reason limited = new Reason("hard_limited", null, "the newest 3 attempts all failed");
        standings.put(preset, new CreationStatus(List.of(limited)));

        Outcome.NoneInStock stopped = none();

        assertThat(stopped.word()).isEqualTo("creation_stopped");
        assertThat(stopped.estimate().stops()).containsExactly(limited);
        assertThat(stopped.estimate().eta()).isEmpty();
        Instant until = stock.clock.instant().plusSeconds(90);
        standings.put(
                preset, new CreationStatus(List.of(new Reason("backoff", until, "2 failed builds are remembered"))));
        assertThat(none().estimate().eta()).contains(WaitTime.WITHOUT_EVIDENCE.plusSeconds(90));
    }

    @Test
    void while_a_build_is_under_way_the_stop_of_the_next_one_is_told_beside_it() {
        standings.put(preset, new CreationStatus(List.of(new Reason("paused", null, "preset, create"))));
        stock.create(preset, 1);

        Outcome.NoneInStock later = none();

        assertThat(later.word()).isEqualTo("no_claimable_workspace");
        assertThat(later.estimate().stops()).hasSize(1);
        assertThat(later.estimate().eta()).contains(WaitTime.WITHOUT_EVIDENCE);
    }

    @Test
    void a_preset_without_prebuilds_says_that_only_a_cold_build_helps() {
        standings.clear();

        Outcome.NoneInStock none = none();

        assertThat(none.word()).isEqualTo("no_claimable_workspace");
        assertThat(none.estimate().stops()).extracting(Reason::why).containsExactly("no_prebuilds");
        assertThat(none.estimate().eta()).isEmpty();
    }

    @Test
    void a_build_that_waits_for_a_worker_is_not_taken_to_be_as_far_as_one_that_runs() {
        stock.ready(preset, 1);
        var taken = claim(bob, small(FAIL));
        stock.create(preset, 1);
        stock.clock.forward(Duration.ofMinutes(20));
        Duration build = none().now().buildTime().orElseThrow();

        assertThat(none().now().starting()).containsExactly(Duration.ZERO);
        assertThat(build).isLessThan(Duration.ofSeconds(1));
        stock.take(1);
        stock.clock.forward(Duration.ofSeconds(7));
        assertThat(none().now().starting()).containsExactly(Duration.ofSeconds(7));
    }

    @Test
    void a_cold_build_that_failed_answers_its_key_as_the_claim_that_ended() {
        Outcome first = await(claiming(anna, small(new Policy.Cold()), "k"));
        stock.take(1).forEach(stock::fail);
        await(stock.leases.endFailedCold(stock.clock.instant()));

        Outcome again = await(claiming(anna, small(new Policy.Cold()), "k"));

        assertThat(again).isEqualTo(new Outcome.Replayed(claimsOf(first), "cold"));
        assertThat(stock.count("workspaces")).as("built once").isEqualTo(1);
    }
}
