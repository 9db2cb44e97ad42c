package dev.larder.reconcile;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.database.Direct;
import dev.larder.model.Assignment;
import dev.larder.model.Declaration.PresetDeclaration;
import dev.larder.model.JobOutcome;
import dev.larder.model.JobStatus;
import dev.larder.model.Schedule;
import dev.larder.model.Transition;
import dev.larder.testing.Databases;
import dev.larder.testing.Stock;
import dev.larder.wakeup.Channel;
import dev.larder.wakeup.NotifySender;
import dev.larder.wakeup.WakeUps;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The situations of design 2.6 with a real database, once with working and once with failing wake-ups, each followed by
 * cycles that write nothing: three, or as many as {@code -Dlarder.reconcile.repeats} says. Contention is in
 * {@link ContentionTest}.
 */
@ParameterizedClass(name = "wake-ups {0}")
@EnumSource(Crank.WakeUpMode.class)
class DatabaseSituationsTest {

    private final Crank crank;
    private final Stock stock;

    DatabaseSituationsTest(Crank.WakeUpMode mode) {
        this.crank = new Crank(mode);
        this.stock = crank.stock.replacing();
    }

    @AfterEach
    void close() {
        crank.close();
    }

    /** What takes a preset out of service. */
    enum Retired {
        BY_ANOTHER_VERSION,
        BY_DELETION,
        BY_DEPRECATION
    }

    /** The presets declared so far are no longer active; a new version declares the same ones again. */
    private void retire(Retired how) {
        switch (how) {
            case BY_ANOTHER_VERSION -> stock.promoteNewVersion();
            case BY_DELETION ->
                assertThat(await(stock.controls.delete(stock.template()))).isTrue();
            case BY_DEPRECATION ->
                assertThat(await(stock.controls.deprecate(stock.template(), "old")))
                        .isTrue();
        }
    }

    private static Stream<Arguments> product(List<Transition> transitions, List<JobStatus> statuses) {
        return transitions.stream()
                .flatMap(transition -> statuses.stream().map(status -> Arguments.of(transition, status)));
    }

    private static final List<Transition> ANY = List.of(Transition.values());

    static Stream<Arguments> any_transition_and_status() {
        return product(ANY, List.of(JobStatus.values()));
    }

    static Stream<Arguments> any_transition_with_an_active_job() {
        return product(ANY, List.of(JobStatus.PENDING, JobStatus.RUNNING, JobStatus.CANCELING));
    }

    static Stream<Arguments> any_transition_with_a_failed_or_canceled_job() {
        return product(ANY, List.of(JobStatus.FAILED, JobStatus.CANCELED));
    }

    static Stream<Arguments> stop_or_delete_that_did_not_fail() {
        return product(
                List.of(Transition.STOP, Transition.DELETE),
                List.of(
                        JobStatus.PENDING,
                        JobStatus.RUNNING,
                        JobStatus.CANCELING,
                        JobStatus.SUCCEEDED,
                        JobStatus.CANCELED));
    }

    @Test
    void no_presets_nothing() {
        assertThat(crank.settle().planned()).isEmpty();
    }

    @Test
    void presets_without_prebuilds_nothing() {
        stock.declare(new PresetDeclaration("bare", Map.of(), Optional.empty(), Optional.empty(), null, List.of()));

        assertThat(crank.settle().planned()).isEmpty();

        assertThat(stock.count("workspaces")).isZero();
    }

    @ParameterizedTest
    @MethodSource("any_transition_and_status")
    void inactive_version_nothing_created(Transition transition, JobStatus status) {
        UUID preset = stock.declare("small", 1);
        crank.put(preset, transition, status);
        retire(Retired.BY_ANOTHER_VERSION);

        crank.settle();

        assertThat(crank.ever(preset)).isEqualTo(1);
        assertThat(crank.ever(stock.preset("small"))).isEqualTo(1);
    }

    @ParameterizedTest
    @EnumSource(names = {"SUCCEEDED", "PENDING", "RUNNING"})
    void active_one_start_under_way_or_succeeded_nothing_created(JobStatus status) {
        UUID preset = stock.declare("small", 1);
        crank.put(preset, Transition.START, status);

        assertThat(crank.settle().actions()).isEmpty();

        assertThat(crank.ever(preset)).isEqualTo(1);
    }

    @ParameterizedTest
    @MethodSource("stop_or_delete_that_did_not_fail")
    void active_latest_is_stop_or_delete_one_created(Transition transition, JobStatus status) {
        UUID preset = stock.declare("small", 1);
        crank.put(preset, transition, status);

        assertThat(crank.settle().actions()).isEqualTo(Map.of("create", 1));

        assertThat(crank.ever(preset)).isEqualTo(2);
    }

    @ParameterizedTest
    @MethodSource("any_transition_with_an_active_job")
    void active_job_not_deleted(Transition transition, JobStatus status) {
        UUID preset = stock.declare("small", 0);
        UUID busy = crank.put(preset, transition, status);
        String before = crank.state(busy);

        assertThat(crank.settle().actions()).isEmpty();

        assertThat(crank.state(busy)).isEqualTo(before);
    }

    @ParameterizedTest
    @MethodSource("any_transition_with_an_active_job")
    void active_job_of_an_inactive_version_not_deleted_but_a_pending_first_start_cancelled(
            Transition transition, JobStatus status) {
        UUID preset = stock.declare("small", 0);
        UUID busy = crank.put(preset, transition, status);
        String before = crank.state(busy);
        retire(Retired.BY_ANOTHER_VERSION);
        boolean cancelled = transition == Transition.START && status == JobStatus.PENDING;

        assertThat(crank.settle().actions()).isEqualTo(cancelled ? Map.of("cancel", 1) : Map.of());

        assertThat(crank.state(busy)).isEqualTo(cancelled ? "start canceled" : before);
        assertThat(crank.live(preset)).isEqualTo(cancelled ? 0 : 1);
        assertThat(crank.doomed(preset)).isEqualTo(before.equals("delete pending") ? 1 : 0);
    }

    @ParameterizedTest
    @MethodSource("any_transition_with_a_failed_or_canceled_job")
    void failed_or_canceled_job_not_deleted(Transition transition, JobStatus status) {
        UUID preset = stock.declare("small", 0);
        UUID evidence = crank.put(preset, transition, status);
        String before = crank.state(evidence);

        assertThat(crank.settle().actions()).isEmpty();
        retire(Retired.BY_ANOTHER_VERSION);
        assertThat(crank.settle().actions()).isEmpty();

        assertThat(crank.state(evidence)).isEqualTo(before);
        assertThat(crank.live(preset)).isEqualTo(1);
    }

    @ParameterizedTest
    @EnumSource(Retired.class)
    void inactive_deleted_or_deprecated_start_succeeded_deleted_none_created(Retired how) {
        UUID preset = stock.declare("small", 2);
        stock.ready(preset, 2);
        retire(how);

        assertThat(crank.settle().actions()).containsEntry("delete", 2);

        assertThat(crank.doomed(preset)).isEqualTo(2);
        stock.buildAll();
        crank.settle();
        assertThat(crank.live(preset)).isZero();
        assertThat(crank.ever(preset)).isEqualTo(2);
    }

    @ParameterizedTest
    @EnumSource(names = {"STOP", "DELETE"})
    void stop_or_delete_succeeded_not_deleted_again(Transition transition) {
        UUID preset = stock.declare("small", 0);
        UUID done = crank.put(preset, transition, JobStatus.SUCCEEDED);
        String before = crank.state(done);

        assertThat(crank.settle().actions()).isEmpty();
        retire(Retired.BY_ANOTHER_VERSION);
        assertThat(crank.settle().actions()).isEmpty();

        assertThat(crank.state(done)).isEqualTo(before);
    }

    @Test
    void preset_a_served_preset_b_empty_exactly_b_s_instances() {
        stock.declare("a", 2);
        UUID b = stock.declare("b", 3);
        UUID a = stock.preset("a");
        stock.ready(a, 2);

        assertThat(crank.settle().actions()).isEqualTo(Map.of("create", 3));

        assertThat(crank.ever(a)).isEqualTo(2);
        assertThat(crank.ever(b)).isEqualTo(3);
    }

    @Test
    void required_parameter_missing_nothing_created_a_running_outdated_one_still_deleted() {
        UUID preset = stock.declare("small", 2);
        UUID outdated = stock.ready(preset, 1).getFirst();
        assertThat(await(stock.controls.invalidatePreset(stock.owner, preset, true)))
                .isTrue();
        UUID otherVersions = crank.put(preset, Transition.START, JobStatus.SUCCEEDED);
        stock.sql(
                "INSERT INTO version_parameters (version_id, ordinal, name, type, required, mutable, sensitive)"
                        + " SELECT version_id, 9, 'region', 'string', true, false, false FROM presets WHERE id = $1",
                preset);

        assertThat(crank.settle().actions()).isEqualTo(Map.of("delete", 2, "validation_failed", 1));

        assertThat(crank.state(outdated)).isEqualTo("delete pending");
        assertThat(crank.state(otherVersions)).isEqualTo("delete pending");
        assertThat(crank.status(preset)).isEqualTo("validation_failed");
        assertThat(crank.ever(preset)).isEqualTo(2);
    }

    @Test
    void failures_two_of_desired_two_back_off_two_intervals_and_three_after_one_more() {
        UUID preset = stock.declare("small", 2);
        assertThat(crank.cycle().actions()).isEqualTo(Map.of("create", 2));
        stock.clock.forward(Duration.ofSeconds(20));
        assertThat(crank.failAll()).isEqualTo(2);
        Instant failed = stock.clock.instant();
        Instant until = failed.plus(Duration.ofMinutes(2));

        assertThat(backoff(crank.settle())).contains(new Blocker.Backoff(until, 2));
        stock.clock.set(until);
        assertThat(backoff(crank.settle())).contains(new Blocker.Backoff(until, 2));
        stock.clock.set(until.plusNanos(1_000));
        assertThat(crank.settle().actions()).isEqualTo(Map.of("create", 2));

        stock.succeed(stock.take(1).getFirst());
        assertThat(crank.failAll()).isEqualTo(1);
        Instant third = stock.clock.instant();
        assertThat(backoff(crank.settle())).contains(new Blocker.Backoff(third.plus(Duration.ofMinutes(3)), 3));
        assertThat(crank.ever(preset)).isEqualTo(4);
    }

    private static Optional<Blocker> backoff(Cycle.Report report) {
        return report.planned().getFirst().plan().holds().stream().findFirst();
    }

    @Test
    void a_failure_counts_until_the_lookback_ends_that_instant_included() {
        UUID preset = stock.declare("small", 4);
        crank.cycle();
        crank.failAll();
        Instant failed = stock.clock.instant();
        stock.clock.set(failed.plus(Duration.ofMinutes(59)));
        crank.cycle();
        crank.failAll();

        stock.clock.set(failed.plus(Limits.DEFAULT.lookback()));
        Instant both = stock.clock.instant().minus(Duration.ofMinutes(1)).plus(Duration.ofMinutes(8));
        assertThat(backoff(crank.cycle())).contains(new Blocker.Backoff(both, 8));
        stock.clock.forward(Duration.ofMillis(1));
        assertThat(backoff(crank.cycle())).contains(new Blocker.Backoff(both.minus(Duration.ofMinutes(4)), 4));
        assertThat(crank.ever(preset)).isEqualTo(8);
    }

    @Test
    void the_next_look_is_when_the_backoff_is_over() {
        stock.declare("small", 1);
        crank.cycle();
        crank.failAll();

        Instant next = crank.cycle().nextLook().orElseThrow();

        stock.clock.set(next.minusMillis(1));
        assertThat(crank.cycle().actions()).isEmpty();
        stock.clock.set(next);
        assertThat(crank.cycle().actions()).isEqualTo(Map.of("create", 1));
    }

    /** So many attempts that all fail, far enough apart for no backoff to hold. */
    private void attemptsFail(int count) {
        for (int attempt = 1; attempt <= count; attempt++) {
            assertThat(crank.cycle().actions()).as("attempt %d", attempt).isEqualTo(Map.of("create", 1));
            assertThat(crank.failAll()).isEqualTo(1);
            stock.clock.forward(Duration.ofMinutes(10));
        }
    }

    @Test
    void hard_limit_reached_no_creation_status_gauge_one_notification_however_many_cycles() {
        UUID preset = stock.declare("small", 1);
        attemptsFail(3);

        Cycle.Report marking = crank.settle();
        stock.clock.forward(Duration.ofHours(5));
        Cycle.Report later = crank.settle();

        assertThat(marking.actions()).isEqualTo(Map.of("hard_limit", 1));
        assertThat(later.actions()).isEmpty();
        assertThat(later.planned().getFirst().reading().hardLimited()).isTrue();
        assertThat(crank.status(preset)).isEqualTo("hard_limited");
        assertThat(crank.ever(preset)).isEqualTo(3);
        assertThat(stock.count("notifications WHERE kind = 'preset_hard_limited'"))
                .isEqualTo(1);
    }

    @Test
    void hard_limit_not_reached_retried() {
        UUID preset = stock.declare("small", 1);
        attemptsFail(2);

        assertThat(crank.settle().actions()).isEqualTo(Map.of("create", 1));

        assertThat(crank.status(preset)).isEqualTo("healthy");
        assertThat(stock.count("notifications")).isZero();
    }

    @Test
    void a_reset_lifts_the_hard_limit_and_reaching_it_again_is_told_again() {
        UUID preset = stock.declare("small", 1);
        attemptsFail(3);
        crank.settle();

        assertThat(await(stock.controls.resetPreset(stock.owner, preset))).isTrue();
        attemptsFail(3);
        crank.settle();

        assertThat(crank.status(preset)).isEqualTo("hard_limited");
        assertThat(stock.count("notifications")).isEqualTo(2);
    }

    @Test
    void the_failed_ones_removal_lifts_the_hard_limit() {
        UUID preset = stock.declare("small", 1);
        attemptsFail(3);
        crank.settle();
        stock.sql(
                "UPDATE workspaces SET transition = 'delete', build_status = 'succeeded', deleted_at = $1",
                Crank.utc(stock.clock.instant()));

        assertThat(crank.settle().actions()).isEqualTo(Map.of("heal", 1, "create", 1));

        assertThat(crank.status(preset)).isEqualTo("healthy");
    }

    @ParameterizedTest
    @EnumSource(names = {"BY_ANOTHER_VERSION", "BY_DELETION"})
    void hard_limited_then_retired_running_ones_deleted_gauge_gone(Retired how) {
        UUID preset = stock.declare("small", 2);
        UUID running = stock.ready(preset, 1).getFirst();
        stock.clock.forward(Duration.ofMinutes(1));
        attemptsFail(3);
        assertThat(crank.settle().actions()).isEqualTo(Map.of("hard_limit", 1));
        retire(how);

        Cycle.Report report = crank.settle();

        assertThat(report.actions()).containsEntry("delete", 1);
        assertThat(crank.state(running)).isEqualTo("delete pending");
        assertThat(report.planned())
                .filteredOn(one -> one.preset().id().equals(preset))
                .noneMatch(one -> one.reading().hardLimited());
        stock.buildAll();
        assertThat(crank.settle().planned()).noneMatch(one -> one.preset().id().equals(preset));
    }

    @ParameterizedTest
    @CsvSource({"2,2,0, 0,0,0", "2,2,1, 1,0,1", "2,2,2, 2,0,2", "4,2,2, 2,0,0", "4,2,1, 1,1,0"})
    void running_desired_expired(int running, int desired, int expired, int goneExpired, int goneExtra, int created) {
        UUID preset = stock.declare("small", desired);
        List<UUID> old = stock.ready(preset, expired);
        assertThat(await(stock.controls.invalidatePreset(stock.owner, preset, true)))
                .isTrue();
        List<UUID> fresh = stock.ready(preset, running - expired);

        crank.settle();

        assertThat(old).allSatisfy(one -> assertThat(crank.state(one)).isEqualTo("delete pending"));
        assertThat(fresh.subList(0, goneExtra))
                .allSatisfy(one -> assertThat(crank.state(one)).isEqualTo("delete pending"));
        assertThat(fresh.subList(goneExtra, fresh.size()))
                .allSatisfy(one -> assertThat(crank.state(one)).isEqualTo("start succeeded"));
        assertThat(reasons("expired")).isEqualTo(goneExpired);
        assertThat(reasons("extraneous")).isEqualTo(goneExtra);
        assertThat(crank.ever(preset)).isEqualTo(running + created);
    }

    private int reasons(String reason) {
        return stock.integer("SELECT count(*)::integer AS n FROM builds WHERE reason = $1", Tuple.of(reason));
    }

    @ParameterizedTest
    @CsvSource({"1,1,1", "3,2,1", "7,3,1", "11,1,4", "15,1,5"})
    void two_presets_two_schedules_each_on_a_monday(int hour, int first, int second) {
        stock.declare("one", 1, null, List.of(new Schedule("* 2-4 * * 1", 2), new Schedule("* 6-8 * * 1", 3)));
        UUID two = stock.declare(
                "two", 1, null, List.of(new Schedule("* 10-12 * * 1", 4), new Schedule("* 14-16 * * 1", 5)));
        UUID one = stock.preset("one");
        stock.clock.set(Instant.parse("2026-11-23T00:00:00Z").plus(Duration.ofHours(hour)));

        crank.settle();

        assertThat(crank.ever(one)).isEqualTo(first);
        assertThat(crank.ever(two)).isEqualTo(second);
    }

    @Test
    void claimed_prebuild_whose_claim_build_replaced_resources_admins_told_with_resource_and_paths() {
        stock.withClaimStep();
        UUID preset = stock.declare("small", 1);
        UUID workspace = stock.ready(preset, 1).getFirst();
        assertThat(stock.claim(preset, stock.member("anna"))).isPresent();
        assertThat(await(stock.builds.beginClaimSteps(stock.clock.instant()))).isEqualTo(1);
        Assignment step = stock.take(1).getFirst();

        stock.end(step, new JobOutcome.Succeeded(Map.of(), Map.of("disk.data", List.of("size", "zone"))));

        crank.settle();
        var told = stock.row("SELECT kind, audience, detail FROM notifications", Tuple.tuple());
        assertThat(step.workspaceId()).isEqualTo(workspace);
        assertThat(told.getString("kind")).isEqualTo("resources_replaced");
        assertThat(told.getString("audience")).isEqualTo("template_admin");
        assertThat(told.getJsonObject("detail").getJsonObject("resources"))
                .isEqualTo(new JsonObject().put("disk.data", new JsonArray(List.of("size", "zone"))));
        assertThat(told.getJsonObject("detail").getString("workspace_id")).isEqualTo(workspace.toString());
        assertThat(crank.state(workspace)).isEqualTo("start succeeded");
    }

    @Test
    void what_a_claim_took_is_replaced_by_the_cycle_of_the_marked() {
        UUID preset = stock.declare("small", 2);
        stock.ready(preset, 2);
        crank.settle();
        UUID taken = crank.put(preset, Transition.START, JobStatus.SUCCEEDED);
        stock.sql("INSERT INTO dirty_presets (preset_id) VALUES ($1)", preset);

        assertThat(crank.dirtyCycle().actions()).isEqualTo(Map.of("delete", 1));

        assertThat(crank.state(taken)).isEqualTo("delete pending");
        assertThat(stock.count("dirty_presets")).isZero();
        assertThat(crank.dirtyCycle().planned()).isEmpty();
        crank.staysSo();
    }

    @Test
    void rings_that_reach_no_other_process_change_nothing() {
        UUID preset = stock.declare("small", 2);
        WakeUps wakeUps = new WakeUps();
        Direct nowhere =
                new Direct(Databases.vertx(), stock.database.connectOptions().setPort(1));
        new NotifySender(nowhere, Databases.vertx()).start(wakeUps);
        wakeUps.wake(Channel.JOBS);

        crank.settle();

        assertThat(crank.ever(preset)).isEqualTo(2);
        nowhere.pool().closeAndAwait();
    }

    @Test
    void a_failure_that_a_server_an_hour_ahead_dated_holds_nothing_back() {
        UUID preset = stock.declare("small", 1);
        crank.cycle();
        Instant now = stock.clock.instant();
        stock.clock.forward(Duration.ofHours(1));
        assertThat(crank.failAll()).isEqualTo(1);
        stock.clock.set(now.plusSeconds(1));

        assertThat(crank.settle().actions()).isEqualTo(Map.of("create", 1));

        assertThat(crank.ever(preset)).isEqualTo(2);
    }
}
