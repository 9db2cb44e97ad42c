package dev.larder.jobs;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.claim.ClaimStore;
import dev.larder.lifecycle.CancelStore;
import dev.larder.lifecycle.EndBuildStore;
import dev.larder.lifecycle.EndClaimStore;
import dev.larder.lifecycle.RequeueStore;
import dev.larder.lifecycle.StartBuildStore;
import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.JobOutcome;
import dev.larder.model.LogLine;
import dev.larder.reconcile.PoolStore;
import dev.larder.testing.Claimers;
import dev.larder.testing.Plans;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a job costs does not grow with the workspaces that there ever were. */
class QueuePlansTest {

    private static final int DELETED = 2_000;
    private static final int CLAIMED = 2_000;

    private static final int ROUNDS = 12;
    private static final int PLANNED_ANYWAY = 5;

    private final Stock stock = new Stock();

    @BeforeEach
    void live_long() {
        stock.declare("one", 1);
        stock.sql("""
                WITH w AS (
                    INSERT INTO workspaces (id, organization_id, owner_id, prebuild, template_id, version_id, preset_id, name,
                                            created_at, claimed_at, deletion_wanted_at, deleted_at, build_id, build_number,
                                            transition, build_status, build_finished_at)
                    SELECT gen_random_uuid(), p.organization_id, $1::uuid, false, p.template_id, p.version_id, p.id, 'w-' || i,
                           now(), now(), CASE WHEN gone THEN now() END, CASE WHEN gone THEN now() END, gen_random_uuid(), 2,
                           CASE WHEN gone THEN 'delete' ELSE 'start' END, 'succeeded', now()
                      FROM presets p, generate_series(1, $2::integer + $3::integer) i, LATERAL (SELECT i <= $2 AS gone)
                    RETURNING *)
                INSERT INTO builds (id, workspace_id, number, transition, initiator_id, reason, version_id, preset_id, created_at)
                SELECT build_id, id, 2, transition, owner_id, 'released', version_id, preset_id, now() FROM w""", stock.owner.userId(), DELETED, CLAIMED);
        // A table that has never been looked at is taken for as large as the pages an earlier test left in it.
        Plans.analyze(stock);
    }

    @AfterEach
    void close() {
        stock.close();
    }

    @Test
    void no_change_of_a_job_reads_all_workspaces() throws IllegalAccessException {
        Map<String, String> plans = Plans.of(
                stock,
                List.of(
                        EndBuildStore.class,
                        RequeueStore.class,
                        CancelStore.class,
                        StartBuildStore.class,
                        PoolStore.class),
                (name, statement) -> statement.contains("UPDATE workspaces"));

        assertThat(plans).hasSize(19);
        assertThat(plans).allSatisfy((name, plan) -> assertThat(plan).doesNotContain("Seq Scan on workspaces"));
    }

    @Test
    void the_most_urgent_job_is_found_whatever_the_backlog() throws IllegalAccessException {
        stock.sql("""
                INSERT INTO jobs (id, build_id, workspace_id, organization_id, backend, tagset_id, queue_at, created_at,
                                  timeout_seconds, prebuild)
                SELECT gen_random_uuid(), b.id, b.workspace_id, w.organization_id, 'exec', 1, now(), now(), 600, true
                  FROM builds b JOIN workspaces w ON w.id = b.workspace_id""");
        Plans.analyze(stock);

        Map<String, String> plans = Plans.of(
                stock,
                List.of(Leasing.class),
                (name, statement) -> List.of("ONLY_LINE", "SHARED").contains(name));

        assertThat(plans).hasSize(2);
        assertThat(plans)
                .allSatisfy((name, plan) ->
                        assertThat(plan).contains("using jobs_waiting").doesNotContain("Seq Scan on jobs"));
    }

    @Test
    void what_is_to_be_begun_is_found_without_reading_what_is_live() throws IllegalAccessException {
        Map<String, String> plans = Plans.of(
                stock,
                List.of(StartBuildStore.class),
                (name, statement) -> List.of("RECYCLE", "DELETE_WANTED", "DELETE_USED_UP", "VERIFY_CANARIES")
                        .contains(name));

        assertThat(plans.get("StartBuildStore.RECYCLE")).contains("using workspaces_to_reset");
        assertThat(plans.get("StartBuildStore.DELETE_WANTED")).contains("using workspaces_to_delete");
        assertThat(plans.get("StartBuildStore.DELETE_USED_UP")).contains("using workspaces_to_delete");
        assertThat(plans.get("StartBuildStore.VERIFY_CANARIES")).contains("using workspaces_claimable");
    }

    // To plan a statement takes as long as to do it. The first five calls of a prepared one are planned
    // anyway, and each further one where PostgreSQL takes that to pay: wrongly where it sees how short an
    // array is.
    @Test
    void what_is_done_for_every_job_and_claim_is_planned_for_good() {
        stock.sql("""
                INSERT INTO jobs (id, build_id, workspace_id, organization_id, backend, tagset_id, queue_at, created_at,
                                  timeout_seconds, started_at, deadline_at, worker_id, completed_at)
                SELECT gen_random_uuid(), b.id, b.workspace_id, w.organization_id, 'exec', 1, now(), now(), 600, now(), now(), $1::uuid,
                       now()
                  FROM builds b JOIN workspaces w ON w.id = b.workspace_id""", stock.worker);
        Plans.analyze(stock);
        Pool one = stock.database.another(1);
        EndBuildStore ends = new EndBuildStore(one, stock.encryption, stock.ids);
        JobStore jobs = new JobStore(one, stock.encryption, ends);
        ClaimStore claims = stock.claimStore(one);
        EndClaimStore leases = new EndClaimStore(one);
        WorkerStore workers = new WorkerStore(one, stock.ids);
        Claimers claimers = new Claimers(stock);
        Caller anna = stock.member("anna");
        UUID preset = stock.preset("one");
        stock.create(preset, ROUNDS);

        for (int round = 0; round < ROUNDS; round++) {
            Assignment job = await(jobs.take(stock.worker, 1, stock.clock.instant()))
                    .jobs()
                    .getFirst()
                    .assignment();
            await(jobs.append(job.lease(), 1_000_000, List.of(new LogLine(stock.clock.instant(), "stdout", "hello"))));
            await(ends.complete(job.lease(), new JobOutcome.Succeeded(Map.of()), stock.clock.instant()));
            UUID claim = claimers.takeBy(claims, preset, claimers.ask(anna))
                    .orElseThrow()
                    .id();
            await(leases.release(claim, OptionalInt.empty(), stock.clock.instant()));
            await(workers.heartbeat(stock.worker, stock.clock.instant()));
        }

        assertThat(plannedAgain(one)).isEmpty();
        assertThat(await(one.preparedQuery(
                                        "SELECT FROM pg_prepared_statements WHERE custom_plans + generic_plans >= $1")
                                .execute(Tuple.of(ROUNDS)))
                        .rowCount())
                .as("take, append, complete, claim, release, heartbeat")
                .isGreaterThanOrEqualTo(6);
    }

    private List<String> plannedAgain(Pool one) {
        List<String> again = new ArrayList<>();
        for (Row row : await(one.preparedQuery("""
                SELECT statement, custom_plans, generic_plans FROM pg_prepared_statements
                 WHERE custom_plans + generic_plans >= $1 AND custom_plans > $2""").execute(Tuple.of(ROUNDS, PLANNED_ANYWAY)))) {
            again.add(row.getLong("custom_plans") + " times: " + row.getString("statement"));
        }
        return again;
    }
}
