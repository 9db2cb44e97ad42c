package dev.larder.reconcile;

import static dev.larder.reconcile.PoolFixture.NOON;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.Failures;
import dev.larder.model.JobStatus;
import dev.larder.model.PauseScope;
import dev.larder.model.Prebuild;
import dev.larder.model.PresetSnapshot;
import dev.larder.model.PresetStatus;
import dev.larder.model.RolloutPolicy.Strategy;
import dev.larder.model.Transition;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every pool of at most three prebuilds, and what must hold for all of them, under each strategy. */
@ParameterizedClass(name = "{0}")
@EnumSource(Strategy.class)
class SmallWorldsTest {

    private final Strategy strategy;

    SmallWorldsTest(Strategy strategy) {
        this.strategy = strategy;
    }

    private PoolFixture poolWanting(int instances) {
        return PoolFixture.poolWanting(instances).under(strategy);
    }

    private static final Duration YOUNG = Duration.ofMinutes(5);
    private static final Duration OLD = Duration.ofHours(4);

    /** What one prebuild can be; {@code old} is expired. */
    private record Kind(Transition transition, JobStatus status, int buildNumber, boolean ready, boolean old) {}

    private PoolFixture pool(int wanted, List<Kind> mix) {
        PoolFixture pool = poolWanting(wanted);
        for (Kind kind : mix) {
            Duration age = kind.old() ? OLD : YOUNG;
            pool = pool.with(1, age, kind.buildNumber(), kind.transition(), kind.status(), kind.ready());
        }
        return pool;
    }

    private static final List<Kind> KINDS = kinds();

    private static List<Kind> kinds() {
        List<Kind> kinds = new ArrayList<>();
        for (Transition transition : Transition.values()) {
            for (JobStatus status : JobStatus.values()) {
                kinds.add(new Kind(transition, status, transition == Transition.START ? 1 : 2, false, false));
            }
        }
        kinds.add(new Kind(Transition.START, JobStatus.PENDING, 3, false, false));
        kinds.add(new Kind(Transition.START, JobStatus.PENDING, 1, false, true));
        kinds.add(new Kind(Transition.START, JobStatus.RUNNING, 1, false, true));
        kinds.add(new Kind(Transition.START, JobStatus.SUCCEEDED, 1, true, false));
        kinds.add(new Kind(Transition.START, JobStatus.SUCCEEDED, 1, true, true));
        kinds.add(new Kind(Transition.START, JobStatus.SUCCEEDED, 1, false, true));
        return List.copyOf(kinds);
    }

    private static void eachMixOfAtMost(int size, Consumer<List<Kind>> seen) {
        seen.accept(List.of());
        Stream<List<Kind>> mixes = Stream.of(List.of());
        for (int length = 1; length <= size; length++) {
            List<List<Kind>> longer = mixes.flatMap(mix -> KINDS.stream()
                            .map(kind ->
                                    Stream.concat(mix.stream(), Stream.of(kind)).toList()))
                    .toList();
            longer.forEach(seen);
            mixes = longer.stream();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3})
    void every_small_pool_ends_up_as_wanted_with_one_cycle(int wanted) {
        int[] worlds = {0};

        eachMixOfAtMost(3, mix -> {
            for (boolean active : new boolean[] {true, false}) {
                PoolFixture pool = pool(wanted, mix);
                WorldModel world = new WorldModel((active ? pool : pool.inactive()).snapshot());
                PresetSnapshot before = world.snapshot();

                Plan plan = world.cycle();

                String found = violation(before, plan, world);
                if (!found.isEmpty()) {
                    throw new AssertionError(
                            found + "\n wanting " + wanted + ", active " + active + ": " + mix + "\n " + plan);
                }
                worlds[0]++;
            }
        });

        int kinds = KINDS.size();
        assertThat(worlds[0]).isEqualTo(2 * (1 + kinds + kinds * kinds + kinds * kinds * kinds));
    }

    private static String violation(PresetSnapshot before, Plan plan, WorldModel world) {
        PresetSnapshot after = world.snapshot();
        int wanted = before.active() ? before.instances() : 0;
        int present = present(before);
        int afterwards = present(after);
        Set<UUID> removed = removed(plan);
        if (plan.desired().instances() != wanted) {
            return "another number is wanted";
        }
        if (plan.creates() > wanted || plan.clamped()) {
            return "more are created than are wanted at all";
        }
        if (afterwards > Math.max(wanted, present)) {
            return "there are more than wanted, and more than there were";
        }
        if (before.active() && afterwards < wanted) {
            return "some are still missing";
        }
        if (!before.active() && after.prebuilds().stream().anyMatch(p -> p.running() || p.neverStarted())) {
            return "an inactive preset still has some";
        }
        if (before.prebuilds().stream()
                .anyMatch(p -> removed.contains(p.id()) && !p.running() && !(p.neverStarted() && !before.active()))) {
            return "one was touched that is busy or evidence";
        }
        if (before.prebuilds().stream()
                .anyMatch(p -> p.running() && before.expired(p, NOON) && !removed.contains(p.id()))) {
            return "an expired one was left";
        }
        if (youngerWasPreferred(before, removed)) {
            return "a younger one was deleted before an older one";
        }
        if (!world.plan().effects().isEmpty()) {
            return "the second plan is not empty: " + world.plan();
        }
        return "";
    }

    /** Not expired and running, or about to be. */
    private static int present(PresetSnapshot preset) {
        return (int) preset.prebuilds().stream()
                .filter(p -> p.underWay(Transition.START) || (p.running() && !preset.expired(p, NOON)))
                .count();
    }

    private static Set<UUID> removed(Plan plan) {
        Set<UUID> removed = new HashSet<>();
        for (Action effect : plan.effects()) {
            if (effect instanceof Action.Delete delete) {
                delete.ids().forEach(id -> assertThat(removed.add(id)).isTrue());
            } else if (effect instanceof Action.CancelPending cancel) {
                cancel.ids().forEach(id -> assertThat(removed.add(id)).isTrue());
            }
        }
        return removed;
    }

    /** By age; where stock is replaced without a gap, ready ones go last. */
    private static boolean youngerWasPreferred(PresetSnapshot before, Set<UUID> removed) {
        List<Prebuild> order = before.prebuilds().stream()
                .sorted(Comparator.comparing(one -> before.rollout().isRolling() && one.ready()))
                .toList();
        boolean kept = false;
        for (Prebuild prebuild : order) {
            if (prebuild.running() && !before.expired(prebuild, NOON)) {
                if (kept && removed.contains(prebuild.id())) {
                    return true;
                }
                kept |= !removed.contains(prebuild.id());
            }
        }
        return false;
    }

    /** At the first instant after the probe is due, and while it is not. */
    @ParameterizedTest
    @ValueSource(ints = {-1, 0})
    void under_a_held_place_at_most_one_is_created_and_none_beside_one_that_starts(int untilMillis) {
        eachMixOfAtMost(2, mix -> {
            PoolFixture pool = pool(3, mix).placeHeldUntil(NOON.plusMillis(untilMillis));
            WorldModel world = new WorldModel(pool.snapshot());
            int starting = world.plan().state().starting();
            int missing = world.plan().state().missing();

            int created = world.cycle().creates();

            boolean due = untilMillis < 0 && starting == 0 && missing > 0;
            assertThat(created).as("%s", mix).isEqualTo(due ? 1 : 0);
            assertThat(world.plan().effects()).as("%s", mix).isEmpty();
        });
    }

    @Test
    void whatever_holds_a_pool_back_nothing_is_created_and_the_second_plan_is_empty() {
        List<Failures> failures = List.of(
                Failures.NONE,
                new Failures(List.of(NOON), List.of(true), List.of(true)),
                new Failures(List.of(), List.of(), List.of(true, true, true)),
                new Failures(List.of(NOON, NOON), List.of(true, true), List.of(true, true, true, true)));
        int[] worlds = {0};

        eachMixOfAtMost(1, mix -> {
            for (PresetStatus status : PresetStatus.values()) {
                for (Failures remembered : failures) {
                    for (int variant = 0; variant < 2 * 2 * 4 * 3; variant++) {
                        PoolFixture pool = pool(variant / 16, mix).failing(remembered);
                        check(vary(pool, status, variant));
                        worlds[0]++;
                    }
                }
            }
        });

        assertThat(worlds[0]).isEqualTo((KINDS.size() + 1) * 3 * 4 * 48);
    }

    private static PoolFixture vary(PoolFixture pool, PresetStatus status, int variant) {
        if (status != PresetStatus.HEALTHY) {
            pool = pool.marked(status, "because");
        }
        if ((variant & 1) != 0) {
            pool = pool.inactive();
        }
        if ((variant & 2) != 0) {
            pool = pool.missing("region");
        }
        return switch (variant >> 2 & 3) {
            case 1 -> pool.paused("template", PauseScope.CREATE, NOON.plusSeconds(1));
            case 2 -> pool.paused("organization", PauseScope.ALL, null);
            case 3 -> pool.paused("deployment", PauseScope.ALL, NOON);
            default -> pool;
        };
    }

    private static void check(PoolFixture pool) {
        WorldModel world = new WorldModel(pool.snapshot());
        boolean active = world.snapshot().active();
        Plan plan = world.cycle();
        long marks = plan.effects().stream().filter(SmallWorldsTest::marks).count();
        boolean stopped = plan.holds().stream()
                .anyMatch(hold ->
                        hold instanceof Blocker.Paused paused && paused.pause().scope() == PauseScope.ALL);

        assertThat(plan.holds().isEmpty() || plan.creates() == 0).as("%s", plan).isTrue();
        assertThat(marks).as("%s", plan).isLessThanOrEqualTo(active ? 1 : 0);
        assertThat(stopped && !plan.effects().isEmpty()).as("%s", plan).isFalse();
        assertThat(world.plan().effects()).as("after %s", plan).isEmpty();
    }

    private static boolean marks(Action effect) {
        return switch (effect) {
            case Action.MarkHardLimited marked -> true;
            case Action.MarkValidationFailed marked -> true;
            case Action.MarkHealthy marked -> true;
            case Action.Create create -> false;
            case Action.Delete delete -> false;
            case Action.CancelPending cancel -> false;
        };
    }

    @Test
    void a_plan_stays_the_same_until_the_instant_it_says_to_look_again() {
        long seed = new Random().nextLong();
        System.out.println("seed of a_plan_stays_the_same_until_the_instant_it_says_to_look_again: " + seed);
        Random random = new Random(seed);

        for (int i = 0; i < 3_000; i++) {
            PresetSnapshot preset = randomPool(random).snapshot();
            Plan plan = Plan.of(preset, NOON, Limits.DEFAULT);
            Instant until = plan.nextLook().orElse(NOON.plus(Duration.ofDays(7)));
            // What ends inclusively ends up to a millisecond before it is looked at.
            long steady = Math.max(Duration.between(NOON, until).toNanos() - 1_000_000, 0);
            assertSame(plan, Plan.of(preset, NOON.plusNanos(steady), Limits.DEFAULT), preset);
            for (int j = 0; j < 10; j++) {
                Instant between = NOON.plusNanos(random.nextLong(steady + 1));
                assertSame(plan, Plan.of(preset, between, Limits.DEFAULT), preset);
            }
        }
    }

    private static void assertSame(Plan first, Plan later, PresetSnapshot preset) {
        if (!first.effects().equals(later.effects())
                || !first.holds().equals(later.holds())
                || !first.desired().equals(later.desired())) {
            throw new AssertionError(first + "\n" + later + "\n" + preset);
        }
    }

    private PoolFixture randomPool(Random random) {
        PoolFixture pool = poolWanting(random.nextInt(4));
        for (int i = random.nextInt(4); i > 0; i--) {
            Kind kind = KINDS.get(random.nextInt(KINDS.size()));
            Duration age = kind.old() ? OLD : Duration.ofSeconds(random.nextInt(7_000));
            pool = pool.with(1, age, kind.buildNumber(), kind.transition(), kind.status(), kind.ready());
        }
        List<Instant> failedAt = random.ints(random.nextInt(5), 0, 5_000)
                .sorted()
                .mapToObj(NOON::minusSeconds)
                .toList();
        pool = pool.failing(new Failures(
                failedAt, failedAt.stream().map(at -> random.nextBoolean()).toList(), List.of()));
        if (random.nextBoolean()) {
            pool = pool.expiringAfter(Duration.ofSeconds(600 + random.nextInt(7_000)));
        }
        if (random.nextBoolean()) {
            int hour = random.nextInt(22);
            pool = pool.in(random.nextBoolean() ? "Asia/Kathmandu" : "America/New_York")
                    .scheduled("* %d-%d * * %d".formatted(hour, hour + 1, random.nextInt(7)), 3)
                    .scheduled("* %d %d * *".formatted(hour + 2, 20 + random.nextInt(8)), 2);
        }
        if (random.nextInt(4) == 0) {
            PauseScope scope = random.nextBoolean() ? PauseScope.ALL : PauseScope.CREATE;
            pool = pool.paused("preset", scope, NOON.plusSeconds(random.nextInt(9_000) - 3_000));
        }
        return pool;
    }
}
