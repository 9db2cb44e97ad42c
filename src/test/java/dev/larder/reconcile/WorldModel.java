package dev.larder.reconcile;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.Failures;
import dev.larder.model.JobStatus;
import dev.larder.model.Prebuild;
import dev.larder.model.PresetSnapshot;
import dev.larder.model.PresetStatus;
import dev.larder.model.Transition;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * One preset's pool as a world in memory: performs plans as the store does, lets builds end, claims, and answers
 * with the snapshot that a cycle would read. It refuses, by a failed assertion, an effect that no plan may have:
 * one that touches a busy or claimed prebuild.
 */
public final class WorldModel {

    private record Build(UUID prebuild, int attempt, boolean failed, Instant at) {}

    private final Limits limits;
    private final List<Build> builds = new ArrayList<>();
    private final Set<UUID> claimed = new HashSet<>();
    private final Failures inherited;
    private PresetSnapshot preset;
    private Instant now;
    private long made;

    public WorldModel(PresetSnapshot preset, Instant now, Limits limits) {
        this.preset = preset;
        this.inherited = preset.failures();
        this.now = now;
        this.limits = limits;
    }

    public WorldModel(PresetSnapshot preset) {
        this(preset, PoolFixture.NOON, Limits.DEFAULT);
    }

    public PresetSnapshot snapshot() {
        return preset;
    }

    public Instant now() {
        return now;
    }

    public void waits(Duration time) {
        now = now.plus(time);
    }

    /** Another declaration: promoted, deprecated, rescheduled. */
    public void changes(UnaryOperator<PresetSnapshot> change) {
        preset = change.apply(preset);
    }

    public Plan plan() {
        return linePlan().members().getFirst().plan();
    }

    /** As a line of its own. */
    private LinePlan linePlan() {
        return LinePlan.of(new Line(List.of(preset)), now, limits);
    }

    /** One whole cycle. */
    public Plan cycle() {
        Plan plan = plan();
        perform(plan);
        return plan;
    }

    public void perform(Plan plan) {
        plan.effects().forEach(this::perform);
        remember();
    }

    private void perform(Action effect) {
        switch (effect) {
            case Action.CancelPending(List<UUID> ids) -> ids.forEach(this::cancel);
            case Action.Delete(List<UUID> ids, DeleteReason reason) -> ids.forEach(this::delete);
            case Action.MarkHardLimited(String reason, int failedAttempts) -> mark(PresetStatus.HARD_LIMITED, reason);
            case Action.MarkValidationFailed(String reason) -> mark(PresetStatus.VALIDATION_FAILED, reason);
            case Action.MarkHealthy() -> mark(PresetStatus.HEALTHY, null);
            case Action.Create(int count, int attempts) -> create(count, attempts);
        }
    }

    private void cancel(UUID id) {
        Prebuild prebuild = prebuild(id);
        assertThat(prebuild.neverStarted())
                .as("only a first start that waits is cancelled: %s", prebuild)
                .isTrue();
        prebuilds(list -> list.removeIf(other -> other.id().equals(id)));
    }

    private void delete(UUID id) {
        if (claimed.contains(id)) {
            return; // the claim came first and wins
        }
        Prebuild prebuild = prebuild(id);
        assertThat(prebuild.running())
                .as("only a running prebuild is deleted: %s", prebuild)
                .isTrue();
        replace(new Prebuild(
                id,
                prebuild.presetId(),
                prebuild.createdAt(),
                prebuild.buildNumber() + 1,
                Transition.DELETE,
                JobStatus.PENDING,
                prebuild.readyAt()));
    }

    private void create(int count, int decidedOn) {
        assertThat(count).isPositive();
        if (decidedOn != preset.attempts()) {
            return; // decided on counts that are no longer true
        }
        int attempt = preset.attempts() + 1;
        preset = copy(preset.status(), preset.statusReason(), attempt, preset.failures(), preset.prebuilds());
        for (int i = 0; i < count; i++) {
            UUID id = new UUID(
                    0x7001L,
                    0x8000_0000_0000_0000L + 0x10_0000L * preset.identity().version() + made++);
            builds.add(new Build(id, attempt, false, now));
            prebuilds(
                    list -> list.add(new Prebuild(id, preset.id(), now, 1, Transition.START, JobStatus.PENDING, null)));
        }
    }

    private void mark(PresetStatus status, @Nullable String reason) {
        assertThat(status).as("a mark changes something").isNotEqualTo(preset.status());
        preset = copy(status, reason, preset.attempts(), preset.failures(), preset.prebuilds());
    }

    /** All builds under way end well: started ones are ready, deleted ones are gone. */
    public void buildsSucceed() {
        prebuilds(list -> list.removeIf(
                prebuild -> prebuild.underWay(Transition.DELETE) || prebuild.status() == JobStatus.CANCELING));
        preset.prebuilds().stream()
                .filter(prebuild -> prebuild.status().active())
                .forEach(prebuild -> end(prebuild, JobStatus.SUCCEEDED));
        remember();
    }

    /** Those that run without being ready are ready now. */
    void becomeReady() {
        preset.prebuilds().stream()
                .filter(prebuild -> prebuild.running() && prebuild.readyAt() == null)
                .forEach(prebuild -> replace(new Prebuild(
                        prebuild.id(),
                        prebuild.presetId(),
                        new Prebuild.Times(
                                prebuild.createdAt(), now, prebuild.times().stockUntil()),
                        prebuild.buildNumber(),
                        prebuild.transition(),
                        prebuild.status(),
                        prebuild.state())));
    }

    /** All starts under way fail; other builds end well. */
    public void startsFail() {
        preset.prebuilds().stream()
                .filter(prebuild -> prebuild.underWay(Transition.START))
                .forEach(prebuild -> end(prebuild, JobStatus.FAILED));
        remember();
    }

    /** All builds under way fail. */
    public void buildsFail() {
        preset.prebuilds().stream()
                .filter(prebuild -> prebuild.status().active())
                .forEach(prebuild -> end(prebuild, JobStatus.FAILED));
        remember();
    }

    private void end(Prebuild prebuild, JobStatus status) {
        boolean ready = status == JobStatus.SUCCEEDED && prebuild.transition() == Transition.START;
        replace(new Prebuild(
                prebuild.id(),
                prebuild.presetId(),
                prebuild.createdAt(),
                prebuild.buildNumber(),
                prebuild.transition(),
                status,
                ready ? now : prebuild.readyAt()));
        if (prebuild.transition() == Transition.START) {
            builds.replaceAll(build -> build.prebuild().equals(prebuild.id())
                    ? new Build(build.prebuild(), build.attempt(), status == JobStatus.FAILED, now)
                    : build);
        }
    }

    /** The oldest one that is ready becomes a user's, and with that no prebuild any more. */
    public void claimsOldestReady() {
        Prebuild oldest = preset.prebuilds().stream()
                .filter(prebuild -> prebuild.ready() && !preset.expired(prebuild, now))
                .findFirst()
                .orElseThrow();
        claimed.add(oldest.id());
        prebuilds(list -> list.remove(oldest));
    }

    public boolean isClaimed(UUID id) {
        return claimed.contains(id);
    }

    /** Failed prebuilds are cleaned up, and their builds with them. */
    public void removesFailed() {
        prebuilds(list -> list.removeIf(prebuild -> prebuild.status() == JobStatus.FAILED));
        builds.removeIf(Build::failed);
        remember();
    }

    private Prebuild prebuild(UUID id) {
        return preset.prebuilds().stream()
                .filter(prebuild -> prebuild.id().equals(id))
                .findFirst()
                .orElseThrow(() -> new AssertionError("an effect on an unknown prebuild: " + id));
    }

    private void replace(Prebuild changed) {
        prebuilds(list -> list.replaceAll(other -> other.id().equals(changed.id()) ? changed : other));
    }

    private void prebuilds(Consumer<List<Prebuild>> change) {
        List<Prebuild> changed = new ArrayList<>(preset.prebuilds());
        change.accept(changed);
        changed.sort(Comparator.comparing(Prebuild::createdAt).thenComparing(Prebuild::id));
        preset = copy(
                preset.status(), preset.statusReason(), preset.attempts(), preset.failures(), List.copyOf(changed));
    }

    /** What the store would say of the builds this world has seen, before those it began with. */
    private void remember() {
        List<Build> newest = builds.reversed();
        List<Instant> failedAt = new ArrayList<>(newest.stream()
                .filter(Build::failed)
                .map(Build::at)
                .filter(at -> !at.isBefore(now.minus(limits.lookback())))
                .sorted(Comparator.reverseOrder())
                .toList());
        List<Boolean> buildsFailed =
                new ArrayList<>(newest.stream().map(Build::failed).toList());
        List<Boolean> attemptsFailed = new ArrayList<>(newest.stream()
                .map(Build::attempt)
                .distinct()
                .map(attempt -> builds.stream()
                        .filter(build -> build.attempt() == attempt)
                        .allMatch(Build::failed))
                .toList());
        failedAt.addAll(inherited.failedAt());
        buildsFailed.addAll(inherited.newestBuildsFailed());
        attemptsFailed.addAll(inherited.newestAttemptsFailed());
        preset = copy(
                preset.status(),
                preset.statusReason(),
                preset.attempts(),
                new Failures(List.copyOf(failedAt), List.copyOf(buildsFailed), List.copyOf(attemptsFailed)),
                preset.prebuilds());
    }

    private PresetSnapshot copy(
            PresetStatus status,
            @Nullable String statusReason,
            int attempts,
            Failures failures,
            List<Prebuild> prebuilds) {
        return new PresetSnapshot(
                preset.identity(),
                preset.service(),
                preset.declared(),
                new PresetSnapshot.State(
                        status,
                        statusReason,
                        preset.state().lastInvalidatedAt(),
                        preset.state().staleFrom(),
                        attempts),
                preset.pauses(),
                preset.builders(),
                failures,
                prebuilds);
    }

    /** The same preset of a version that is no longer the active one. */
    public static PresetSnapshot deactivated(PresetSnapshot preset) {
        return preset.with(PresetSnapshot.Service.alone(false));
    }
}
