package dev.larder.claim;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.claim.ClaimReads.ClaimFilter;
import dev.larder.claim.WorkspaceStore.Seen;
import dev.larder.claim.WorkspaceStore.WorkspaceFilter;
import dev.larder.database.Total;
import dev.larder.model.Caller;
import dev.larder.model.PresetFilter;
import dev.larder.model.Visibility;
import dev.larder.testing.Claimers;
import dev.larder.testing.Plans;
import dev.larder.testing.Stock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What lists of claims and workspaces show, and what they cost. */
class ClaimListsTest {

    private static final Optional<String> ANY = Optional.empty();

    private final Stock stock = new Stock();
    private final Claimers claimers = new Claimers(stock);
    private final Caller anna = stock.member("anna");
    private final Caller bob = stock.member("bob");

    @AfterEach
    void close() {
        stock.close();
    }

    private UUID claimed(String preset, Caller who) {
        stock.clock.forward(Duration.ofMinutes(1));
        stock.ready(stock.preset(preset), 1);
        return stock.claim(stock.preset(preset), who).orElseThrow();
    }

    private static ClaimFilter of(Optional<String> template, Optional<String> preset) {
        return new ClaimFilter(new PresetFilter(ANY, template, preset), ANY, ANY, Optional.empty(), Optional.empty());
    }

    private static ClaimFilter ofOrganization(String organization) {
        return new ClaimFilter(
                new PresetFilter(Optional.of(organization), ANY, ANY), ANY, ANY, Optional.empty(), Optional.empty());
    }

    private static ClaimFilter with(Optional<String> status, Optional<String> owner) {
        return new ClaimFilter(PresetFilter.ALL, status, owner, Optional.empty(), Optional.empty());
    }

    private static ClaimFilter since(Instant since) {
        return new ClaimFilter(PresetFilter.ALL, ANY, ANY, Optional.empty(), Optional.of(since));
    }

    private List<UUID> claims(ClaimFilter filter) {
        return claims(Visibility.ALL, filter);
    }

    private List<UUID> claims(Visibility scope, ClaimFilter filter) {
        List<UUID> found = Claimers.ids(await(stock.claimReads.list(scope, filter, Optional.empty(), 50))
                .rows());
        assertThat(await(stock.claimReads.total(scope, filter))).isEqualTo(new Total(found.size(), true));
        return found;
    }

    @Test
    void claims_are_listed_newest_first_and_each_filter_narrows_them() {
        stock.declare("small", 3);
        stock.declare("large", 3);
        UUID first = claimed("small", anna);
        stock.promoteNewVersion();
        UUID second = claimed("small", bob);
        stock.clock.forward(Duration.ofMillis(1));
        Instant before = stock.clock.instant();
        UUID third = claimed("large", anna);
        stock.clock.forward(Duration.ofMillis(1));
        UUID waiting = claimers.waits(stock.preset("large"), bob);
        assertThat(stock.release(second)).isTrue();

        assertThat(claims(ClaimFilter.ALL)).containsExactly(waiting, third, second, first);
        assertThat(claims(of(ANY, Optional.of("small")))).containsExactly(second, first);
        assertThat(claims(of(Optional.of("database"), Optional.of("large")))).containsExactly(waiting, third);
        assertThat(claims(of(Optional.of("database"), ANY))).hasSize(4);
        assertThat(claims(of(Optional.of("other"), Optional.of("small")))).isEmpty();
        assertThat(claims(ofOrganization("acme"))).hasSize(4);
        assertThat(claims(ofOrganization(stock.organization.toString()))).hasSize(4);
        assertThat(claims(ofOrganization("other"))).isEmpty();
        assertThat(claims(with(ANY, Optional.of("anna")))).containsExactly(third, first);
        assertThat(claims(with(ANY, Optional.of(bob.userId().toString())))).containsExactly(waiting, second);
        assertThat(claims(with(Optional.of("active"), ANY))).containsExactly(third, first);
        assertThat(claims(with(Optional.of("waiting"), ANY))).containsExactly(waiting);
        assertThat(claims(with(Optional.of("released"), ANY))).containsExactly(second);
        assertThat(claims(with(Optional.of("failed"), ANY))).isEmpty();
        assertThat(claims(since(before))).containsExactly(waiting, third);
        assertThat(claims(since(Instant.parse("1950-01-01T00:00:00Z")))).hasSize(4);
    }

    @Test
    void filters_may_be_combined_and_a_member_sees_its_own_alone() {
        stock.declare("small", 3);
        UUID first = claimed("small", anna);
        UUID second = claimed("small", bob);

        ClaimFilter all = new ClaimFilter(
                new PresetFilter(Optional.of("acme"), Optional.of("database"), Optional.of("small")),
                Optional.of("active"),
                Optional.of("anna"),
                Optional.empty(),
                Optional.of(stock.clock.instant().minus(Duration.ofHours(1))));

        assertThat(claims(all)).containsExactly(first);
        assertThat(claims(Visibility.of(bob), ClaimFilter.ALL)).containsExactly(second);
        assertThat(claims(Visibility.of(bob), all)).isEmpty();
    }

    @Test
    void workspaces_have_one_status_and_are_found_by_it() {
        UUID preset = stock.declare("small", 3);
        stock.create(preset, 2);
        stock.clock.forward(Duration.ofMillis(1));
        stock.succeed(stock.take(1).getFirst());
        UUID claim = stock.claim(preset, anna).orElseThrow();
        UUID held = stock.look(claim).workspace().orElseThrow().id();

        assertThat(stock.look(claim).workspace().orElseThrow().build().word()).isEqualTo("ready");
        assertThat(workspaces("ready")).containsExactly(held);
        assertThat(workspaces("start_pending")).hasSize(1).doesNotContain(held);

        assertThat(stock.release(claim)).isTrue();

        assertThat(workspaces("returned")).containsExactly(held);
        assertThat(await(stock.workspaces.find(held, Visibility.ALL))
                        .orElseThrow()
                        .build()
                        .status())
                .isEqualTo("returned");
        assertThat(stock.look(claim).workspace().orElseThrow().build().word()).isEqualTo("returned");
    }

    private List<UUID> workspaces(String status) {
        WorkspaceFilter filter =
                new WorkspaceFilter(PresetFilter.ALL, Optional.of(status), ANY, Optional.empty(), Optional.empty());
        return await(stock.workspaces.list(Visibility.ALL, filter, Optional.empty(), 50)).rows().stream()
                .map(Seen::id)
                .toList();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void no_list_of_claims_reads_all_claims(boolean analyzed) {
        stock.declare("small", 0);
        stock.sql("""
                INSERT INTO claims (id, organization_id, user_id, workspace_id, preset_id, path, created_at, granted_at,
                                    generation, ended_at, ended_reason)
                SELECT gen_random_uuid(), p.organization_id, $1::uuid, gen_random_uuid(), p.id, 'warm', now(), now(), 2, now(),
                       'released'
                  FROM presets p, generate_series(1, 20000) i""", anna.userId());
        if (analyzed) {
            Plans.analyze(stock);
        }
        Visibility scope = new Visibility(Optional.of(stock.organization), Optional.empty());

        for (Visibility seen : List.of(Visibility.ALL, scope, Visibility.of(anna))) {
            for (ClaimFilter filter : List.of(
                    ClaimFilter.ALL,
                    of(ANY, Optional.of("small")),
                    ofOrganization("acme"),
                    with(ANY, Optional.of("anna")),
                    with(Optional.of("active"), ANY),
                    with(Optional.of("waiting"), ANY),
                    with(Optional.of("released"), ANY),
                    with(Optional.of("failed"), ANY),
                    since(stock.clock.instant()))) {
                String plan = Plans.of(stock, ClaimReads.query(seen, filter).text("SELECT c.id FROM claims c", "c.id"));

                assertThat(plan).as("%s %s", seen, filter).doesNotContain("Seq Scan on claims");
            }
        }
    }
}
