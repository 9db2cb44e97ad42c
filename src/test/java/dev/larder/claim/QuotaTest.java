package dev.larder.claim;

import static dev.larder.testing.Claimers.begin;
import static dev.larder.testing.Claimers.end;
import static dev.larder.testing.Claimers.ids;
import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.claim.ClaimQuotaStore.Quota;
import dev.larder.claim.ClaimQuotaStore.UnderQuota;
import dev.larder.claim.Claimable.Order;
import dev.larder.claim.LineStore.Offer;
import dev.larder.model.Caller;
import dev.larder.testing.Claimers;
import dev.larder.testing.OpenTransaction;
import dev.larder.testing.Stock;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How much may be claimed at once (design, section 3.7). */
class QuotaTest {

    private static final String LIMIT = "UPDATE organizations SET claims_max = $2::integer WHERE id = $1";
    private static final String UNLIMIT = "UPDATE organizations SET claims_max = NULL WHERE id = $1";

    private final Stock stock = new Stock();
    private final Claimers claimers = new Claimers(stock);
    private final Caller anna = stock.member("anna");
    private final Caller bob = stock.member("bob");
    private final UUID preset = stock.declare("small", 3);

    @AfterEach
    void close() {
        stock.close();
    }

    private Instant now() {
        return stock.clock.instant();
    }

    private void allow(int claims) {
        stock.sql(LIMIT, stock.organization, claims);
    }

    private void allowEachUser(int claims) {
        stock.sql("UPDATE organizations SET claims_max_per_user = $2 WHERE id = $1", stock.organization, claims);
    }

    private void inStock(int count) {
        if (count > 0) {
            stock.create(preset, count);
            stock.buildAll();
        }
    }

    private Uni<UnderQuota<List<Claim>>> taking(NewClaim ask, int count, int atLeast) {
        return stock.lines.takeWithinQuota(
                List.of(Offer.of(new Claimable(preset, Order.OLDEST, false))),
                stock.newClaims.several(ask, count),
                atLeast,
                now());
    }

    private UnderQuota<List<Claim>> take(Caller who) {
        return await(taking(claimers.ask(who), 1, 1));
    }

    private static int given(UnderQuota<List<Claim>> result) {
        return claims(result).size();
    }

    private static boolean within(UnderQuota<Optional<UUID>> result) {
        return result instanceof UnderQuota.Within<Optional<UUID>>(var claim) && claim.isPresent();
    }

    private static <T> Quota exceeded(UnderQuota<T> result) {
        if (result instanceof UnderQuota.Exceeded<T>(var quota)) {
            return quota;
        }
        throw new AssertionError("within the quota: " + result);
    }

    private int held() {
        return stock.count("claims WHERE ended_at IS NULL");
    }

    @Test
    void an_organization_holds_so_many_whoever_of_it_asks_until_one_is_given_back() {
        allow(2);
        inStock(5);
        UnderQuota<List<Claim>> first = take(anna);
        assertThat(given(first)).isEqualTo(1);
        assertThat(given(take(bob))).isEqualTo(1);

        assertThat(exceeded(take(bob))).isEqualTo(new Quota(2, 2, 1, null));
        assertThat(held()).isEqualTo(2);

        UUID claim = stock.row("SELECT id FROM claims WHERE user_id = $1", Tuple.of(anna.userId()))
                .getUUID("id");
        assertThat(stock.release(claim)).isTrue();
        assertThat(given(take(bob))).isEqualTo(1);
    }

    @Test
    void each_user_holds_so_many_and_another_ones_do_not_count() {
        allowEachUser(1);
        inStock(5);
        assertThat(given(take(anna))).isEqualTo(1);

        assertThat(exceeded(take(anna))).isEqualTo(new Quota(1, null, 1, 1));
        assertThat(given(take(bob))).isEqualTo(1);
    }

    @Test
    void the_narrower_of_both_limits_holds() {
        allow(3);
        allowEachUser(2);
        inStock(5);
        assertThat(given(take(anna)) + given(take(anna))).isEqualTo(2);
        assertThat(exceeded(take(anna)).left()).isZero();
        assertThat(given(take(bob))).isEqualTo(1);

        assertThat(exceeded(take(bob))).isEqualTo(new Quota(3, 3, 1, 2));
    }

    @Test
    void none_at_all_may_be_allowed() {
        allow(0);
        inStock(1);

        assertThat(exceeded(take(anna))).isEqualTo(new Quota(0, 0, 0, null));
    }

    @Test
    void another_organizations_claims_do_not_count() {
        allow(1);
        inStock(2);
        UUID elsewhere = await(stock.access.createOrganization("other", stock.owner.userId()))
                .orElseThrow()
                .id();
        stock.sql(
                "INSERT INTO claims (id, organization_id, user_id, path, created_at, waits_until)"
                        + " VALUES (gen_random_uuid(), $1, $2, 'waited', now(), now())",
                elsewhere,
                anna.userId());

        assertThat(given(take(anna))).isEqualTo(1);
    }

    @Test
    void the_ways_past_the_quota_give_nothing_where_there_is_one() {
        allow(5);
        stock.ready(preset, 1);

        assertThat(claimers.take(preset, claimers.ask(anna))).isEmpty();
        assertThat(claimers.batch(preset, claimers.ask(anna), 1, 1)).isEmpty();
        assertThat(await(stock.coldClaims.takeCold(preset, claimers.ask(anna), now())))
                .isEmpty();
        assertThat(claimers.waits(preset, claimers.ask(anna), claimers.patience(0, false)))
                .isEmpty();
        assertThat(stock.count("workspaces WHERE NOT prebuild")).isZero();
        assertThat(held()).isZero();
    }

    @Test
    void who_waits_holds_a_place_and_is_served_though_the_quota_is_full() {
        allow(2);
        assertThat(within(waits(anna))).isTrue();
        assertThat(within(waits(bob))).isTrue();

        assertThat(exceeded(waits(bob)).held()).isEqualTo(2);
        inStock(3);
        assertThat(exceeded(take(bob)).held()).isEqualTo(2);
        assertThat(claimers.serve(preset)).hasSize(2);
        assertThat(exceeded(take(bob)).held()).isEqualTo(2);
    }

    private UnderQuota<Optional<UUID>> waits(Caller who) {
        return await(
                stock.waitingClaims.waitWithinQuota(preset, claimers.ask(who), claimers.patience(0, false), now()));
    }

    @Test
    void whose_waiting_ends_in_a_build_keeps_its_place() {
        allow(1);
        assertThat(within(await(stock.waitingClaims.waitWithinQuota(
                        preset, claimers.ask(anna), claimers.patience(0, true), now()))))
                .isTrue();
        stock.clock.forward(Claimers.TIMEOUT);
        UUID due = await(stock.leases.dueCold(now())).getFirst();

        assertThat(await(stock.coldClaims.coldForWaiting(due, now()))).isTrue();

        assertThat(exceeded(take(anna)).held()).isEqualTo(1);
    }

    @Test
    void builds_and_claims_of_exactly_this_one_are_under_it_too() {
        allow(2);
        List<UUID> ready = stock.ready(preset, 2);
        assertThat(within(await(stock.coldClaims.takeColdWithinQuota(preset, claimers.ask(anna), now()))))
                .isTrue();
        assertThat(await(stock.exactClaims.takeExactly(ready.get(1), 1, claimers.ask(anna), now())))
                .isInstanceOf(UnderQuota.Within.class);
        assertThat(held()).isEqualTo(2);

        assertThat(exceeded(await(stock.coldClaims.takeColdWithinQuota(preset, claimers.ask(anna), now())))
                        .left())
                .isZero();
        assertThat(exceeded(await(stock.exactClaims.takeExactly(ready.get(0), 1, claimers.ask(anna), now())))
                        .left())
                .isZero();
    }

    @ParameterizedTest(name = "{0} of which at least {1}, {2} held of {3}, {4} in stock: {5}")
    @CsvSource({
        "3, 3, 0, 3, 5, 3",
        "3, 3, 1, 3, 5, -1",
        "3, 2, 1, 3, 5, 2",
        "3, 1, 2, 3, 5, 1",
        "3, 1, 3, 3, 5, -1",
        "3, 1, 0, 3, 2, 2",
        "3, 3, 0, 3, 2, 0",
    })
    void a_batch_gets_what_the_quota_leaves_if_that_is_enough(
            int count, int atLeast, int held, int max, int inStock, int expected) {
        inStock(held);
        for (int i = 0; i < held; i++) {
            claimers.take(preset, claimers.ask(bob));
        }
        allow(max);
        inStock(inStock);

        UnderQuota<List<Claim>> result = await(taking(claimers.ask(anna), count, atLeast));

        if (expected < 0) {
            assertThat(exceeded(result).left()).isEqualTo(max - held);
        }
        assertThat(given(result)).isEqualTo(Math.max(0, expected));
        assertThat(held()).isEqualTo(held + Math.max(0, expected));
    }

    @Test
    void twenty_at_once_on_a_quota_of_three_hold_three() {
        allow(3);
        inStock(20);
        List<Uni<UnderQuota<List<Claim>>>> claims = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            claims.add(taking(claimers.ask(i % 2 == 0 ? anna : bob), 1, 1));
        }

        List<UnderQuota<List<Claim>>> results = await(Uni.join().all(claims).andFailFast());

        assertThat(results.stream().mapToInt(QuotaTest::given).sum()).isEqualTo(3);
        assertThat(results.stream().filter(UnderQuota.Exceeded.class::isInstance))
                .hasSize(17);
        assertThat(held()).isEqualTo(3);
    }

    @Test
    void twenty_of_all_kinds_at_once_hold_three() {
        allow(3);
        List<UUID> ready = stock.ready(preset, 5);
        List<Uni<Boolean>> claims = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            UUID exactly = ready.get(i);
            claims.add(taking(claimers.ask(anna), 2, 1).map(QuotaTest::exceeds));
            claims.add(stock.coldClaims
                    .takeColdWithinQuota(preset, claimers.ask(bob), now())
                    .map(QuotaTest::exceeds));
            claims.add(stock.waitingClaims
                    .waitWithinQuota(preset, claimers.ask(bob), claimers.patience(0, false), now())
                    .map(QuotaTest::exceeds));
            claims.add(stock.exactClaims
                    .takeExactly(exactly, 1, claimers.ask(anna), now())
                    .map(QuotaTest::exceeds));
        }

        List<Boolean> exceeded = await(Uni.join().all(claims).andFailFast());

        assertThat(held()).isEqualTo(3);
        assertThat(exceeded).contains(true);
    }

    private static boolean exceeds(UnderQuota<?> result) {
        return result instanceof UnderQuota.Exceeded<?>;
    }

    @ParameterizedTest(name = "2 held, quota set to {0} meanwhile: {1} more")
    @CsvSource({"2, 0", "1, 0", "3, 1", "10, 3"})
    void what_the_quota_is_changed_to_while_a_claim_waits_for_it_holds(int changed, int expected) {
        inStock(10);
        claimers.batch(preset, claimers.ask(bob), 2, 2);
        allow(4);
        try (OpenTransaction admin = new OpenTransaction(stock)) {
            admin.does(LIMIT, stock.organization, changed);
            CompletableFuture<UnderQuota<List<Claim>>> claiming = begin(taking(claimers.ask(anna), 3, 1));
            admin.isWaitedForBy(1);

            admin.commits();

            assertThat(given(end(claiming))).isEqualTo(expected);
        }
        assertThat(held()).isEqualTo(2 + expected);
    }

    @Test
    void a_change_that_is_undone_changes_nothing() {
        inStock(3);
        allow(1);
        try (OpenTransaction admin = new OpenTransaction(stock)) {
            admin.does(LIMIT, stock.organization, 3);
            CompletableFuture<UnderQuota<List<Claim>>> claiming = begin(taking(claimers.ask(anna), 3, 1));
            admin.isWaitedForBy(1);

            admin.rollsBack();

            assertThat(given(end(claiming))).isEqualTo(1);
        }
    }

    @Test
    void a_quota_that_is_lifted_while_a_claim_waits_for_it_limits_it_no_longer() {
        inStock(5);
        allow(0);
        try (OpenTransaction admin = new OpenTransaction(stock)) {
            admin.does(UNLIMIT, stock.organization);
            CompletableFuture<UnderQuota<List<Claim>>> claiming = begin(taking(claimers.ask(anna), 5, 5));
            admin.isWaitedForBy(1);

            admin.commits();

            assertThat(given(end(claiming))).isEqualTo(5);
        }
    }

    @Test
    void a_change_of_the_quota_waits_for_the_claim_that_is_being_made() {
        inStock(2);
        allow(2);
        try (OpenTransaction claim = new OpenTransaction(stock)) {
            claim.does("SELECT FROM organizations WHERE id = $1 FOR NO KEY UPDATE", stock.organization);
            CompletableFuture<?> changing =
                    begin(stock.pool.preparedQuery(LIMIT).execute(Tuple.of(stock.organization, 0)));
            claim.isWaitedForBy(1);
            assertThat(changing).isNotDone();
            claim.commits();
            end(changing);
        }
        assertThat(exceeded(take(anna)).max()).isZero();
    }

    @Test
    void one_key_at_once_takes_one_place() {
        allow(2);
        inStock(5);
        List<Uni<UnderQuota<List<Claim>>>> claims = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            claims.add(taking(claimers.ask(anna, "k"), 1, 1));
        }

        var results = await(Uni.join().all(claims).andFailFast());

        assertThat(results.stream().mapToInt(QuotaTest::given).sum()).isEqualTo(1);
        assertThat(results).allMatch(UnderQuota.Within.class::isInstance);
        assertThat(held()).isEqualTo(1);
    }

    @Test
    void what_a_key_came_to_is_found_though_the_quota_is_full() {
        allow(1);
        inStock(2);
        var first = await(taking(claimers.ask(anna, "k"), 1, 1));
        assertThat(given(first)).isEqualTo(1);

        assertThat(exceeded(await(taking(claimers.ask(anna, "k"), 1, 1))).held())
                .isEqualTo(1);

        var earlier = await(stock.claimReads.findByKey(anna.userId(), Claimers.key("k")))
                .orElseThrow();
        assertThat(earlier.claims()).isEqualTo(ids(claims(first)));
    }

    private static List<Claim> claims(UnderQuota<List<Claim>> result) {
        return result instanceof UnderQuota.Within<List<Claim>>(var claims) ? claims : List.of();
    }
}
