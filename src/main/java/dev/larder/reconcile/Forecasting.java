package dev.larder.reconcile;

import dev.larder.model.Durations;
import dev.larder.model.Forecast;
import dev.larder.model.PresetSnapshot;
import dev.larder.model.Rollout;
import dev.larder.model.RolloutCause;
import dev.larder.model.RolloutState;
import dev.larder.reconcile.PoolView.ActionView;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What the next cycles do to a line: {@link LinePlan}, performed on an {@link ImaginedLine} again and again, until
 * nothing is left to do. Pure, as the plan is.
 */
final class Forecasting {

    /** Of a build where none was measured. */
    private static final Duration ASSUMED = Duration.ofMinutes(1);

    private static final Duration LONGEST = Duration.ofDays(7);
    private static final int MOST_STEPS = 2_500;

    /** How many prebuilds all cycles of a forecast look at: a second of a processor, or less. */
    static final int MOST_LOOKS = 200_000;

    /** Sees each cycle. */
    interface Observer {
        void saw(Line before, LinePlan plan, Line after, Instant at);
    }

    /** What is told of several cycles at one time. */
    private record Key(
            Instant at, String kind, int version, @Nullable String reason) {}

    /** @param count 0 where the step is not about prebuilds */
    private record Told(int count, int ready) {

        Told and(Told later) {
            return new Told(count + later.count, later.ready);
        }
    }

    private final Instant begin;
    private final Limits limits;
    private final Observer observer;
    private final ImaginedLine world;
    private final Forecast.Measured measured;
    private final Map<Key, Told> steps = new LinkedHashMap<>();
    private Instant last;
    private Instant lowestAt;
    private int lowest;
    private Optional<Integer> handedOut;
    private boolean ended;

    private Forecasting(Line line, Instant at, Limits limits, Observer observer) {
        Map<UUID, Usual> usual = usual(line);
        this.begin = at;
        this.limits = limits;
        this.observer = observer;
        this.world = new ImaginedLine(
                line, at, preset -> Objects.requireNonNull(usual.get(preset)).time());
        this.measured = line.target()
                .or(() -> line.members().stream().findFirst())
                .map(target -> Objects.requireNonNull(usual.get(target.id())).measured())
                .orElseThrow();
        this.last = at;
        this.lowestAt = at;
        this.lowest = world.claimable();
        this.handedOut = world.handedOut();
    }

    static Forecast of(Line line, Instant at, Limits limits) {
        return of(line, at, limits, MOST_LOOKS, (before, plan, after, then) -> {});
    }

    /** @param looks how many prebuilds all its cycles look at, at most */
    static Forecast of(Line line, Instant at, Limits limits, int looks) {
        return of(line, at, limits, looks, (before, plan, after, then) -> {});
    }

    static Forecast of(Line line, Instant at, Limits limits, int looks, Observer observer) {
        return new Forecasting(line, at, limits, observer).run(looks);
    }

    private record Usual(Duration time, Forecast.Measured measured) {}

    /** Of each preset by its own builds, else by those of the newest version that has some. */
    private static Map<UUID, Usual> usual(Line line) {
        Map<UUID, Usual> own = new HashMap<>();
        for (PresetSnapshot member : line.members()) {
            BuildTimes times = BuildTimes.of(member);
            times.usual()
                    .ifPresent(time -> own.put(
                            member.id(),
                            usual(time, times.builds(), member.identity().version())));
        }
        Usual otherwise = line.members().stream()
                .map(PresetSnapshot::id)
                .filter(own::containsKey)
                .findFirst()
                .map(own::get)
                .orElseGet(() -> usual(ASSUMED, 0, null));
        return line.members().stream()
                .collect(Collectors.toMap(PresetSnapshot::id, member -> own.getOrDefault(member.id(), otherwise)));
    }

    /** In whole seconds, and at least one. */
    private static Usual usual(Duration time, int builds, @Nullable Integer version) {
        Duration rounded =
                Duration.ofSeconds(Math.max(time.plusNanos(999_999_999).toSeconds(), 1));
        return new Usual(rounded, new Forecast.Measured(Durations.written(rounded), builds, version));
    }

    private Forecast run(int looks) {
        Instant until = begin.plus(LONGEST);
        LinePlan plan = plan();
        for (int looked = 0; looked < looks && steps.size() < MOST_STEPS; looked += size(world.line())) {
            if (acts(plan)) {
                perform(plan);
                if (rollsBack(plan)) {
                    return forecast("rolled_back", null);
                }
            } else {
                world.workersBegin();
                observer.saw(world.line(), plan, world.line(), world.now());
                if (isOver(plan)) {
                    return settled(plan);
                }
                Optional<Instant> next = next(plan).filter(instant -> !instant.isAfter(until));
                if (next.isEmpty()) {
                    return forecast("waits", waitsFor(plan));
                }
                goOnTo(next.get());
            }
            plan = plan();
        }
        return forecast("cut", null);
    }

    /** A line without prebuilds is something to look at too. */
    private static int size(Line line) {
        return 100
                + line.members().stream()
                        .mapToInt(member -> member.prebuilds().size())
                        .sum();
    }

    private LinePlan plan() {
        return LinePlan.of(world.line(), world.now(), limits);
    }

    /** A reminder changes nothing. */
    private boolean acts(LinePlan plan) {
        boolean steps = plan.step()
                .filter(step -> !(step instanceof RolloutStep.Remind))
                .isPresent();
        return !renewsAgain(plan)
                && (steps
                        || plan.members().stream()
                                .anyMatch(one -> !one.plan().effects().isEmpty()));
    }

    /** Stock expires again and again: the forecast ends with the first rollout that ends. */
    private boolean renewsAgain(LinePlan plan) {
        return ended
                && plan.step()
                        .filter(step -> step instanceof RolloutStep.Begin(var cause) && cause == RolloutCause.EXPIRY)
                        .isPresent();
    }

    private static boolean rollsBack(LinePlan plan) {
        return plan.step().filter(RolloutStep.RollBack.class::isInstance).isPresent();
    }

    private void perform(LinePlan plan) {
        Line before = world.line();
        int version = before.target()
                .or(() -> before.members().stream().findFirst())
                .map(preset -> preset.identity().version())
                .orElseThrow();
        world.perform(plan);
        ended |= before.rollout().isPresent() && world.line().rollout().isEmpty();
        plan.step().ifPresent(step -> tell(ActionView.of(step), version));
        plan.effects()
                .forEach(effect -> tell(
                        ActionView.of(effect.action()),
                        effect.preset().identity().version()));
        look();
        observer.saw(before, plan, world.line(), world.now());
    }

    private void tell(ActionView action, int version) {
        int count = Optional.ofNullable(action.count()).orElse(0);
        Key key = new Key(world.now(), action.kind(), version, action.reason());
        steps.merge(key, new Told(count, world.claimable()), Told::and);
        last = world.now();
    }

    private void goOnTo(Instant next) {
        boolean ends = world.nextEnd().filter(end -> !end.isAfter(next)).isPresent();
        world.goOnTo(next);
        last = ends ? next : last;
        look();
    }

    private void look() {
        int ready = world.claimable();
        if (ready < lowest) {
            lowest = ready;
            lowestAt = world.now();
        }
        Optional<Integer> first = world.handedOut();
        if (first.isPresent() && !first.equals(handedOut)) {
            tell(new ActionView("hand_out", null, null, null), first.get());
            handedOut = first;
        }
    }

    /** By the clock alone, or because something ends that is under way. */
    private Optional<Instant> next(LinePlan plan) {
        Optional<Instant> end = world.nextEnd();
        return plan.nextLook()
                .filter(look -> end.isEmpty() || look.isBefore(end.get()))
                .or(() -> end);
    }

    /** Nothing is under way, and the clock alone changes nothing of what the forecast is about. */
    private boolean isOver(LinePlan plan) {
        if (world.nextEnd().isPresent()) {
            return false;
        }
        Optional<Rollout> rollout = world.line().rollout();
        return rollout.map(open -> open.paused() || open.state() == RolloutState.HELD)
                .orElseGet(() -> renewsAgain(plan) || isFull(plan));
    }

    private boolean isFull(LinePlan plan) {
        return plan.members().stream()
                .allMatch(one -> one.preset().active()
                        ? one.plan().state().missing() + one.plan().state().starting() == 0
                        : one.preset().prebuilds().isEmpty());
    }

    private Forecast settled(LinePlan plan) {
        Optional<Rollout> rollout = world.line().rollout();
        if (rollout.isEmpty()) {
            return forecast("done", null);
        }
        return rollout.get().state() == RolloutState.HELD ? forecast("held", null) : forecast("waits", waitsFor(plan));
    }

    private String waitsFor(LinePlan plan) {
        String holds = plan.members().stream()
                .flatMap(one -> one.plan().holds().stream())
                .map(HoldView::of)
                .map(hold -> hold.kind() + ": " + hold.detail())
                .distinct()
                .collect(Collectors.joining("; "));
        boolean paused = world.line().rollout().filter(Rollout::paused).isPresent();
        return paused ? "the rollout is paused" : holds.isEmpty() ? "nothing that is known" : holds;
    }

    private Forecast forecast(String outcome, @Nullable String detail) {
        return new Forecast(
                outcome,
                detail,
                after(last),
                new Forecast.Lowest(lowest, after(lowestAt)),
                measured,
                steps.entrySet().stream().map(this::step).toList());
    }

    private Forecast.Step step(Map.Entry<Key, Told> told) {
        Key key = told.getKey();
        int count = told.getValue().count();
        return new Forecast.Step(
                after(key.at()),
                key.kind(),
                key.version(),
                count == 0 ? null : count,
                key.reason(),
                told.getValue().ready());
    }

    private String after(Instant instant) {
        return Durations.written(Duration.between(begin, instant));
    }
}
