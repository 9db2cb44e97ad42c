package dev.larder.events;

import static dev.larder.testing.CleanupTypes.run;
import static dev.larder.testing.Stock.NOON;
import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.events.Partition.Kind;
import dev.larder.lifecycle.CheckStore;
import dev.larder.model.Assignment;
import dev.larder.model.Caller;
import dev.larder.model.Findings;
import dev.larder.model.JobOutcome;
import dev.larder.model.JobStatus;
import dev.larder.model.PresetStatus;
import dev.larder.model.Visibility;
import dev.larder.testing.CleanupTypes;
import dev.larder.testing.Stock;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.UUID;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What is appended by which change, how long it is kept, and who may see it (decision 0035). */
@Timeout(60)
class EventsAppendedTest {

    private final Stock stock = new Stock();
    private final EventReads reads = new EventReads(stock.pool);
    private final Caller ada = stock.member("ada");

    @AfterEach
    void close() {
        stock.close();
    }

    private List<Event> events(Kind kind, UUID subject) {
        List<Event> events = await(reads.after(new Partition(kind, subject), 0, 20_000));
        assertThat(events.stream().mapToLong(Event::seq))
                .containsExactlyElementsOf(
                        LongStream.rangeClosed(1, events.size()).boxed().toList());
        return events;
    }

    private List<String> types(Kind kind, UUID subject) {
        return events(kind, subject).stream().map(Event::type).toList();
    }

    @Test
    void a_warm_claim_appends_to_the_partition_of_its_own_workspace_and_to_no_other() {
        UUID preset = stock.declare("small", 3);
        UUID workspace = stock.ready(preset, 3).getFirst();
        int before = stock.count("events");

        UUID claim = stock.claim(preset, ada).orElseThrow();

        assertThat(types(Kind.WORKSPACE, workspace)).containsExactly("workspace.built", "workspace.claimed");
        assertThat(stock.count("events")).isEqualTo(before + 1);
        assertThat(events(Kind.CLAIM, claim)).isEmpty();
        assertThat(events(Kind.PRESET, preset)).isEmpty();
    }

    @Test
    void a_workspace_tells_its_life() {
        UUID preset = stock.declare("small", 1);
        UUID workspace = stock.ready(preset, 1).getFirst();
        UUID claim = stock.claim(preset, ada).orElseThrow();
        stock.clock.forward(Duration.ofMinutes(1));

        assertThat(stock.release(claim)).isTrue();
        var begun = await(stock.builds.deleteUsedUp(stock.clock.instant()));
        Assignment failing = stock.take(1).getFirst();
        stock.fail(failing);
        stock.clock.forward(Duration.ofHours(2));
        var again = await(stock.builds.deleteWanted(stock.clock.instant()));
        stock.buildAll();

        List<Event> events = events(Kind.WORKSPACE, workspace);
        assertThat(events.stream().map(Event::type))
                .containsExactly(
                        "workspace.built",
                        "workspace.claimed",
                        "workspace.released",
                        "workspace.build_failed",
                        "workspace.deleted");
        assertThat(events.get(2).at())
                .isEqualTo(NOON.plus(Duration.ofMinutes(1)).plusMillis(1));
        assertThat(types(Kind.CLAIM, claim)).containsExactly("claim.released");
    }

    @Test
    void a_workspace_that_cannot_be_trusted_says_why_until_it_can_be_again() {
        UUID preset = stock.declare("small", 1);
        UUID workspace = stock.ready(preset, 1).getFirst();

        stock.sql(
                "UPDATE workspaces SET state_status = 'unreliable', state_reason = 'worker_lost', state_since = now()");
        stock.sql("UPDATE workspaces SET state_status = 'reliable', state_reason = NULL");

        List<Event> events = events(Kind.WORKSPACE, workspace);
        assertThat(events.stream().map(Event::type))
                .containsExactly("workspace.built", "workspace.unreliable", "workspace.reliable");
        assertThat(events.get(1).data()).isEqualTo(new JsonObject().put("reason", "worker_lost"));
    }

    @Test
    void a_cold_claim_that_fails_tells_its_end_with_the_code() {
        UUID preset = stock.declare("small", 0);
        UUID claim = stock.claimCold(preset, ada);
        stock.fail(stock.take(1).getFirst());

        assertThat(await(stock.leases.endFailedCold(stock.clock.instant()))).isEqualTo(1);

        List<Event> events = events(Kind.CLAIM, claim);
        assertThat(events.stream().map(Event::type)).containsExactly("claim.failed");
        assertThat(events.getFirst().data().getString("code")).isEqualTo("script_failed");
        UUID workspace = UUID.fromString(events.getFirst().data().getString("workspaceId"));
        assertThat(types(Kind.WORKSPACE, workspace)).containsExactly("workspace.build_failed", "workspace.released");
    }

    @Test
    void a_preset_tells_what_the_reconciler_decided() {
        UUID preset = stock.declare("small", 1);

        await(stock.pools.limitHard(preset, "3 attempts failed", stock.clock.instant()));
        await(stock.pools.limitHard(preset, "3 attempts failed", stock.clock.instant()));
        assertThat(await(stock.pools.mark(preset, PresetStatus.HEALTHY, null))).isTrue();

        assertThat(types(Kind.PRESET, preset)).containsExactly("preset.hard_limited", "preset.healthy");
    }

    private void check(UUID workspace, Findings.Change... drift) {
        var wanted =
                new CheckStore.Wanted(workspace, stock.owner.userId(), Assignment.DRIFT_CHECK, Duration.ofMinutes(10));
        assertThat(await(stock.checks.begin(wanted, stock.clock.instant()))).isPresent();
        stock.end(
                stock.take(1).getFirst(),
                new JobOutcome.Succeeded(Map.of(), Map.of(), new Findings(List.of(drift), List.of())));
    }

    @Test
    void a_drift_check_is_no_build_and_tells_only_the_drift_that_it_finds() {
        stock.withBackend("terraform");
        UUID preset = stock.declare("small", 1);
        UUID workspace = stock.ready(preset, 1).getFirst();
        stock.sql("UPDATE states SET current_version = 1, reliable_version = 1");
        stock.sql("UPDATE presets SET on_drift = 'ignore'");

        check(workspace);
        assertThat(types(Kind.WORKSPACE, workspace)).containsExactly("workspace.built");
        check(workspace, new Findings.Change("aws_s3_bucket.data", "aws_s3_bucket", "update", List.of("tags.team")));

        List<Event> events = events(Kind.WORKSPACE, workspace);
        assertThat(events.stream().map(Event::type)).containsExactly("workspace.built", "drift.detected");
        assertThat(events.getLast().data().getInteger("resources")).isEqualTo(1);
        assertThat(events.getLast().data().fieldNames())
                .containsExactlyInAnyOrder("resultId", "resources", "recommended");
    }

    /** S18. */
    @Test
    void a_full_partition_loses_its_oldest_events_and_the_job_succeeds() {
        UUID preset = stock.declare("small", 1);
        stock.create(preset, 1);
        Assignment job = stock.take(1).getFirst();
        stock.sql(
                "INSERT INTO events (kind, subject, seq, type, at) SELECT 'workspace', $1, n, 'test.happened', now()"
                        + " FROM generate_series(1, 10099) n",
                job.workspaceId());
        stock.sql("UPDATE workspaces SET event_seq = 10099 WHERE id = $1", job.workspaceId());

        var ended = await(stock.ends.complete(job.lease(), new JobOutcome.Succeeded(Map.of()), stock.clock.instant()));

        assertThat(ended.orElseThrow().status()).isEqualTo(JobStatus.SUCCEEDED);
        Partition partition = Partition.workspace(job.workspaceId());
        assertThat(await(reads.after(partition, 0, 1)).getFirst().seq()).isEqualTo(101);
        assertThat(await(reads.find(partition, 10_100)).orElseThrow().type()).isEqualTo("workspace.built");
        assertThat(stock.count("events")).isEqualTo(10_000);
    }

    @Test
    void data_that_is_too_long_is_left_out_and_the_event_is_not() {
        UUID preset = stock.declare("small", 1);

        stock.sql(
                "SELECT append_event('preset', $1, 'test.happened', now(), jsonb_build_object('long', repeat('x', 2000)))",
                preset);

        assertThat(events(Kind.PRESET, preset).getFirst().data()).isEqualTo(new JsonObject().put("omitted", true));
    }

    @Test
    void retention_removes_what_is_old_except_the_last_event_of_a_live_subject() {
        UUID preset = stock.declare("small", 3);
        List<UUID> workspaces = stock.ready(preset, 3);
        UUID live = workspaces.get(0);
        UUID claim = stock.claim(preset, ada).orElseThrow();
        stock.sql("UPDATE workspaces SET transition = 'delete', deleted_at = now() WHERE id = $1", workspaces.get(1));
        stock.clock.forward(Duration.ofDays(8));
        assertThat(await(stock.leases.release(claim, OptionalInt.empty(), stock.clock.instant())))
                .isNotNull();
        stock.sql(
                "UPDATE events SET at = $1 WHERE type = 'workspace.deleted'",
                stock.clock.instant().minus(Duration.ofDays(8)).atOffset(java.time.ZoneOffset.UTC));

        // Two of the claimed one, and both of the deleted one; the third has only its last one.
        assertThat(run(stock, "events", 100).deleted()).isEqualTo(4);
        assertThat(await(reads.after(Partition.workspace(live), 0, 9)).stream().map(Event::type))
                .containsExactly("workspace.released");
        assertThat(types(Kind.WORKSPACE, workspaces.get(2))).containsExactly("workspace.built");
    }

    @Test
    void retention_goes_on_behind_what_it_has_kept() {
        UUID preset = stock.declare("small", 5);
        stock.ready(preset, 5);

        stock.clock.forward(Duration.ofDays(8));

        assertThat(run(stock, "events", 2).examined()).isEqualTo(5);

        assertThat(await(CleanupTypes.named("events").oldest(stock.pool))).isEmpty();
        assertThat(stock.count("events")).isEqualTo(5);
    }

    @Test
    void a_member_sees_the_events_of_its_own_claims_and_workspaces_alone() {
        Caller bob = stock.member("bob");
        UUID preset = stock.declare("small", 1);
        UUID workspace = stock.ready(preset, 1).getFirst();
        UUID claim = stock.claim(preset, ada).orElseThrow();

        for (Partition own : List.of(Partition.workspace(workspace), Partition.claim(claim))) {
            assertThat(await(reads.newest(own, Visibility.of(ada))))
                    .as("%s", own)
                    .isNotEmpty();
            assertThat(await(reads.newest(own, Visibility.of(bob))))
                    .as("%s", own)
                    .isEmpty();
            assertThat(await(reads.newest(own, Visibility.of(stock.owner))))
                    .as("%s", own)
                    .isNotEmpty();
        }
        Partition pool = new Partition(Kind.PRESET, preset);
        assertThat(await(reads.newest(pool, Visibility.of(bob)))).isEqualTo(OptionalLong.of(0));
        Partition cleanUp = new Partition(Kind.CLEANUP, stock.ids.next());
        stock.sql(
                "INSERT INTO cleanup_operations (id, type, status, started_at, heartbeat_at) VALUES ($1, 'audit', 'running', now(), now())",
                cleanUp.subject());
        assertThat(await(reads.newest(cleanUp, Visibility.of(ada)))).isEmpty();
        assertThat(await(reads.newest(cleanUp, Visibility.of(stock.owner)))).isEqualTo(OptionalLong.of(1));
    }

    @Test
    void no_event_names_a_user_or_a_secret() {
        UUID preset = stock.declare("small", 1);
        stock.ready(preset, 1);
        assertThat(stock.claim(preset, ada)).isPresent();

        assertThat(stock.integer(
                        "SELECT count(*)::integer AS n FROM events WHERE data::text LIKE '%' || $1 || '%' OR data::text LIKE '%test://%'",
                        Tuple.of(ada.userId().toString())))
                .isZero();
    }
}
