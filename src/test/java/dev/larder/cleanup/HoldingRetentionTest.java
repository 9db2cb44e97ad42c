package dev.larder.cleanup;

import static dev.larder.testing.CleanupTypes.run;
import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.database.CleanupType.Batch;
import dev.larder.database.Rows;
import dev.larder.lifecycle.CheckStore.Wanted;
import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.testing.CleanupTypes;
import dev.larder.testing.Stock;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** S19: what goes after its retention, and what never goes, of labels, links, results, changesets and validations. */
class HoldingRetentionTest {

    private static final int BATCH = 3;
    private static final Duration MONTH = Duration.ofDays(31);
    private static final Duration QUARTER = Duration.ofDays(91);

    private final Stock stock = new Stock();
    private final Caller anna = stock.member("anna");

    @AfterEach
    void close() {
        stock.close();
    }

    private OffsetDateTime now() {
        return Rows.utc(stock.clock.instant());
    }

    private long removed(String type) {
        return run(stock, type, BATCH).deleted();
    }

    private void labelled(UUID subject) {
        stock.sql("INSERT INTO labels (subject_id, pairs) VALUES ($1, '{\"team\": \"a\"}')", subject);
    }

    @Test
    void the_labels_of_a_claim_go_with_it_and_are_counted() {
        UUID preset = stock.declare("small", 10);
        stock.ready(preset, 3);
        UUID ended = stock.claim(preset, anna).orElseThrow();
        UUID live = stock.claim(preset, anna).orElseThrow();
        // Ids of one millisecond have no order.
        stock.clock.forward(Duration.ofMillis(1));
        UUID newest = stock.claim(preset, anna).orElseThrow();
        assertThat(stock.release(ended)).isTrue();
        labelled(ended);
        labelled(live);
        labelled(newest);
        stock.clock.forward(QUARTER);

        assertThat(removed("claims")).as("the claim and its labels").isEqualTo(2);

        assertThat(stock.count("labels WHERE subject_id = '" + ended + "'")).isZero();
        assertThat(stock.count("labels")).isEqualTo(2);
    }

    @Test
    void a_link_goes_once_it_has_lapsed_and_not_while_it_holds() {
        UUID preset = stock.declare("small", 10);
        var ready = stock.ready(preset, 5);
        UUID top = ready.getFirst();
        for (UUID child : ready.subList(1, 5)) {
            link(child, top);
        }
        stock.sql("UPDATE workspaces SET version = version + 1 WHERE id = $1", ready.get(1));
        stock.sql("UPDATE workspaces SET version = version + 1 WHERE id = $1", ready.get(2));
        stock.clock.forward(Duration.ofHours(25));
        stock.sql("UPDATE workspace_children SET attached_at = $2 WHERE child_id = $1", ready.get(2), now());

        assertThat(removed("workspace_children"))
                .as("the old one that has lapsed")
                .isEqualTo(1);

        assertThat(stock.count("workspace_children WHERE child_id = '" + ready.get(1) + "'"))
                .isZero();
        stock.sql("UPDATE workspaces SET version = version + 1 WHERE id = $1", top);
        stock.clock.forward(Duration.ofHours(25));
        assertThat(removed("workspace_children"))
                .as("all others lost their parent")
                .isEqualTo(3);
    }

    private void link(UUID child, UUID parent) {
        stock.sql("""
                INSERT INTO workspace_children (child_id, child_version, parent_id, parent_version, name, dependencies,
                                                attached_by, attached_at)
                SELECT c.id, c.version, p.id, p.version, 'child', '{}', $3, $4
                  FROM workspaces c, workspaces p WHERE c.id = $1 AND p.id = $2""", child, parent, anna.userId(), now());
    }

    /** A workspace with a state that a check can compare. */
    private UUID checkable() {
        stock.withBackend("terraform");
        UUID workspace = stock.ready(stock.declare("small", 1), 1).getFirst();
        stock.sql("UPDATE states SET current_version = 3, reliable_version = 3");
        return workspace;
    }

    private void result(UUID workspace, String kind) {
        UUID result = stock.ids.next();
        stock.sql("""
                INSERT INTO reconciliation_results (id, organization_id, workspace_id, mutation_id, kind, scope, state_version,
                                                    has_drift, drifted, claimed, recommended, created_at)
                SELECT $1, w.organization_id, w.id, $1, $3::text, 'all', 3, CASE WHEN $3 <> 'interrupted' THEN true END, 1, false,
                       'none', $4
                  FROM workspaces w WHERE w.id = $2""", result, workspace, kind, now());
        stock.sql(
                "INSERT INTO resource_drift (result_id, address, type, action, status, paths)"
                        + " VALUES ($1, 'a', 't', 'update', 'changed', '{}'), ($1, 'b', 't', 'update', 'changed', '{}')",
                result);
    }

    @Test
    void results_go_after_a_month_with_their_resources_but_the_newest_of_each_kind_stays() {
        UUID workspace = checkable();
        for (int i = 0; i < 4; i++) {
            result(workspace, "drift");
        }
        result(workspace, "interrupted");
        stock.clock.forward(Duration.ofDays(29));
        assertThat(removed("reconciliation_results")).isZero();
        stock.clock.forward(Duration.ofDays(2));

        Batch done = run(stock, "reconciliation_results", BATCH);

        assertThat(done.examined()).isEqualTo(5);
        assertThat(done.deleted()).as("three results of three rows").isEqualTo(3 * 3);
        assertThat(stock.count("reconciliation_results")).isEqualTo(2);
        assertThat(stock.count("resource_drift")).isEqualTo(4);
        assertThat(await(CleanupTypes.named("reconciliation_results").oldest(stock.pool)))
                .as("those that stay are not told of as old")
                .isEmpty();
    }

    private UUID changeset(UUID workspace, UUID job) {
        UUID changeset = stock.ids.next();
        stock.sql(
                "INSERT INTO changesets (id, organization_id, workspace_id, job_id, requested_by, created_at, base_version)"
                        + " SELECT $1, w.organization_id, w.id, $3, $4, $5, 3 FROM workspaces w WHERE w.id = $2",
                changeset,
                workspace,
                job,
                stock.owner.userId(),
                now());
        return changeset;
    }

    @Test
    void changesets_go_after_a_month_but_not_while_their_job_goes_on_and_validations_go_too() {
        UUID workspace = checkable();
        UUID ended = changeset(workspace, stock.ids.next());
        UUID open = changeset(workspace, check(workspace));
        stock.sql(
                "INSERT INTO validations (id, requested_by, created_at, status, findings) VALUES ($1, $2, $3, 'failed', '[]')",
                stock.ids.next(),
                stock.owner.userId(),
                now());
        stock.clock.forward(MONTH);

        assertThat(removed("changesets")).isEqualTo(1);
        assertThat(removed("validations")).isEqualTo(1);

        assertThat(stock.count("changesets WHERE id = '" + open + "'")).isEqualTo(1);
        assertThat(stock.count("changesets WHERE id = '" + ended + "'")).isZero();
    }

    private UUID check(UUID workspace) {
        Wanted wanted = new Wanted(workspace, stock.owner.userId(), Assignment.DRIFT_CHECK, Duration.ofMinutes(5));
        return await(stock.checks.begin(wanted, stock.clock.instant())).orElseThrow();
    }

    @Test
    void the_build_that_a_workspace_gets_back_after_a_check_stays_while_the_check_goes_on() {
        UUID workspace = checkable();
        stock.sql("UPDATE presets SET attempts = attempts + 100");
        stock.sql("DELETE FROM state_mutations");
        stock.clock.forward(QUARTER);
        UUID check = check(workspace);

        assertThat(removed("jobs")).isZero();

        stock.succeed(stock.take(1).getFirst());
        assertThat(stock.count("workspaces w JOIN builds b ON b.id = w.build_id WHERE w.build_status = 'succeeded'"))
                .isEqualTo(1);
        assertThat(stock.count("jobs WHERE id = '" + check + "'")).isEqualTo(1);
    }

    @Test
    void a_deleted_workspace_waits_for_its_results_and_they_go_with_their_own_count() {
        UUID workspace = checkable();
        result(workspace, "drift");
        stock.sql("UPDATE presets SET attempts = attempts + 100");
        stock.sql("UPDATE workspaces SET deleted_at = $2, transition = 'delete' WHERE id = $1", workspace, now());
        stock.sql("DELETE FROM state_mutations");
        stock.sql("DELETE FROM states");
        stock.clock.forward(QUARTER);

        assertThat(removed("workspaces")).isZero();
        assertThat(removed("reconciliation_results")).isEqualTo(3);
        assertThat(removed("workspaces"))
                .as("the workspace, its build, its job")
                .isEqualTo(3);
        assertThat(stock.count("workspaces")).isZero();
    }
}
