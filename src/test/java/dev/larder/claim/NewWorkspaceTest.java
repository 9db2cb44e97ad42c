package dev.larder.claim;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.claim.ClaimRequest.Policy;
import dev.larder.claim.ClaimRequest.Wanted;
import dev.larder.claim.GivenParameters.Chosen;
import dev.larder.model.Caller;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.Stock;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A workspace is made under an id and a name, and claimed with it, or neither. */
class NewWorkspaceTest {

    private final Stock stock = new Stock();
    private final Caller anna = stock.member("anna");
    private final Caller bob = stock.member("bob");
    private final UUID preset = stock.declare("small", 0);
    private final Claims claims =
            Tuned.DEFAULT.claims(stock, (presets, at) -> Uni.createFrom().item(Map.of()));
    private final UUID id = UUID.randomUUID();

    @AfterEach
    void close() {
        stock.close();
    }

    private Uni<Outcome> making(Caller who, UUID workspace, String name, Optional<Duration> ttl, Optional<String> key) {
        ClaimRequest request = new ClaimRequest(new Wanted.PresetById(preset), new Policy.Cold(), 1, 1, ttl);
        return claims.create(who, request, new Chosen(workspace, name), key);
    }

    private Outcome make(Caller who, UUID workspace, String name) {
        return await(making(who, workspace, name, Optional.empty(), Optional.empty()));
    }

    @CanIgnoreReturnValue
    private static UUID begun(Outcome outcome) {
        if (outcome instanceof Outcome.Begun(var claim, var path) && path.equals("cold")) {
            return claim;
        }
        throw new AssertionError("not begun: " + outcome);
    }

    private void onlyOne() {
        assertThat(stock.count("workspaces")).isEqualTo(1);
        assertThat(stock.count("builds")).isEqualTo(1);
        assertThat(stock.count("jobs")).isEqualTo(1);
        assertThat(stock.count("claims")).isEqualTo(1);
    }

    @Test
    void the_workspace_has_the_id_and_the_name_and_belongs_to_the_caller_at_version_1() {
        Claim claim = stock.look(begun(make(anna, id, "review-42")));

        Claim.Workspace made = claim.workspace().orElseThrow();
        assertThat(made.id()).isEqualTo(id);
        assertThat(made.name()).isEqualTo("review-42");
        assertThat(made.version()).isEqualTo(1);
        assertThat(claim.generation()).isEqualTo(1);
        assertThat(claim.userId()).isEqualTo(anna.userId());
    }

    @Test
    void the_same_request_again_is_the_same_claim_though_it_has_no_key() {
        UUID claim = begun(make(anna, id, "review-42"));

        assertThat(make(anna, id, "review-42")).isEqualTo(new Outcome.Replayed(List.of(claim), "cold"));

        onlyOne();
    }

    @Test
    void of_equal_requests_at_once_one_makes_it_and_the_others_are_answered_by_it() {
        List<Uni<Outcome>> all = IntStream.range(0, 8)
                .mapToObj(number -> making(anna, id, "review-42", Optional.empty(), Optional.empty()))
                .toList();

        List<Outcome> outcomes = await(Uni.join().all(all).andFailFast());

        assertThat(outcomes).filteredOn(Outcome.Begun.class::isInstance).hasSize(1);
        assertThat(outcomes).filteredOn(Outcome.Replayed.class::isInstance).hasSize(7);
        onlyOne();
    }

    @Test
    void another_request_for_the_id_is_told_from_one_for_the_name_and_leaves_nothing_behind() {
        begun(make(anna, id, "review-42"));

        assertThatThrownBy(() -> make(bob, id, "review-42")).matches(ColdClaimStore::isIdTaken);
        assertThatThrownBy(() -> await(making(anna, id, "other", Optional.empty(), Optional.of("k"))))
                .matches(ColdClaimStore::isIdTaken);
        assertThat(make(anna, id, "other")).isEqualTo(new Outcome.KeyReused());
        assertThat(await(making(anna, id, "review-42", Optional.of(Duration.ofHours(1)), Optional.empty())))
                .isEqualTo(new Outcome.KeyReused());
        assertThatThrownBy(() -> make(anna, UUID.randomUUID(), "review-42")).matches(ColdClaimStore::isNameTaken);

        onlyOne();
    }

    @Test
    void two_users_may_have_workspaces_of_one_name() {
        begun(make(anna, id, "review-42"));

        begun(make(bob, UUID.randomUUID(), "review-42"));

        assertThat(stock.count("workspaces WHERE name = 'review-42'")).isEqualTo(2);
    }

    @Test
    void the_name_of_a_deleted_workspace_is_free_and_its_id_is_not() {
        begun(make(anna, id, "review-42"));
        stock.buildAll();
        assertThat(await(stock.builds.wantDeleted(id, java.util.OptionalInt.empty(), stock.clock.instant())))
                .isTrue();
        assertThat(await(stock.builds.deleteUsedUp(stock.clock.instant()))).isEqualTo(1);
        stock.buildAll();

        begun(make(anna, UUID.randomUUID(), "review-42"));

        assertThatThrownBy(() -> make(bob, id, "another")).matches(ColdClaimStore::isIdTaken);
    }

    @Test
    void the_quota_counts_it() {
        stock.sql("UPDATE organizations SET claims_max = 1 WHERE id = $1", stock.organization);
        begun(make(anna, id, "one"));

        assertThat(make(anna, UUID.randomUUID(), "two")).isInstanceOf(Outcome.OverQuota.class);
        assertThat(make(anna, id, "one")).isInstanceOf(Outcome.Replayed.class);
        onlyOne();
    }
}
