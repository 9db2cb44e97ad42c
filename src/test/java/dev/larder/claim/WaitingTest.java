package dev.larder.claim;

import static dev.larder.testing.Claimers.begin;
import static dev.larder.testing.Claimers.end;
import static dev.larder.testing.Claimers.ids;
import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.catalog.PauseView;
import dev.larder.claim.Claimable.Order;
import dev.larder.model.Caller;
import dev.larder.testing.Claimers;
import dev.larder.testing.OpenTransaction;
import dev.larder.testing.Stock;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Claims that wait for something to become ready (design, section 3.4). */
class WaitingTest {

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

    private void aMomentPasses() {
        stock.clock.forward(Duration.ofMillis(1));
    }

    private UUID waits(Caller who) {
        UUID claim = claimers.waits(preset, who);
        aMomentPasses();
        return claim;
    }

    private UUID waits(Caller who, int priority) {
        UUID claim = claimers.waits(preset, who, priority);
        aMomentPasses();
        return claim;
    }

    private long position(UUID claim) {
        return await(stock.waitingClaims.position(claim));
    }

    @Test
    void first_come_first_served_with_the_oldest() {
        List<UUID> waiting = List.of(waits(anna), waits(bob), waits(anna));
        List<UUID> ready = stock.ready(preset, 2);

        claimers.serve(preset);

        assertThat(Stream.of(waiting.get(0), waiting.get(1)).map(claimers::workspaceOf))
                .isEqualTo(ready);
        assertThat(claimers.stateOf(waiting.get(2))).isEqualTo("waiting");
    }

    @Test
    void who_waited_at_the_same_instant_is_served_by_id() {
        List<UUID> waiting = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            waiting.add(claimers.waits(preset, anna));
        }
        waiting.sort((one, other) -> one.toString().compareTo(other.toString()));
        List<UUID> served = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            stock.ready(preset, 1);
            served.addAll(ids(claimers.serve(preset)));
        }

        assertThat(served).isEqualTo(waiting);
    }

    @Test
    void a_lease_never_begins_before_it_was_asked_for_however_late_its_statement_runs() {
        Instant begun = now();
        stock.ready(preset, 1);
        stock.clock.forward(Duration.ofMillis(200));
        Instant asked = now();
        UUID claim = claimers.waits(preset, claimers.leased(anna, Duration.ofSeconds(6)), claimers.patience(0, false))
                .orElseThrow();

        var served = await(stock.claims.take(preset, Order.OLDEST, List.of(), 0, ScanStart.OLDEST, begun))
                .claims();

        assertThat(served).extracting(Claim::id).containsExactly(claim);
        assertThat(stock.look(claim).grantedAt()).contains(asked);
        assertThat(stock.look(claim).expiresAt()).contains(asked.plusSeconds(6));
    }

    @Test
    void priority_comes_before_age() {
        UUID patient = waits(anna, -5);
        UUID ordinary = waits(anna, 0);
        UUID urgent = waits(bob, 7);
        List<UUID> served = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            stock.ready(preset, 1);
            served.addAll(ids(claimers.serve(preset)));
        }

        assertThat(served).containsExactly(urgent, ordinary, patient);
    }

    @Test
    void who_waits_comes_before_who_arrives_also_when_stock_is_short() {
        List<UUID> waiting = List.of(waits(anna), waits(anna, -100));
        stock.ready(preset, 2);

        List<Claim> given = claimers.take(preset, claimers.ask(bob));

        assertThat(ids(given)).containsExactlyInAnyOrderElementsOf(waiting);
        assertThat(given).extracting(Claim::path).containsOnly("waited");
        assertThat(stock.count("claims WHERE user_id = '" + bob.userId() + "'")).isZero();
    }

    @Test
    void who_arrives_gets_what_those_who_wait_leave_over() {
        UUID waiting = waits(anna);
        List<UUID> ready = stock.ready(preset, 2);
        var ask = claimers.ask(bob);

        List<Claim> given = claimers.take(preset, ask, claimers.ask(bob));

        assertThat(ids(given)).containsExactlyInAnyOrder(waiting, ask.id());
        assertThat(claimers.workspaceOf(waiting)).isEqualTo(ready.get(0));
        assertThat(claimers.workspaceOf(ask.id())).isEqualTo(ready.get(1));
    }

    @Test
    void a_served_claim_is_as_if_it_had_been_made_from_stock_and_says_that_it_waited() {
        UUID claim = claimers.waits(preset, claimers.leased(anna, Duration.ofHours(1)), claimers.patience(0, false))
                .orElseThrow();
        UUID workspace = stock.ready(preset, 1).getFirst();
        aMomentPasses();

        Claim served = claimers.serve(preset).getFirst();

        assertThat(served.path()).isEqualTo("waited");
        assertThat(served.createdAt()).isEqualTo(Stock.NOON);
        assertThat(served.grantedAt()).contains(now());
        assertThat(served.expiresAt()).as("its time begins now").contains(now().plus(Duration.ofHours(1)));
        assertThat(served.generation()).isEqualTo(2);
        assertThat(stock.claimReads.open(served.workspace().orElseThrow()))
                .contains("{\"url\":\"test://" + workspace + "\"}");
        assertThat(stock.look(claim).workspace().orElseThrow().id()).isEqualTo(workspace);
    }

    @Test
    void past_its_deadline_nobody_is_served_not_even_at_that_instant() {
        UUID claim = waits(anna);
        stock.ready(preset, 1);
        stock.clock.set(Stock.NOON.plus(Claimers.TIMEOUT));
        assertThat(claimers.serve(preset)).isEmpty();

        stock.clock.set(Stock.NOON.plus(Claimers.TIMEOUT).minusMillis(1));
        assertThat(ids(claimers.serve(preset))).containsExactly(claim);
    }

    @Test
    void past_its_deadline_it_has_timed_out_once_and_whoever_asks_next_goes_before_it() {
        UUID claim = waits(anna);
        stock.clock.set(Stock.NOON.plus(Claimers.TIMEOUT).minusMillis(1));
        assertThat(await(stock.leases.timeOut(now()))).isZero();

        stock.clock.set(Stock.NOON.plus(Claimers.TIMEOUT));
        assertThat(await(stock.leases.timeOut(now()))).isEqualTo(1);
        assertThat(await(stock.leases.timeOut(now()))).isZero();

        assertThat(claimers.stateOf(claim)).isEqualTo("timed_out");
        assertThat(stock.look(claim).endedAt()).contains(now());
        stock.ready(preset, 1);
        assertThat(claimers.serve(preset)).isEmpty();
        assertThat(stock.claim(preset, bob)).isPresent();
    }

    @Test
    void a_hundred_deadlines_are_ended_at_a_time() {
        UUID first = waits(anna);
        stock.sql("INSERT INTO claims (id, organization_id, user_id, preset_id, path, created_at, waits_until)"
                + " SELECT gen_random_uuid(), organization_id, user_id, preset_id, path, created_at,"
                + " waits_until + interval '1 second' FROM claims, generate_series(1, 120)");
        stock.clock.set(Stock.NOON.plus(Claimers.TIMEOUT).plusSeconds(1));

        assertThat(await(stock.leases.timeOut(now()))).isEqualTo(100);
        assertThat(claimers.stateOf(first)).as("the longest overdue are first").isEqualTo("timed_out");
        assertThat(await(stock.leases.timeOut(now()))).isEqualTo(21);
    }

    @Test
    void who_wants_a_build_after_waiting_gets_one_at_the_deadline_instead_of_a_time_out() {
        UUID claim = claimers.waitsThenCold(preset, anna);
        assertThat(await(stock.leases.dueCold(Stock.NOON.plus(Claimers.TIMEOUT).minusMillis(1))))
                .isEmpty();
        stock.clock.set(Stock.NOON.plus(Claimers.TIMEOUT));

        assertThat(await(stock.leases.timeOut(now()))).isZero();
        assertThat(await(stock.leases.dueCold(now()))).containsExactly(claim);
        assertThat(await(stock.coldClaims.coldForWaiting(claim, now()))).isTrue();
        assertThat(await(stock.coldClaims.coldForWaiting(claim, now())))
                .as("once")
                .isFalse();
        assertThat(await(stock.leases.dueCold(now()))).isEmpty();

        Claim seen = stock.look(claim);
        assertThat(seen.path()).isEqualTo("cold");
        assertThat(seen.waits()).isFalse();
        var build = stock.take(1).getFirst();
        assertThat(build.workspaceId()).isEqualTo(seen.workspace().orElseThrow().id());
        assertThat(build.workspace().ownerId()).isEqualTo(anna.userId());
        stock.succeed(build);
        assertThat(stock.look(claim).workspace().orElseThrow().readyAt()).contains(now());
    }

    @Test
    void a_build_is_not_begun_for_who_was_served_or_gave_up_or_whose_preset_is_gone() {
        UUID served = claimers.waitsThenCold(preset, anna);
        stock.ready(preset, 1);
        claimers.serve(preset);
        UUID gaveUp = claimers.waitsThenCold(preset, anna);
        assertThat(await(stock.leases.cancel(gaveUp, now()))).isTrue();
        UUID stranded = claimers.waitsThenCold(preset, anna);
        assertThat(await(stock.controls.deprecate(stock.template(), "old"))).isTrue();
        stock.clock.forward(Claimers.TIMEOUT);

        for (UUID claim : List.of(served, gaveUp, stranded)) {
            assertThat(await(stock.coldClaims.coldForWaiting(claim, now()))).isFalse();
        }
        assertThat(stock.count("workspaces WHERE NOT prebuild")).isEqualTo(1);
    }

    @Test
    void who_gives_up_waits_no_longer_and_can_do_it_once() {
        UUID claim = waits(anna);

        assertThat(await(stock.leases.cancel(claim, now()))).isTrue();
        assertThat(await(stock.leases.cancel(claim, now()))).isFalse();

        assertThat(claimers.stateOf(claim)).isEqualTo("canceled");
        stock.ready(preset, 1);
        assertThat(claimers.serve(preset)).isEmpty();
    }

    @Test
    void who_was_served_can_no_longer_give_up_waiting_only_give_back() {
        UUID claim = waits(anna);
        assertThat(stock.release(claim)).as("there is nothing to give back yet").isFalse();
        stock.ready(preset, 1);
        claimers.serve(preset);

        assertThat(await(stock.leases.cancel(claim, now()))).isFalse();
        assertThat(stock.release(claim)).isTrue();
    }

    @Test
    void a_promotion_leads_those_who_wait_to_the_preset_of_that_name_with_their_age() {
        UUID older = waits(anna);
        assertThat(await(stock.leases.follow(now()))).as("nothing to follow").isZero();
        stock.promoteNewVersion();
        UUID promoted = stock.preset("small");
        UUID younger = claimers.waits(promoted, bob);

        assertThat(await(stock.leases.follow(now()))).isEqualTo(1);
        assertThat(await(stock.leases.follow(now()))).isZero();

        assertThat(stock.look(older).presetId()).isEqualTo(promoted);
        assertThat(position(older)).isEqualTo(1);
        assertThat(position(younger)).isEqualTo(2);
        stock.ready(promoted, 1);
        assertThat(ids(claimers.serve(promoted))).containsExactly(older);
    }

    @Test
    void where_the_new_version_has_no_preset_of_that_name_the_waiting_ends() {
        stock.replacing();
        stock.declare("large", 1);
        UUID large = stock.preset("large");
        UUID claim = claimers.waits(large, anna);
        stock.sql("UPDATE presets SET name = 'huge' WHERE id = $1", nextVersionOf("large"));

        assertThat(await(stock.leases.follow(now()))).isEqualTo(1);

        assertThat(claimers.stateOf(claim)).isEqualTo("preset_not_active");
        assertThat(stock.look(claim).presetId()).isEqualTo(large);
        assertThat(stock.look(claim).endedAt()).contains(now());
    }

    private UUID nextVersionOf(String name) {
        stock.promoteNewVersion();
        return stock.preset(name);
    }

    @Test
    void a_deprecated_or_deleted_template_ends_the_waiting() {
        UUID first = waits(anna);
        assertThat(await(stock.controls.deprecate(stock.template(), "old"))).isTrue();
        assertThat(await(stock.leases.follow(now()))).isEqualTo(1);
        assertThat(claimers.stateOf(first)).isEqualTo("preset_not_active");
        assertThat(claimers.waits(preset, claimers.ask(anna), claimers.patience(0, false)))
                .as("nobody begins to wait for it")
                .isEmpty();

        assertThat(await(stock.controls.undeprecate(stock.template()))).isTrue();
        UUID second = waits(anna);
        assertThat(await(stock.controls.delete(stock.template()))).isTrue();
        assertThat(await(stock.leases.follow(now()))).isEqualTo(1);
        assertThat(claimers.stateOf(second)).isEqualTo("preset_not_active");
        assertThat(await(stock.leases.follow(now()))).isZero();
    }

    @Test
    void an_invalidation_does_not_end_the_waiting_what_is_built_after_it_is_given() {
        UUID claim = waits(anna);
        stock.ready(preset, 1);
        assertThat(await(stock.controls.invalidatePreset(stock.owner, preset, true)))
                .isTrue();

        assertThat(await(stock.leases.follow(now()))).isZero();
        assertThat(claimers.serve(preset)).isEmpty();

        UUID fresh = stock.ready(preset, 1).getFirst();
        assertThat(ids(claimers.serve(preset))).containsExactly(claim);
        assertThat(claimers.workspaceOf(claim)).isEqualTo(fresh);
    }

    @Test
    void a_pause_does_not_end_the_waiting_and_what_is_ready_is_given() {
        UUID claim = waits(anna);
        assertThat(await(stock.controls.pausePreset(stock.owner, preset, new PauseView("all", null))))
                .isTrue();

        assertThat(await(stock.leases.follow(now()))).isZero();
        assertThat(claimers.stateOf(claim)).isEqualTo("waiting");

        stock.ready(preset, 1);
        assertThat(ids(claimers.serve(preset))).containsExactly(claim);
    }

    @Test
    void one_key_waits_once_and_finds_its_claim_while_it_waits_and_after() {
        UUID claim = claimers.waits(preset, claimers.ask(anna, "k"), claimers.patience(0, false))
                .orElseThrow();

        assertThat(claimers.waits(preset, claimers.ask(anna, "k"), claimers.patience(0, false)))
                .isEmpty();
        stock.ready(preset, 2);
        List<Claim> given = claimers.take(preset, claimers.ask(anna, "k"));

        assertThat(ids(given)).as("the retry gets nothing of its own").containsExactly(claim);
        var earlier = await(stock.claimReads.findByKey(anna.userId(), Claimers.key("k")))
                .orElseThrow();
        assertThat(earlier.claims()).containsExactly(claim);
        assertThat(earlier.path()).isEqualTo("waited");
        assertThat(claimers.waits(preset, claimers.ask(bob, "k"), claimers.patience(0, false)))
                .as("another user's key is another key")
                .isPresent();
    }

    @Test
    void one_key_at_once_waits_once() {
        var both = List.of(claimers.ask(anna, "k"), claimers.ask(anna, "k"));
        List<Uni<Optional<UUID>>> waiting = both.stream()
                .map(ask -> stock.waitingClaims.waitFor(preset, ask, claimers.patience(0, false), now()))
                .toList();

        var begun = await(Uni.join().all(waiting).andFailFast());

        assertThat(begun.stream().flatMap(Optional::stream)).hasSize(1);
        assertThat(stock.count("claims")).isEqualTo(1);
    }

    @Test
    void an_organization_has_so_many_waiting_in_all_its_presets_and_no_more() {
        UUID other = stock.declare("large", 1);
        UUID small = stock.preset("small");
        WaitPolicy two = new WaitPolicy(0, now().plus(Claimers.TIMEOUT), false, 2, 2);
        UUID first = claimers.waits(small, claimers.ask(anna), two).orElseThrow();
        assertThat(claimers.waits(other, claimers.ask(bob), two)).isPresent();

        assertThat(claimers.waits(small, claimers.ask(bob), two)).isEmpty();
        assertThat(await(stock.availability.availability(small, anna.organization(), now()))
                        .orElseThrow()
                        .waitingInOrganization())
                .isEqualTo(2);

        assertThat(await(stock.leases.cancel(first, now()))).isTrue();
        assertThat(claimers.waits(small, claimers.ask(bob), two)).isPresent();
    }

    @Test
    void a_user_has_so_many_waiting_and_leaves_the_others_of_the_organization_to_its_other_members() {
        WaitPolicy shared = new WaitPolicy(0, now().plus(Claimers.TIMEOUT), false, 20, 2);
        UUID first = claimers.waits(preset, claimers.ask(anna), shared).orElseThrow();
        assertThat(claimers.waits(preset, claimers.ask(anna), shared)).isPresent();

        assertThat(claimers.waits(preset, claimers.ask(anna), shared)).isEmpty();
        assertThat(claimers.waits(preset, claimers.ask(bob), shared)).isPresent();
        assertThat(await(stock.waitingClaims.waiting(preset, anna.userId())))
                .isEqualTo(new WaitingClaimStore.Waiting(2, 3));

        assertThat(await(stock.leases.cancel(first, now()))).isTrue();
        assertThat(claimers.waits(preset, claimers.ask(anna), shared)).isPresent();
    }

    @Test
    void a_share_of_waiting_places_is_exact_however_many_of_it_ask_at_once() {
        WaitPolicy shared = new WaitPolicy(0, now().plus(Claimers.TIMEOUT), false, 9, 5);
        List<Uni<Optional<UUID>>> asked = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            asked.add(stock.waitingClaims.waitFor(preset, claimers.ask(anna), shared, now()));
            asked.add(stock.waitingClaims.waitFor(preset, claimers.ask(bob), shared, now()));
        }

        List<Optional<UUID>> placed = await(Uni.join().all(asked).andFailFast());

        assertThat(placed.stream().flatMap(Optional::stream)).hasSize(9);
        assertThat(await(stock.waitingClaims.waiting(preset, anna.userId())).ofUser())
                .isBetween(4L, 5L);
    }

    @Test
    void a_position_counts_those_who_are_served_before() {
        UUID second = waits(anna);
        UUID third = waits(bob);
        UUID first = waits(bob, 1);

        assertThat(List.of(position(first), position(second), position(third))).containsExactly(1L, 2L, 3L);

        stock.ready(preset, 1);
        claimers.serve(preset);
        assertThat(List.of(position(first), position(second), position(third)))
                .as("served: waits no longer")
                .containsExactly(0L, 1L, 2L);
        assertThat(await(stock.leases.cancel(second, now()))).isTrue();
        assertThat(List.of(position(second), position(third))).containsExactly(0L, 1L);
        assertThat(await(stock.waitingClaims.unsettled(List.of(first, second, third))))
                .containsExactly(third);
    }

    @Test
    void presets_for_which_somebody_waits_in_vain_are_not_looked_at() {
        UUID other = stock.declare("large", 1);
        UUID small = stock.preset("small");
        claimers.waits(small, anna);
        stock.ready(other, 1);
        assertThat(await(stock.waitingClaims.presetsToServe(100, stock.clock.instant())))
                .isEmpty();

        stock.ready(small, 1);
        assertThat(await(stock.waitingClaims.presetsToServe(100, stock.clock.instant())))
                .extracting(Claimable::id)
                .containsExactly(small);
    }

    @Test
    void a_process_waits_for_another_that_is_serving_and_serves_whom_that_leaves() {
        UUID first = waits(anna);
        UUID second = waits(bob);
        stock.ready(preset, 1);
        try (OpenTransaction elsewhere = new OpenTransaction(stock)) {
            ClaimStore there = stock.claimStore(elsewhere.pool());
            assertThat(ids(await(claimers.taking(there, preset, List.of(), 0)))).containsExactly(first);
            stock.ready(preset, 1);
            assertThat(await(stock.leases.timeOut(now().plus(Claimers.TIMEOUT))))
                    .as("who is being served does not time out")
                    .isZero();
            CompletableFuture<List<Claim>> here = begin(claimers.taking(stock.claims, preset, List.of(), 0));
            elsewhere.isWaitedForBy(1);

            elsewhere.commits();

            assertThat(ids(end(here))).containsExactly(second);
        }
    }

    @Test
    void who_arrives_while_another_process_serves_does_not_overtake_those_who_wait() {
        UUID first = waits(anna);
        UUID second = waits(anna);
        stock.ready(preset, 1);
        try (OpenTransaction elsewhere = new OpenTransaction(stock)) {
            ClaimStore there = stock.claimStore(elsewhere.pool());
            assertThat(ids(await(claimers.taking(there, preset, List.of(), 0)))).containsExactly(first);
            stock.ready(preset, 1);
            CompletableFuture<List<Claim>> bobs =
                    begin(claimers.taking(stock.claims, preset, List.of(claimers.ask(bob)), 0));
            elsewhere.isWaitedForBy(1);

            elsewhere.commits();

            assertThat(ids(end(bobs))).containsExactly(second);
        }
    }

    @Test
    void more_who_wait_than_one_statement_serves_are_all_served_before_who_arrives() {
        for (int i = 0; i < 101; i++) {
            claimers.waits(preset, anna);
        }
        stock.create(preset, 102);
        stock.buildAll();
        var ask = claimers.ask(bob);

        assertThat(claimers.take(preset, ask))
                .as("a full round, none of them bob's")
                .hasSize(100);
        assertThat(ids(claimers.take(preset, ask))).hasSize(2).contains(ask.id());
    }

    @Test
    void two_processes_that_serve_at_once_give_nobody_two_and_nothing_twice() {
        ClaimStore other = stock.claimStore(stock.database.another(4));
        for (int round = 0; round < 15; round++) {
            List<UUID> waiting = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                waiting.add(waits(anna));
            }
            stock.create(preset, 4);
            stock.buildAll();
            List<Uni<List<Claim>>> serving = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                serving.add(claimers.taking(i % 2 == 0 ? stock.claims : other, preset, List.of(), 0));
            }

            List<Claim> given = await(Uni.join().all(serving).andFailFast()).stream()
                    .flatMap(List::stream)
                    .toList();
            given = Stream.concat(given.stream(), claimers.serve(preset).stream())
                    .toList();

            assertThat(ids(given)).hasSize(4).doesNotHaveDuplicates();
            assertThat(new HashSet<>(
                            ids(given).stream().map(claimers::workspaceOf).toList()))
                    .hasSize(4);
            waiting.removeAll(ids(given));
            waiting.forEach(
                    left -> assertThat(await(stock.leases.cancel(left, now()))).isTrue());
        }
    }
}
