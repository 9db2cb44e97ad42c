package dev.larder.claim;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.claim.ClaimReads.ClaimFilter;
import dev.larder.claim.WorkspaceStore.Seen;
import dev.larder.claim.WorkspaceStore.WorkspaceFilter;
import dev.larder.lifecycle.LabelStore;
import dev.larder.lifecycle.LabelStore.Labels;
import dev.larder.model.Caller;
import dev.larder.model.LabelSelector;
import dev.larder.model.PresetFilter;
import dev.larder.model.Visibility;
import dev.larder.testing.Claimers;
import dev.larder.testing.Stock;
import io.smallrye.mutiny.Uni;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Labels belong to a claim: they are given with it, replaced as a whole, and found by lists. */
class LabelStoreTest {

    private static final Map<String, String> TEAM_A = Map.of("team", "a", "tier", "web");

    private final Stock stock = new Stock();
    private final Claimers claimers = new Claimers(stock);
    private final Caller anna = stock.member("anna");
    private final UUID preset = stock.declare("small", 3);
    private final LabelStore labels = new LabelStore(stock.pool);

    @AfterEach
    void close() {
        stock.close();
    }

    private NewClaim labelled(Map<String, String> pairs) {
        return claimers.ask(anna).labelled(pairs);
    }

    private static Optional<LabelSelector> with(Map<String, String> pairs, String... keys) {
        return Optional.of(new LabelSelector(pairs, List.of(keys)));
    }

    private static WorkspaceFilter labelledWorkspaces(Optional<LabelSelector> wanted) {
        return new WorkspaceFilter(PresetFilter.ALL, Optional.empty(), Optional.empty(), wanted, Optional.empty());
    }

    private static ClaimFilter labelledClaims(Optional<LabelSelector> wanted) {
        return new ClaimFilter(PresetFilter.ALL, Optional.empty(), Optional.empty(), wanted, Optional.empty());
    }

    private List<UUID> workspaces(Optional<LabelSelector> wanted) {
        return await(stock.workspaces.list(Visibility.ALL, labelledWorkspaces(wanted), Optional.empty(), 100))
                .rows()
                .stream()
                .map(Seen::id)
                .toList();
    }

    private List<UUID> claims(Optional<LabelSelector> wanted) {
        return Claimers.ids(await(stock.claimReads.list(Visibility.ALL, labelledClaims(wanted), Optional.empty(), 100))
                .rows());
    }

    @Test
    void however_a_claim_is_served_it_has_the_labels_it_asked_for() {
        UUID ready = stock.ready(preset, 1).getFirst();
        Claim warm = claimers.take(preset, labelled(TEAM_A)).getFirst();
        UUID waiting = claimers.waits(preset, labelled(Map.of("how", "waited")), claimers.patience(0, false))
                .orElseThrow();
        UUID cold = await(stock.coldClaims.takeCold(preset, labelled(Map.of("how", "cold")), stock.clock.instant()))
                .orElseThrow();

        assertThat(warm.request().labels()).isEqualTo(TEAM_A);
        assertThat(stock.look(warm.id()).request().labels()).isEqualTo(TEAM_A);
        assertThat(await(stock.workspaces.find(ready, Visibility.ALL))
                        .orElseThrow()
                        .labels())
                .isEqualTo(TEAM_A);
        assertThat(stock.look(waiting).request().labels()).isEqualTo(Map.of("how", "waited"));
        assertThat(stock.look(cold).request().labels()).isEqualTo(Map.of("how", "cold"));
        stock.buildAll();
        UUID served = stock.ready(preset, 1).getFirst();
        claimers.serve(preset);
        assertThat(claimers.workspaceOf(waiting)).isEqualTo(served);
        assertThat(workspaces(with(Map.of("how", "waited")))).containsExactly(served);
    }

    @Test
    void every_claim_of_one_request_has_them_and_one_without_labels_writes_no_row() {
        stock.ready(preset, 3);

        List<Claim> both = claimers.batch(preset, labelled(TEAM_A), 2, 2);
        claimers.take(preset, claimers.ask(anna));

        assertThat(both).allMatch(claim -> claim.request().labels().equals(TEAM_A));
        assertThat(stock.count("labels")).isEqualTo(2);
    }

    @Test
    void a_list_has_what_has_all_pairs_and_keys_that_are_named() {
        List<UUID> ready = stock.ready(preset, 3);
        Claim web = claimers.take(preset, labelled(TEAM_A)).getFirst();
        Claim plain = claimers.take(preset, labelled(Map.of("team", "a"))).getFirst();
        claimers.take(preset, labelled(Map.of("team", "b")));

        assertThat(workspaces(with(Map.of("team", "a")))).containsExactlyInAnyOrder(ready.get(0), ready.get(1));
        assertThat(workspaces(with(Map.of("team", "a"), "tier"))).containsExactly(ready.get(0));
        assertThat(workspaces(with(Map.of("team", "c")))).isEmpty();
        assertThat(workspaces(Optional.empty())).hasSize(3);
        assertThat(claims(with(Map.of("team", "a")))).containsExactlyInAnyOrder(web.id(), plain.id());
        assertThat(claims(with(Map.of(), "tier"))).containsExactly(web.id());
    }

    @Test
    void the_next_client_of_a_workspace_does_not_see_the_labels_of_the_one_before() {
        UUID reusable = stock.declareReusable("reused", 1, 3);
        UUID workspace = stock.ready(reusable, 1).getFirst();
        Claim first = claimers.take(reusable, labelled(TEAM_A)).getFirst();

        assertThat(stock.release(first.id())).isTrue();

        assertThat(await(stock.workspaces.find(workspace, Visibility.ALL))
                        .orElseThrow()
                        .labels())
                .isEmpty();
        assertThat(workspaces(with(Map.of("team", "a")))).isEmpty();
        assertThat(claims(with(Map.of("team", "a")))).containsExactly(first.id());
    }

    @Test
    void a_replacement_of_another_version_changes_nothing() {
        stock.ready(preset, 2);
        UUID never = claimers.take(preset, claimers.ask(anna)).getFirst().id();
        UUID given = claimers.take(preset, labelled(TEAM_A)).getFirst().id();

        assertThat(await(labels.find(never))).isEqualTo(new Labels(Map.of(), 1));
        assertThat(await(labels.replace(never, TEAM_A, OptionalInt.of(2)))).isEmpty();
        assertThat(await(labels.replace(never, TEAM_A, OptionalInt.of(1)))).hasValue(2);
        assertThat(await(labels.replace(never, Map.of(), OptionalInt.of(1)))).isEmpty();
        assertThat(await(labels.find(never))).isEqualTo(new Labels(TEAM_A, 2));
        assertThat(await(labels.replace(given, Map.of(), OptionalInt.empty()))).hasValue(3);
        assertThat(await(labels.find(given))).isEqualTo(new Labels(Map.of(), 3));
    }

    @Test
    void of_16_replacements_of_one_version_one_wins() {
        stock.ready(preset, 1);
        UUID claim = claimers.take(preset, claimers.ask(anna)).getFirst().id();

        List<Uni<Optional<Integer>>> all = IntStream.range(0, 16)
                .mapToObj(i -> labels.replace(claim, Map.of("writer", "" + i), OptionalInt.of(1)))
                .toList();

        assertThat(await(Uni.join().all(all).andFailFast()))
                .filteredOn(Optional::isPresent)
                .hasSize(1);
    }

    @Test
    void a_repeated_request_with_other_labels_is_another_request() {
        ClaimRequest plain = new ClaimRequest(
                new ClaimRequest.Wanted.PresetById(preset), new ClaimRequest.Policy.Fail(), 1, 1, Optional.empty());
        ClaimRequest with = new ClaimRequest(plain.wanted(), plain.policy(), 1, 1, Optional.empty(), TEAM_A);

        assertThat(with.hash()).isNotEqualTo(plain.hash());
    }
}
