package dev.larder.state;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.lifecycle.CheckStore.Wanted;
import dev.larder.model.Assignment;
import dev.larder.model.Findings;
import dev.larder.model.Findings.Change;
import dev.larder.model.JobOutcome;
import dev.larder.testing.Stock;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a resource shows of drift comes from the newest check of the version that is shown. */
class ResourceDriftReadsTest {

    private static final Change CHANGED =
            new Change("aws_s3_bucket.data", "aws_s3_bucket", "update", List.of("tags.team"));
    private static final Change MISSING = new Change("aws_sqs_queue.jobs", "aws_sqs_queue", "delete", List.of());

    private final Stock stock = new Stock();
    private final ResourceDriftReads reads = new ResourceDriftReads(stock.pool);
    private final UUID workspace;
    private final UUID state;

    ResourceDriftReadsTest() {
        stock.withBackend("terraform");
        workspace = stock.ready(stock.declare("small", 3), 3).getFirst();
        stock.sql("UPDATE presets SET on_drift = 'ignore'");
        stock.sql("UPDATE states SET current_version = 1, reliable_version = 1");
        state = stock.row("SELECT id FROM states WHERE workspace_id = $1", Tuple.of(workspace))
                .getUUID("id");
    }

    @AfterEach
    void close() {
        stock.close();
    }

    private void check(Change... found) {
        Wanted wanted = new Wanted(workspace, stock.owner.userId(), Assignment.DRIFT_CHECK, Duration.ofMinutes(5));
        assertThat(await(stock.checks.begin(wanted, stock.clock.instant()))).isPresent();
        stock.end(
                stock.take(1).getFirst(),
                new JobOutcome.Succeeded(Map.of(), Map.of(), new Findings(List.of(found), List.of())));
        stock.clock.forward(Duration.ofMinutes(1));
    }

    @Test
    void before_any_check_no_resource_differs() {
        assertThat(await(reads.of(state, 1))).isEmpty();
    }

    @Test
    void the_newest_check_of_the_version_tells_which_resources_differ() {
        check(CHANGED);
        check(CHANGED, MISSING);

        assertThat(await(reads.of(state, 1)))
                .containsOnly(Map.entry("aws_s3_bucket.data", "changed"), Map.entry("aws_sqs_queue.jobs", "missing"));

        check();

        assertThat(await(reads.of(state, 1))).isEmpty();
    }

    @Test
    void a_check_of_an_earlier_version_tells_nothing_of_a_later_one() {
        check(CHANGED);

        assertThat(await(reads.of(state, 2))).isEmpty();
    }
}
