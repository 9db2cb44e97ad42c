package dev.larder.claim;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.claim.Claimable.Order;
import dev.larder.lifecycle.EndClaimStore;
import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.Role;
import dev.larder.model.Transition;
import dev.larder.testing.Claimers;
import dev.larder.testing.Stock;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.SqlConnection;
import io.vertx.mutiny.sqlclient.Transaction;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ClaimStoreTest {

    private final Stock stock = new Stock();
    private final Caller anna = stock.member("anna");

    @AfterEach
    void close() {
        stock.close();
    }

    private Optional<UUID> claim(UUID preset) {
        return stock.claim(preset, anna);
    }

    private Uni<Optional<UUID>> claiming(UUID preset, Optional<IdempotencyKey> key) {
        return stock.claiming(preset, anna, key);
    }

    private UUID workspaceOf(UUID claim) {
        return stock.look(claim).workspace().orElseThrow().id();
    }

    private static Optional<IdempotencyKey> key(String text) {
        byte[] hash = new byte[32];
        hash[0] = (byte) text.length();
        return Optional.of(new IdempotencyKey("key", hash));
    }

    @Test
    void hands_out_the_oldest_ready_first_and_none_when_none_is_left() {
        UUID preset = stock.declare("small", 2);
        List<UUID> ready = stock.ready(preset, 2);

        List<UUID> given = List.of(
                workspaceOf(claim(preset).orElseThrow()),
                workspaceOf(claim(preset).orElseThrow()));

        assertThat(given).isEqualTo(ready);
        assertThat(claim(preset)).isEmpty();
    }

    private List<Claim> take(UUID preset, Order order, int asks, ScanStart from) {
        List<NewClaim> all = Stream.generate(() -> stock.newClaims.one(anna, Optional.empty(), Optional.empty()))
                .limit(asks)
                .toList();
        return await(stock.claims.take(preset, order, all, 0, from, stock.clock.instant()))
                .claims();
    }

    private static UUID given(Claim claim) {
        return claim.workspace().orElseThrow().id();
    }

    @Test
    void the_newest_is_handed_out_first_where_that_is_asked_for() {
        UUID preset = stock.declare("small", 3);
        List<UUID> ready = stock.ready(preset, 3);

        assertThat(take(preset, Order.NEWEST, 1, ScanStart.OLDEST))
                .extracting(ClaimStoreTest::given)
                .containsExactly(ready.get(2));
        assertThat(take(preset, Order.NEWEST, 1, ScanStart.OLDEST))
                .extracting(ClaimStoreTest::given)
                .containsExactly(ready.get(1));
    }

    @Test
    void at_random_each_ready_one_is_handed_out_once() {
        UUID preset = stock.declare("small", 5);
        List<UUID> ready = stock.ready(preset, 5);
        List<UUID> given = new ArrayList<>();
        for (int claim = 0; claim < 5; claim++) {
            given.addAll(take(preset, Order.RANDOM, 1, ScanStart.OLDEST).stream()
                    .map(ClaimStoreTest::given)
                    .toList());
        }

        assertThat(given).containsExactlyInAnyOrderElementsOf(ready);
        assertThat(take(preset, Order.RANDOM, 1, ScanStart.OLDEST)).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(Order.class)
    void a_claim_says_how_many_are_left(Order order) {
        UUID preset = stock.declare("small", 5);
        stock.ready(preset, 4);
        stock.create(preset, 1);

        assertThat(take(preset, order, 2, ScanStart.OLDEST))
                .extracting(Claim::readyLeft)
                .containsOnly(Optional.of(2));
        assertThat(take(preset, order, 2, ScanStart.OLDEST))
                .extracting(Claim::readyLeft)
                .containsOnly(Optional.of(0));
    }

    @Test
    void more_than_a_hundred_are_not_counted() {
        UUID preset = stock.declare("small", 200);
        stock.create(preset, 150);
        stock.buildAll();

        assertThat(take(preset, Order.OLDEST, 3, ScanStart.OLDEST))
                .extracting(Claim::readyLeft)
                .containsOnly(Optional.of(100));
    }

    @Test
    void a_claim_moves_ownership_raises_the_version_and_marks_the_preset_dirty() {
        UUID preset = stock.declare("small", 1);
        UUID workspace = stock.ready(preset, 1).getFirst();
        stock.sql("DELETE FROM dirty_presets");

        var claim = stock.look(claim(preset).orElseThrow());
        var given = claim.workspace().orElseThrow();

        assertThat(given.id()).isEqualTo(workspace);
        assertThat(given.version()).isEqualTo(2);
        assertThat(claim.path()).isEqualTo("warm");
        assertThat(stock.claimReads.open(given)).contains("{\"url\":\"test://" + workspace + "\"}");
        assertThat(stock.count("dirty_presets WHERE preset_id = '" + preset + "'"))
                .isEqualTo(1);
    }

    @Test
    void outputs_lie_nowhere_in_clear() {
        UUID preset = stock.declare("small", 1);
        UUID workspace = stock.ready(preset, 1).getFirst();

        String row = stock.row("SELECT w::text AS n FROM workspaces w WHERE id = $1", Tuple.of(workspace))
                .getString("n");

        assertThat(row).doesNotContain("test://");
    }

    @Test
    void what_is_only_building_failed_or_stopped_is_not_handed_out() {
        UUID preset = stock.declare("small", 3);
        stock.create(preset, 3);
        stock.fail(stock.take(1).getFirst());
        stock.take(1);

        assertThat(claim(preset)).isEmpty();
    }

    @Test
    void what_is_older_than_the_ttl_is_not_handed_out() {
        UUID preset = stock.declare("small", 1, Duration.ofHours(1), List.of());
        stock.create(preset, 1);
        stock.buildAll();

        stock.clock.set(Stock.NOON.plus(Duration.ofHours(1)).plusMillis(1));
        assertThat(claim(preset)).isEmpty();

        stock.clock.set(Stock.NOON.plus(Duration.ofHours(1)));
        assertThat(claim(preset)).isPresent();
    }

    @Test
    void what_was_created_before_an_invalidation_is_not_handed_out() {
        UUID preset = stock.declare("small", 1);
        stock.ready(preset, 1);

        assertThat(await(stock.controls.invalidatePreset(stock.owner, preset, true)))
                .isTrue();

        assertThat(claim(preset)).isEmpty();
    }

    @Test
    void presets_of_deprecated_deleted_or_replaced_versions_hand_nothing_out() {
        stock.replacing();
        UUID preset = stock.declare("small", 1);
        stock.ready(preset, 1);

        assertThat(await(stock.controls.deprecate(stock.template(), "old"))).isTrue();
        assertThat(claim(preset)).isEmpty();

        assertThat(await(stock.controls.undeprecate(stock.template()))).isTrue();
        stock.promoteNewVersion();
        assertThat(claim(preset)).isEmpty();
        assertThat(await(stock.availability.availability(preset, Optional.empty(), stock.clock.instant()))
                        .orElseThrow()
                        .active())
                .isFalse();
    }

    @Test
    void another_organizations_preset_is_as_if_it_were_not_there() {
        UUID preset = stock.declare("small", 1);
        stock.ready(preset, 1);
        UUID elsewhere = UUID.randomUUID();

        Caller stranger = new Caller(anna.userId(), "anna", Role.MEMBER, Optional.of(elsewhere));
        assertThat(stock.claim(preset, stranger)).isEmpty();
        assertThat(await(stock.availability.availability(preset, Optional.of(elsewhere), stock.clock.instant())))
                .isEmpty();
    }

    @Test
    void a_hundred_claims_at_once_on_sixty_ready_give_sixty_different_ones() {
        UUID preset = stock.declare("small", 60);
        stock.create(preset, 60);
        stock.buildAll();
        List<Uni<Optional<UUID>>> claims = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            claims.add(claiming(preset, Optional.empty()));
        }

        List<Optional<UUID>> answers = await(Uni.join().all(claims).andFailFast());

        List<UUID> given = answers.stream().flatMap(Optional::stream).toList();
        assertThat(given).hasSize(60);
        assertThat(new HashSet<>(given.stream().map(this::workspaceOf).toList()))
                .hasSize(60);
        assertThat(stock.count("workspaces WHERE NOT prebuild")).isEqualTo(60);
    }

    @Test
    void the_same_key_at_once_from_many_gives_one_workspace() {
        UUID preset = stock.declare("small", 10);
        stock.create(preset, 10);
        stock.buildAll();
        List<Uni<Optional<UUID>>> claims = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            claims.add(claiming(preset, key("same")));
        }

        List<UUID> given = await(Uni.join().all(claims).andFailFast()).stream()
                .flatMap(Optional::stream)
                .toList();

        assertThat(given).hasSize(1);
        assertThat(stock.count("workspaces WHERE NOT prebuild")).isEqualTo(1);
        var earlier = await(
                        stock.claimReads.findByKey(anna.userId(), key("same").orElseThrow()))
                .orElseThrow();
        assertThat(earlier.claims()).isEqualTo(given);
        assertThat(earlier.sameRequest()).isTrue();
    }

    @Test
    void a_key_used_for_another_request_is_told_from_a_retry() {
        UUID preset = stock.declare("small", 1);
        stock.ready(preset, 1);
        assertThat(await(claiming(preset, key("one")))).isPresent();

        var earlier = await(
                        stock.claimReads.findByKey(anna.userId(), key("another").orElseThrow()))
                .orElseThrow();

        assertThat(earlier.sameRequest()).isFalse();
    }

    @Test
    void exactly_this_one_is_given_only_while_it_has_that_version() {
        UUID preset = stock.declare("small", 1);
        UUID workspace = stock.ready(preset, 1).getFirst();

        assertThat(exactly(workspace, 2)).isEmpty();
        assertThat(exactly(workspace, 1)).isPresent();
        assertThat(exactly(workspace, 1)).isEmpty();
        assertThat(exactly(workspace, 2)).isEmpty();
    }

    private Optional<UUID> exactly(UUID workspace, int version) {
        NewClaim ask = stock.newClaims.one(anna, Optional.empty(), Optional.empty());
        return await(new Claimers(stock).takingExactly(workspace, version, ask, stock.clock.instant()))
                .map(Claim::id);
    }

    @Test
    void a_claim_that_comes_before_the_deletion_wins_and_the_deletion_touches_nothing() {
        UUID preset = stock.declare("small", 1);
        UUID workspace = stock.ready(preset, 1).getFirst();
        assertThat(claim(preset)).isPresent();

        assertThat(await(stock.pools.delete(List.of(workspace), "extraneous", stock.clock.instant())))
                .isZero();
        assertThat(stock.count("builds WHERE workspace_id = '" + workspace + "'"))
                .isEqualTo(1);
    }

    @Test
    void a_claim_that_comes_while_one_is_being_deleted_takes_the_next() {
        UUID preset = stock.declare("small", 2);
        List<UUID> ready = stock.ready(preset, 2);

        var given = await(stock.pool.withTransaction(
                deletion -> deletion.preparedQuery("SELECT id FROM workspaces WHERE id = $1 FOR UPDATE")
                        .execute(Tuple.of(ready.getFirst()))
                        .chain(() -> claiming(preset, Optional.empty()))));

        assertThat(workspaceOf(given.orElseThrow())).isEqualTo(ready.get(1));
    }

    @Test
    void what_is_locked_by_somebody_counts_as_claimable_so_that_a_miss_is_never_false() {
        UUID preset = stock.declare("small", 1);
        UUID workspace = stock.ready(preset, 1).getFirst();

        var shortage = await(stock.pool.withTransaction(other -> other.preparedQuery(
                                "SELECT id FROM workspaces WHERE id = $1 FOR UPDATE")
                        .execute(Tuple.of(workspace))
                        .chain(() -> claiming(preset, Optional.empty()))
                        .invoke(given -> assertThat(given).isEmpty())
                        .chain(() -> stock.availability.availability(preset, Optional.empty(), stock.clock.instant()))))
                .orElseThrow();

        assertThat(shortage.claimable()).isEqualTo(1);
    }

    @Test
    void a_cold_claim_is_a_build_for_the_user_ahead_of_the_prebuilds() {
        UUID preset = stock.declare("small", 5);
        stock.create(preset, 1);
        stock.clock.forward(Duration.ofSeconds(1));

        UUID claim = stock.claimCold(preset, anna);

        Assignment first = stock.take(1).getFirst();
        assertThat(first.workspaceId()).isEqualTo(workspaceOf(claim));
        assertThat(first.workspace().ownerId()).isEqualTo(anna.userId());
        assertThat(first.workspace().prebuild()).isFalse();
    }

    @Test
    void a_released_workspace_is_deleted_and_the_claim_ends_once() {
        UUID preset = stock.declare("small", 1);
        UUID workspace = stock.ready(preset, 1).getFirst();
        UUID claim = claim(preset).orElseThrow();

        assertThat(stock.release(claim)).isTrue();
        assertThat(stock.release(claim)).isFalse();
        assertThat(await(stock.builds.deleteWanted(stock.clock.instant()))).isEqualTo(1);
        assertThat(await(stock.builds.deleteWanted(stock.clock.instant()))).isZero();

        Assignment deletion = stock.take(1).getFirst();
        assertThat(deletion.workspaceId()).isEqualTo(workspace);
        assertThat(deletion.transition()).isEqualTo(Transition.DELETE);
        stock.succeed(deletion);
        assertThat(stock.count("workspaces WHERE deleted_at IS NULL")).isZero();
    }

    @Test
    void what_is_released_while_it_is_still_being_built_is_deleted_when_the_build_has_ended() {
        UUID preset = stock.declare("small", 0);
        UUID claim = stock.claimCold(preset, anna);
        Assignment start = stock.take(1).getFirst();

        assertThat(stock.release(claim)).isTrue();
        assertThat(await(stock.builds.deleteWanted(stock.clock.instant()))).isZero();
        stock.succeed(start);

        assertThat(await(stock.builds.deleteWanted(stock.clock.instant()))).isEqualTo(1);
    }

    @Test
    void a_deletion_that_failed_is_tried_again_later() {
        UUID preset = stock.declare("small", 1);
        stock.ready(preset, 1);
        UUID claim = claim(preset).orElseThrow();
        assertThat(stock.release(claim)).isTrue();
        assertThat(await(stock.builds.deleteWanted(stock.clock.instant()))).isEqualTo(1);
        stock.fail(stock.take(1).getFirst());

        assertThat(await(stock.builds.deleteWanted(stock.clock.instant()))).isZero();
        // Build 2 failed: two minutes of rest.
        stock.clock.forward(Duration.ofMinutes(2).plusMillis(1));
        assertThat(await(stock.builds.deleteWanted(stock.clock.instant()))).isEqualTo(1);
    }

    @Test
    void a_release_and_the_end_of_a_deletion_do_not_wait_for_each_other() {
        UUID preset = stock.declare("small", 1);
        UUID workspace = stock.ready(preset, 1).getFirst();
        UUID claim = claim(preset).orElseThrow();
        SqlConnection deletion = await(stock.pool.getConnection());
        Transaction transaction = await(deletion.begin());
        var locked = await(deletion.preparedQuery("SELECT FROM workspaces WHERE id = $1 FOR UPDATE")
                .execute(Tuple.of(workspace)));

        CompletableFuture<EndClaimStore.Return> released = stock.leases
                .release(claim, OptionalInt.empty(), stock.clock.instant())
                .subscribeAsCompletionStage();
        while (stock.count("pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()") == 0) {
            Thread.onSpinWait();
        }

        var free = await(deletion.preparedQuery("SELECT FROM claims WHERE id = $1 FOR UPDATE NOWAIT")
                .execute(Tuple.of(claim)));
        await(transaction.commit());
        await(deletion.close());
        assertThat(released.join()).isEqualTo(EndClaimStore.Return.TO_DELETE);
    }
}
