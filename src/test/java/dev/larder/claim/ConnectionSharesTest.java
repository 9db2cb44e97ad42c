package dev.larder.claim;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.inventory.ListingStore;
import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.Inventory.Connections;
import dev.larder.model.Inventory.Item;
import dev.larder.model.Inventory.Part;
import dev.larder.model.WorkerEntry;
import dev.larder.testing.Claimers;
import dev.larder.testing.Stock;
import dev.larder.testing.Tenant;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What is claimed of a PostgreSQL server never adds up to more connections than it has (decision 0022). */
class ConnectionSharesTest {

    private final Stock stock = new Stock();
    private final Claimers claimers = new Claimers(stock);

    @AfterEach
    void close() {
        stock.close();
    }

    private Tenant tenant(String name) {
        return new Tenant(stock, name, "postgres", Duration.ofMinutes(10));
    }

    /**
     * The worker lists its server: Larder keeps 25 of these connections, a workspace may have ten, an organization
     * half.
     */
    private void lists(int connections, Item... things) {
        Part part = new Part(
                "postgres",
                "server",
                stock.clock.instant(),
                List.of(things),
                true,
                Optional.of(new Connections(connections, 10)));
        assertThat(await(stock.listings.record(stock.worker, part, stock.clock.instant())))
                .isEqualTo(ListingStore.Recorded.YES);
    }

    private List<UUID> claims(Tenant tenant, Caller who, int count) {
        List<UUID> claims = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            stock.claim(tenant.preset, who).ifPresent(claims::add);
        }
        return claims;
    }

    private Optional<UUID> cold(Tenant tenant, Caller who) {
        return await(stock.coldClaims.takeCold(tenant.preset, claimers.ask(who), stock.clock.instant()));
    }

    @Test
    void an_organization_claims_half_of_a_servers_connections_and_the_next_tenant_has_the_rest() {
        lists(125);
        Tenant greedy = tenant("greedy");
        Tenant next = tenant("next");
        stock.ready(greedy.preset, 8);
        stock.ready(next.preset, 8);

        assertThat(claims(greedy, greedy.member("ann"), 8)).as("5 × 10 of 100").hasSize(5);
        assertThat(claims(next, next.member("bob"), 8)).hasSize(5);

        AvailabilityReads.Connections seen =
                await(stock.availability.connections(greedy.preset)).orElseThrow();
        assertThat(seen).isEqualTo(new AvailabilityReads.Connections(10, 50, 50, 100, 100));
        assertThat(seen.organizationFull()).isTrue();
    }

    @Test
    void all_organizations_together_have_no_more_than_the_server_gives() {
        lists(85);
        List<Tenant> tenants = List.of(tenant("one"), tenant("two"), tenant("three"));
        int claimed = 0;
        for (Tenant tenant : tenants) {
            stock.ready(tenant.preset, 5);
            claimed += claims(tenant, tenant.member("ann"), 5).size();
        }

        assertThat(claimed).as("60 connections, 30 of them an organization's").isEqualTo(6);
        AvailabilityReads.Connections seen =
                await(stock.availability.connections(tenants.get(2).preset)).orElseThrow();
        assertThat(seen.full()).isTrue();
        assertThat(seen.organizationFull()).isFalse();
    }

    @Test
    void what_stands_in_stock_does_not_count() {
        lists(125);
        Tenant tenant = tenant("stocking");
        stock.ready(tenant.preset, 50);

        assertThat(claims(tenant, tenant.member("ann"), 5)).hasSize(5);
    }

    @Test
    void a_share_of_connections_is_exact_however_many_claim_at_once() {
        lists(125);
        Tenant tenant = tenant("busy");
        stock.ready(tenant.preset, 20);
        List<Uni<Optional<UUID>>> asked = new ArrayList<>();
        Caller ann = tenant.member("ann");
        for (int i = 0; i < 16; i++) {
            asked.add(stock.claiming(tenant.preset, ann, Optional.empty()));
            asked.add(stock.coldClaims.takeCold(tenant.preset, claimers.ask(ann), stock.clock.instant()));
        }

        List<Optional<UUID>> claimed = await(Uni.join().all(asked).andFailFast());

        assertThat(claimed.stream().flatMap(Optional::stream)).hasSize(5);
    }

    @Test
    void a_claim_that_waits_is_served_when_a_workspace_was_deleted() {
        lists(45);
        Tenant tenant = tenant("small");
        stock.ready(tenant.preset, 2);
        Caller ann = tenant.member("ann");
        UUID first = claims(tenant, ann, 1).getFirst();
        UUID waiting = claimers.waits(tenant.preset, ann);
        claimers.serve(tenant.preset);
        assertThat(claimers.stateOf(waiting)).isEqualTo("waiting");

        assertThat(stock.release(first)).isTrue();
        claimers.serve(tenant.preset);
        assertThat(claimers.stateOf(waiting)).as("its password is still known").isEqualTo("waiting");
        await(stock.builds.deleteUsedUp(stock.clock.instant()));
        stock.buildAll();

        claimers.serve(tenant.preset);
        assertThat(claimers.stateOf(waiting)).isEqualTo("held");
    }

    @Test
    void a_cold_build_counts_from_its_claim_on_and_none_begins_without_room() {
        lists(45);
        Tenant tenant = tenant("cold");
        Caller ann = tenant.member("ann");

        assertThat(cold(tenant, ann)).isPresent();
        assertThat(cold(tenant, ann)).isEmpty();

        Assignment failed = stock.take(1).getFirst();
        stock.fail(failed);
        assertThat(cold(tenant, ann)).as("what failed made nothing").isPresent();
    }

    @Test
    void whoever_waits_for_a_build_of_its_own_is_told_at_the_end_that_none_could_begin() {
        lists(45);
        Tenant tenant = tenant("patient");
        Caller ann = tenant.member("ann");
        assertThat(cold(tenant, ann)).isPresent();
        UUID waiting = claimers.waitsThenCold(tenant.preset, ann);
        stock.clock.forward(Claimers.TIMEOUT.plusSeconds(1));

        assertThat(await(stock.coldClaims.coldForWaiting(waiting, stock.clock.instant())))
                .isFalse();

        assertThat(claimers.stateOf(waiting)).isEqualTo("timed_out");
    }

    @Test
    void what_was_claimed_before_the_server_was_known_stays_and_counts() {
        Tenant tenant = tenant("early");
        Caller ann = tenant.member("ann");
        stock.ready(tenant.preset, 4);
        UUID claim = claims(tenant, ann, 3).getFirst();
        UUID workspace = claimers.workspaceOf(claim);
        lists(45, new Item(workspace, "larder_w_1", true, null));

        assertThat(claimers.stateOf(claim)).isEqualTo("held");
        assertThat(claims(tenant, ann, 1))
                .as("a prebuild that no listing has named yet is not bounded")
                .hasSize(1);
        assertThat(await(stock.availability.connections(tenant.preset))
                        .orElseThrow()
                        .ofOrganization())
                .isEqualTo(10);
        assertThat(cold(tenant, ann)).isEmpty();
    }

    @Test
    void an_organizations_own_worker_does_not_move_workspaces_away_from_a_shared_server() {
        lists(125);
        Tenant tenant = tenant("sly");
        UUID ready = stock.ready(tenant.preset, 1).getFirst();
        UUID own = await(stock.workers.register(
                tenant.member("runner"),
                new WorkerEntry("own", Map.of(), List.of("postgres"), 1),
                stock.clock.instant()));
        String before = placeOf(ready);

        await(stock.listings.record(
                own,
                new Part(
                        "postgres",
                        "server",
                        stock.clock.instant(),
                        List.of(new Item(ready, "larder_w_1", true, null)),
                        true,
                        Optional.of(new Connections(1_000_000, 1))),
                stock.clock.instant()));

        assertThat(placeOf(ready)).isEqualTo(before);
    }

    private String placeOf(UUID workspace) {
        return stock.row("SELECT place_id::text AS place FROM workspaces WHERE id = $1", Tuple.of(workspace))
                .getString("place");
    }

    @Test
    void other_backends_are_not_bounded() {
        lists(26);
        Tenant scripts = new Tenant(stock, "scripts");
        stock.ready(scripts.preset, 5);

        assertThat(claims(scripts, scripts.member("ann"), 5)).hasSize(5);
    }
}
