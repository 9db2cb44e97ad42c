package dev.larder.reconcile;

import dev.larder.model.Failures;
import dev.larder.model.JobStatus;
import dev.larder.model.Pause;
import dev.larder.model.PauseScope;
import dev.larder.model.Prebuild;
import dev.larder.model.PresetSnapshot;
import dev.larder.model.PresetStatus;
import dev.larder.model.RolloutPolicy;
import dev.larder.model.Schedule;
import dev.larder.model.StateStatus;
import dev.larder.model.Transition;
import dev.larder.model.WorkerSupply;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The words in which tests say what a pool looks like: {@code poolWanting(3).ready(7, ofMinutes(5)).building(1)}. Ages
 * count back from {@link #NOON}; {@code expired} ones were created before the last invalidation, two hours before it.
 */
public final class PoolFixture {

    /** A Friday, UTC. */
    public static final Instant NOON = Instant.parse("2026-11-20T12:00:00Z");

    private static final Duration YOUNG = Duration.ofMinutes(5);
    private static final Duration OLD = Duration.ofHours(4);
    /** What a pool has that declares nothing: the strategy replace. */
    private static final RolloutPolicy REPLACE = new RolloutPolicy(
            RolloutPolicy.Strategy.REPLACE,
            RolloutPolicy.Bounds.DEFAULT,
            Optional.empty(),
            RolloutPolicy.OnFailure.HOLD,
            true,
            0,
            Duration.ofHours(1));

    private static final Instant INVALIDATED = NOON.minus(Duration.ofHours(2));

    private final int instances;
    private final List<Schedule> schedules = new ArrayList<>();
    private final List<Pause> pauses = new ArrayList<>();
    private final List<Prebuild> prebuilds = new ArrayList<>();
    private UUID id = new UUID(0x7000L, 0x8000_0000_0000_0001L);
    private int version = 1;
    private boolean active = true;
    private Optional<PresetSnapshot.Service> service = Optional.empty();
    private RolloutPolicy rollout = REPLACE;
    private @Nullable Instant staleFrom;
    private Optional<Duration> ttl = Optional.empty();
    private @Nullable String timezone;
    private PresetStatus status = PresetStatus.HEALTHY;
    private @Nullable String statusReason;
    private int attempts;
    private List<String> missingParameters = List.of();
    private Failures failures = Failures.NONE;
    private WorkerSupply builders = WorkerSupply.AVAILABLE;

    private PoolFixture(int instances) {
        this.instances = instances;
    }

    public static PoolFixture poolWanting(int instances) {
        return new PoolFixture(instances);
    }

    public PoolFixture named(UUID preset) {
        id = preset;
        return this;
    }

    public PoolFixture inactive() {
        active = false;
        return this;
    }

    /** The strategy, and the rest as a preset has it that declares nothing. */
    public PoolFixture under(RolloutPolicy.Strategy strategy) {
        return rolling(strategy == RolloutPolicy.Strategy.REPLACE ? REPLACE : RolloutPolicy.DEFAULT);
    }

    public PoolFixture rolling(RolloutPolicy policy) {
        rollout = policy;
        return this;
    }

    /** Of a later version. */
    public PoolFixture version(int number) {
        version = number;
        return named(new UUID(0x7000L, 0x8000_0000_0000_0001L + 0x10_0000L * number));
    }

    public PoolFixture serving(PresetSnapshot.Service as) {
        service = Optional.of(as);
        return this;
    }

    public PoolFixture staleFrom(Instant instant) {
        staleFrom = instant;
        return this;
    }

    public PoolFixture ready(int count) {
        return ready(count, YOUNG);
    }

    /** The first is this old, each further one a second younger. */
    public PoolFixture ready(int count, Duration age) {
        return with(count, age, 1, Transition.START, JobStatus.SUCCEEDED, true);
    }

    public PoolFixture runningButNotReady(int count) {
        return with(count, YOUNG, 1, Transition.START, JobStatus.SUCCEEDED, false);
    }

    public PoolFixture expired(int count) {
        return ready(count, OLD);
    }

    /** With a worker. */
    public PoolFixture building(int count) {
        return with(count, YOUNG, 1, Transition.START, JobStatus.RUNNING, false);
    }

    /** First starts that wait for a worker. */
    public PoolFixture pending(int count) {
        return with(count, YOUNG, 1, Transition.START, JobStatus.PENDING, false);
    }

    public PoolFixture with(Transition transition, JobStatus jobStatus) {
        return with(1, YOUNG, transition == Transition.START ? 1 : 2, transition, jobStatus, false);
    }

    public PoolFixture with(
            int count, Duration age, int buildNumber, Transition transition, JobStatus jobStatus, boolean ready) {
        for (int i = 0; i < count; i++) {
            UUID prebuild = new UUID(0x7000L, 0x8000_0000_0000_1000L + 0x10_0000L * version + prebuilds.size());
            Instant createdAt = NOON.minus(age).plusSeconds(i);
            @Nullable Instant readyAt = ready ? createdAt.plusSeconds(30) : null;
            prebuilds.add(new Prebuild(prebuild, id, createdAt, buildNumber, transition, jobStatus, readyAt));
        }
        return this;
    }

    /** Ready, with a check after the first start, which took so long; null where that is not known any more. */
    public PoolFixture checked(int count, @Nullable Duration firstStart) {
        for (int i = 0; i < count; i++) {
            Instant createdAt = NOON.minus(YOUNG).plusSeconds(i);
            prebuilds.add(new Prebuild(
                    new UUID(0x7000L, 0x8000_0000_0000_1000L + 0x10_0000L * version + prebuilds.size()),
                    id,
                    new Prebuild.Times(
                            createdAt,
                            NOON.minusSeconds(1),
                            null,
                            firstStart == null ? null : createdAt.plus(firstStart)),
                    2,
                    Transition.START,
                    JobStatus.SUCCEEDED,
                    StateStatus.RELIABLE));
        }
        return this;
    }

    public PoolFixture expiringAfter(Duration age) {
        ttl = Optional.of(age);
        return this;
    }

    public PoolFixture scheduled(String cron, int wanted) {
        schedules.add(new Schedule(cron, wanted));
        return this;
    }

    public PoolFixture in(String zone) {
        timezone = zone;
        return this;
    }

    public PoolFixture marked(PresetStatus as, String because) {
        status = as;
        statusReason = because;
        return this;
    }

    public PoolFixture missing(String... parameters) {
        missingParameters = List.of(parameters);
        return this;
    }

    public PoolFixture paused(String level, PauseScope scope, @Nullable Instant until) {
        pauses.add(new Pause(level, scope, until));
        return this;
    }

    public PoolFixture attempted(int times) {
        attempts = times;
        return this;
    }

    /**
     * That many builds failed, the latest at this instant and each one before a second earlier; they are the
     * newest.
     */
    public PoolFixture failed(int count, Instant latest) {
        List<Instant> failedAt = new ArrayList<>();
        List<Boolean> newest = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            failedAt.add(latest.minusSeconds(i));
            newest.add(true);
        }
        return failing(new Failures(failedAt, newest, failures.newestAttemptsFailed()));
    }

    /** Newest first: whether all builds of the attempt failed. */
    public PoolFixture attemptsFailed(Boolean... newestFirst) {
        return failing(new Failures(failures.failedAt(), failures.newestBuildsFailed(), List.of(newestFirst)));
    }

    public PoolFixture failing(Failures remembered) {
        failures = remembered;
        return this;
    }

    /** The one place where it could be built is in trouble; the next probe there is due then. */
    public PoolFixture placeHeldUntil(Instant probe) {
        builders = new WorkerSupply.Held(
                "exec", "disk", "backend_unavailable", "It is away.", NOON.minusSeconds(9), probe);
        return this;
    }

    /** No living worker has its tags. */
    public PoolFixture withoutWorker() {
        builders = new WorkerSupply.Missing("exec", Map.of("site", "lab"));
        return this;
    }

    /** The id of the prebuild that was added as the n-th, from 0. */
    public UUID prebuild(int n) {
        return prebuilds.get(n).id();
    }

    public PresetSnapshot snapshot() {
        return new PresetSnapshot(
                new PresetSnapshot.Identity(
                        id,
                        "small",
                        new UUID(0x7000L, 0x8000_0000_0000_0002L),
                        "shop",
                        new UUID(0x7000L, 0x8000_0000_0000_0003L),
                        "acme",
                        new UUID(0x7000L, 0x8000_0000_0000_0004L),
                        version),
                service.orElse(PresetSnapshot.Service.alone(active)),
                new PresetSnapshot.Declared(
                        instances, ttl, timezone, List.copyOf(schedules), missingParameters, rollout),
                new PresetSnapshot.State(status, statusReason, INVALIDATED, staleFrom, attempts),
                List.copyOf(pauses),
                builders,
                failures,
                prebuilds.stream()
                        .sorted(Comparator.comparing(Prebuild::createdAt).thenComparing(Prebuild::id))
                        .toList());
    }

    public Plan planAt(Instant at) {
        return Plan.of(snapshot(), at, Limits.DEFAULT);
    }

    public Plan planAtNoon() {
        return planAt(NOON);
    }
}
