package dev.larder.claim;

import static dev.larder.testing.Claimers.begin;
import static dev.larder.testing.Claimers.end;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.database.Rows;
import dev.larder.model.Caller;
import dev.larder.testing.Claimers;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Pool;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.RepeatedTest;

/** A pool whose workspaces have states, and many claimers at once on two servers (S2). */
class StatefulPoolTest {

    private static final int CLAIMERS = 32;
    private static final int READY = 10;
    private static final int CONNECTIONS = 8;

    private final Stock stock = new Stock();
    private final Claimers claimers = new Claimers(stock);
    private final Caller anna = stock.member("anna");

    @AfterEach
    void close() {
        stock.close();
    }

    /** Beside the ten there are two that cannot be handed out: one is unreliable, and on one a person works. */
    @RepeatedTest(5)
    void of_32_claimers_10_get_one_each_that_can_be_trusted_and_22_get_none() {
        stock.withBackend("terraform");
        UUID preset = stock.declare("small", READY + 2);
        List<UUID> ready = stock.ready(preset, READY + 2);
        known(ready.get(0), "unreliable", "worker_lost");
        known(ready.get(1), "in_flight", null);
        Pool[] servers = {stock.database.another(CONNECTIONS), stock.database.another(CONNECTIONS)};
        List<CompletableFuture<List<Claim>>> asked = new ArrayList<>();

        for (int i = 0; i < CLAIMERS; i++) {
            ClaimStore store = stock.claimStore(servers[i % servers.length]);
            asked.add(begin(claimers.taking(store, preset, List.of(claimers.ask(anna)), 0)));
        }

        List<Claim> won = asked.stream().flatMap(one -> end(one).stream()).toList();
        List<UUID> workspaces =
                won.stream().map(claim -> claim.workspace().orElseThrow().id()).toList();
        assertThat(workspaces).containsExactlyInAnyOrderElementsOf(ready.subList(2, READY + 2));
        assertThat(asked.stream().filter(one -> end(one).isEmpty())).hasSize(CLAIMERS - READY);
        assertThat(stock.count("workspaces WHERE NOT prebuild")).isEqualTo(READY);
    }

    private void known(UUID workspace, String status, @Nullable String reason) {
        String state = reason == null ? "NULL" : "'" + reason + "'";
        stock.sql(
                "UPDATE workspaces SET state_status = $1, state_since = $2, state_reason = " + state + " WHERE id = $3",
                status,
                Rows.utc(stock.clock.instant()),
                workspace);
    }
}
