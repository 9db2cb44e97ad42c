package dev.larder.jobs;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.database.Total;
import dev.larder.jobs.JobReads.JobFilter;
import dev.larder.jobs.JobReads.Seen;
import dev.larder.model.Caller;
import dev.larder.model.JobStatus;
import dev.larder.model.PresetFilter;
import dev.larder.model.Visibility;
import dev.larder.testing.Plans;
import dev.larder.testing.Stock;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What lists of jobs show, and what they cost. */
class JobListsTest {

    private final Stock stock = new Stock();
    private final Caller anna = stock.member("anna");

    @AfterEach
    void close() {
        stock.close();
    }

    private static JobFilter named(String preset) {
        return new JobFilter(
                new PresetFilter(Optional.empty(), Optional.of("database"), Optional.of(preset)),
                Optional.empty(),
                Optional.empty(),
                Optional.empty());
    }

    private static JobFilter with(Optional<JobStatus> status, Optional<String> owner) {
        return new JobFilter(PresetFilter.ALL, status, owner, Optional.empty());
    }

    private List<UUID> workspaces(Visibility scope, JobFilter filter) {
        List<UUID> found = await(stock.jobReader.list(scope, filter, Optional.empty(), 50)).rows().stream()
                .map(Seen::workspaceId)
                .toList();
        assertThat(await(stock.jobReader.total(scope, filter))).isEqualTo(new Total(found.size(), true));
        return found;
    }

    private List<UUID> workspaces(JobFilter filter) {
        return workspaces(Visibility.ALL, filter);
    }

    @Test
    void jobs_are_listed_newest_first_and_each_filter_narrows_them() {
        stock.declare("small", 1);
        stock.declare("large", 1);
        UUID first = stock.ready(stock.preset("small"), 1).getFirst();
        stock.clock.forward(Duration.ofHours(1));
        stock.create(stock.preset("large"), 1);
        var failing = stock.take(1).getFirst();
        stock.fail(failing);
        UUID second = failing.workspaceId();
        stock.clock.forward(Duration.ofMillis(1));
        UUID third = stock.look(stock.claimCold(stock.preset("large"), anna))
                .workspace()
                .orElseThrow()
                .id();

        assertThat(workspaces(JobFilter.ALL)).containsExactly(third, second, first);
        assertThat(workspaces(named("small"))).containsExactly(first);
        assertThat(workspaces(named("large"))).containsExactly(third, second);
        assertThat(workspaces(named("none"))).isEmpty();
        assertThat(workspaces(with(Optional.of(JobStatus.PENDING), Optional.empty())))
                .containsExactly(third);
        assertThat(workspaces(with(Optional.of(JobStatus.FAILED), Optional.empty())))
                .containsExactly(second);
        assertThat(workspaces(with(Optional.of(JobStatus.SUCCEEDED), Optional.empty())))
                .containsExactly(first);
        assertThat(workspaces(with(Optional.of(JobStatus.RUNNING), Optional.empty())))
                .isEmpty();
        assertThat(workspaces(with(Optional.empty(), Optional.of("anna")))).containsExactly(third);
        assertThat(workspaces(new JobFilter(
                        PresetFilter.ALL,
                        Optional.empty(),
                        Optional.empty(),
                        Optional.of(stock.clock.instant().minus(Duration.ofMinutes(1))))))
                .containsExactly(third, second);
        assertThat(workspaces(Visibility.of(anna), JobFilter.ALL)).containsExactly(third);
    }

    @Test
    void no_list_of_jobs_reads_all_jobs() {
        stock.declare("small", 1);
        stock.ready(stock.preset("small"), 1);
        stock.sql("""
                WITH b AS (
                    INSERT INTO builds (id, workspace_id, number, transition, initiator_id, reason, version_id, preset_id,
                                        created_at)
                    SELECT gen_random_uuid(), w.id, i, 'start', w.owner_id, 'prebuild', w.version_id, w.preset_id, now()
                      FROM workspaces w, generate_series(2, 20001) i
                    RETURNING *)
                INSERT INTO jobs (id, build_id, workspace_id, organization_id, backend, tagset_id, queue_at, created_at,
                                  timeout_seconds, started_at, deadline_at, worker_id, completed_at)
                SELECT gen_random_uuid(), b.id, b.workspace_id, w.organization_id, 'exec', 1, now(), now(), 600, now(), now(),
                       $1::uuid, now()
                  FROM b JOIN workspaces w ON w.id = b.workspace_id""", stock.worker);
        Plans.analyze(stock);
        Visibility scope = new Visibility(Optional.of(stock.organization), Optional.empty());

        for (Visibility seen : List.of(Visibility.ALL, scope, Visibility.of(anna))) {
            for (Optional<String> owner : List.of(Optional.<String>empty(), Optional.of("anna"))) {
                for (JobStatus status : JobStatus.values()) {
                    assertNoScan(seen, with(Optional.of(status), owner));
                }
                assertNoScan(seen, with(Optional.empty(), owner));
            }
            assertNoScan(seen, named("small"));
        }
    }

    private void assertNoScan(Visibility scope, JobFilter filter) {
        String plan = Plans.of(stock, JobReads.query(scope, filter).text("SELECT j.id FROM jobs j", "j.id"));

        assertThat(plan).as("%s %s", scope, filter).doesNotContain("Seq Scan on jobs");
    }
}
