package dev.larder.reconcile;

import dev.larder.model.CanaryEvidence;
import dev.larder.model.Failures;
import dev.larder.model.JobStatus;
import dev.larder.model.Prebuild;
import dev.larder.model.PresetSnapshot;
import dev.larder.model.PresetSnapshot.Membership;
import dev.larder.model.PresetSnapshot.Service;
import dev.larder.model.PresetSnapshot.State;
import dev.larder.model.PresetStatus;
import dev.larder.model.Rollout;
import dev.larder.model.RolloutCause;
import dev.larder.model.RolloutPolicy.Canary;
import dev.larder.model.RolloutRole;
import dev.larder.model.RolloutState;
import dev.larder.model.StateStatus;
import dev.larder.model.Transition;
import dev.larder.model.WorkerSupply;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A line as it becomes when its plans are performed, and builds succeed. Each build takes the usual time of its preset.
 * A removal, a verification and a trial claim are over at once. No client claims.
 */
final class ImaginedLine {

    private static final UUID ROLLOUT = new UUID(0x7000L, 0x8000_0000_0000_0000L);

    private final Function<UUID, Duration> buildTime;
    private final Map<UUID, Instant> ends = new HashMap<>();
    private Line line;
    private Instant now;
    private long made;

    /** @param buildTime by preset; longer than none */
    ImaginedLine(Line line, Instant now, Function<UUID, Duration> buildTime) {
        this.line = line;
        this.now = now;
        this.buildTime = buildTime;
        judgeCanaries();
    }

    Line line() {
        return line;
    }

    Instant now() {
        return now;
    }

    /** How many claims can take. */
    int claimable() {
        return line.members().stream()
                .filter(PresetSnapshot::served)
                .mapToInt(this::ready)
                .sum();
    }

    /** The version that claims get first; empty where there is nothing to get. */
    Optional<Integer> handedOut() {
        return Stream.concat(line.target().stream(), line.befores().stream())
                .filter(preset -> preset.served() && ready(preset) > 0)
                .map(preset -> preset.identity().version())
                .findFirst();
    }

    private int ready(PresetSnapshot preset) {
        return (int) preset.prebuilds().stream()
                .filter(prebuild -> prebuild.ready() && preset.isSound(prebuild, now))
                .count();
    }

    /** As one cycle does. */
    void perform(LinePlan plan) {
        plan.step().ifPresent(this::make);
        plan.effects().forEach(effect -> perform(effect.preset().id(), effect.action()));
    }

    /** Workers begin all builds that wait, where there are workers for them. */
    void workersBegin() {
        change(this::begun);
    }

    private void make(RolloutStep step) {
        line = switch (step) {
            case RolloutStep.Begin(var cause) -> renewing(cause);
            case RolloutStep.PassCanary passed -> line.after(passed, now);
            case RolloutStep.Hold held -> line.after(held, now);
            case RolloutStep.RollBack back -> line.after(back, now);
            case RolloutStep.Finish finished -> line.after(finished, now);
            case RolloutStep.Supersede superseded -> line.after(superseded, now);
            case RolloutStep.Remind reminded -> line.after(reminded, now);
        };
    }

    private Line renewing(RolloutCause cause) {
        PresetSnapshot target = line.target().orElseThrow();
        Instant deadline = now.plus(target.rollout().deadline());
        Rollout rollout = new Rollout(ROLLOUT, cause, RolloutState.PROGRESSING, now, deadline, now, false, false);
        Service service =
                new Service(true, true, Optional.of(new Membership(RolloutRole.TARGET, rollout, null, List.of())));
        return new Line(line.members().stream()
                .map(member -> member.equals(target) ? member.with(service) : member)
                .toList());
    }

    private void perform(UUID preset, Action action) {
        switch (action) {
            case Action.CancelPending(var ids) -> remove(preset, ids);
            case Action.Delete(var ids, var reason) -> {
                remove(preset, ids);
                if (reason == DeleteReason.REPLACED) {
                    change(ImaginedLine::undelivered);
                }
            }
            case Action.MarkHardLimited(var reason, var attempts) -> mark(preset, PresetStatus.HARD_LIMITED, reason);
            case Action.MarkValidationFailed(var reason) -> mark(preset, PresetStatus.VALIDATION_FAILED, reason);
            case Action.MarkHealthy() -> mark(preset, PresetStatus.HEALTHY, null);
            case Action.Create(int count, int attempts) -> create(preset, count);
        }
    }

    private void remove(UUID preset, List<UUID> ids) {
        Set<UUID> gone = new HashSet<>(ids);
        change(
                preset,
                member -> member.withPrebuilds(member.prebuilds().stream()
                        .filter(prebuild -> !gone.contains(prebuild.id()))
                        .toList()));
        ends.keySet().removeAll(gone);
    }

    private void mark(UUID preset, PresetStatus status, @Nullable String reason) {
        change(preset, member -> {
            State known = member.state();
            return member.with(
                    new State(status, reason, known.lastInvalidatedAt(), known.staleFrom(), known.attempts()));
        });
    }

    private void create(UUID preset, int count) {
        List<UUID> created = Stream.generate(() -> new UUID(0x7000L, 0x8000_0000_0000_0000L + ++made))
                .limit(count)
                .toList();
        change(preset, member -> {
            List<Prebuild> prebuilds = new ArrayList<>(member.prebuilds());
            created.forEach(
                    id -> prebuilds.add(new Prebuild(id, preset, now, 1, Transition.START, JobStatus.PENDING, null)));
            State known = member.state();
            State attempted = new State(
                    known.status(),
                    known.statusReason(),
                    known.lastInvalidatedAt(),
                    known.staleFrom(),
                    known.attempts() + 1);
            return trying(member.withPrebuilds(prebuilds).with(attempted), created);
        });
    }

    private static PresetSnapshot trying(PresetSnapshot member, List<UUID> created) {
        if (!member.is(RolloutRole.CANARY)) {
            return member;
        }
        List<CanaryEvidence> canaries = new ArrayList<>(canaries(member));
        created.forEach(id -> canaries.add(CanaryEvidence.begun(id)));
        return member.withCanaries(canaries);
    }

    /** With its builds begun that a worker takes. */
    private PresetSnapshot begun(PresetSnapshot member) {
        List<Prebuild> prebuilds = new ArrayList<>();
        for (Prebuild prebuild : member.prebuilds()) {
            Instant end = endOf(member, prebuild);
            if (end != null) {
                ends.putIfAbsent(prebuild.id(), end);
            }
            boolean begins = end != null && prebuild.underWay(Transition.START);
            prebuilds.add(begins ? in(prebuild, JobStatus.RUNNING) : prebuild);
        }
        return member.withPrebuilds(prebuilds);
    }

    /** When what is under way with a prebuild ends; null where nothing is, or no worker takes it. */
    private @Nullable Instant endOf(PresetSnapshot member, Prebuild prebuild) {
        boolean becomesReady = prebuild.running() && !prebuild.lost() && !prebuild.ready();
        if (!becomesReady && !prebuild.status().active()) {
            return null;
        }
        if (!becomesReady && !prebuild.underWay(Transition.START)) {
            return now;
        }
        Duration takes = buildTime.apply(member.id());
        Instant usual = later(now, prebuild.createdAt().plus(takes));
        if (prebuild.status() != JobStatus.PENDING) {
            return usual;
        }
        return switch (member.builders()) {
            case WorkerSupply.Available available -> usual;
            case WorkerSupply.Held held -> later(now, held.until()).plus(takes);
            case WorkerSupply.Missing missing -> null;
        };
    }

    private static Instant later(Instant one, Instant other) {
        return one.isAfter(other) ? one : other;
    }

    private static Prebuild in(Prebuild prebuild, JobStatus status) {
        return new Prebuild(
                prebuild.id(),
                prebuild.presetId(),
                prebuild.times(),
                prebuild.buildNumber(),
                prebuild.transition(),
                status,
                prebuild.state());
    }

    /** When the next thing ends that is under way. */
    Optional<Instant> nextEnd() {
        return ends.values().stream().min(Instant::compareTo).map(end -> later(now, end));
    }

    /** The clock goes on, and what is under way until then ends. */
    void goOnTo(Instant instant) {
        now = instant;
        change(this::ended);
        ends.values().removeIf(end -> !end.isAfter(now));
        judgeCanaries();
    }

    private PresetSnapshot ended(PresetSnapshot member) {
        List<Prebuild> prebuilds = new ArrayList<>();
        List<Prebuild> ready = new ArrayList<>();
        for (Prebuild prebuild : member.prebuilds()) {
            Instant end = ends.get(prebuild.id());
            if (end == null || end.isAfter(now)) {
                prebuilds.add(prebuild);
            } else if (prebuild.transition() == Transition.START && prebuild.status() != JobStatus.CANCELING) {
                ready.add(readied(prebuild));
                prebuilds.add(ready.getLast());
            }
        }
        PresetSnapshot after = member.withPrebuilds(prebuilds);
        return ready.isEmpty() ? after : withReady(after, ready);
    }

    private Prebuild readied(Prebuild prebuild) {
        @Nullable Instant before = prebuild.readyAt();
        return new Prebuild(
                prebuild.id(),
                prebuild.presetId(),
                new Prebuild.Times(
                        prebuild.createdAt(),
                        before == null ? now : before,
                        prebuild.times().stockUntil()),
                prebuild.buildNumber(),
                Transition.START,
                JobStatus.SUCCEEDED,
                StateStatus.RELIABLE);
    }

    /** A build that succeeds ends a row of failures. A place where one succeeded is in no trouble any more. */
    private PresetSnapshot withReady(PresetSnapshot member, List<Prebuild> ready) {
        Failures known = member.failures();
        boolean late = member.ttl()
                .filter(ttl -> ready.stream()
                        .allMatch(one -> now.isAfter(one.createdAt().plus(ttl))))
                .isPresent();
        Failures failures = new Failures(
                known.failedAt(),
                before(false, known.newestBuildsFailed()),
                before(false, known.newestAttemptsFailed()),
                before(late, known.newestExpiredUnready()));
        WorkerSupply builders =
                member.builders() instanceof WorkerSupply.Held ? WorkerSupply.AVAILABLE : member.builders();
        PresetSnapshot built = member.with(builders, failures);
        return seen(built, ready);
    }

    private static List<Boolean> before(boolean newest, List<Boolean> others) {
        return Stream.concat(Stream.of(newest), others.stream()).toList();
    }

    private static PresetSnapshot undelivered(PresetSnapshot member) {
        return changed(
                member,
                known -> new Membership(
                        known.role(), known.rollout().with(false), known.newestReadyAt(), known.canaries()));
    }

    private PresetSnapshot seen(PresetSnapshot member, List<Prebuild> ready) {
        Set<UUID> ids = new HashSet<>();
        ready.forEach(one -> ids.add(one.id()));
        return changed(
                member,
                known -> new Membership(
                        known.role(),
                        known.rollout(),
                        known.role() == RolloutRole.TARGET ? now : known.newestReadyAt(),
                        known.canaries().stream()
                                .map(one -> ids.contains(one.workspace()) ? passed(one, one.tried()) : one)
                                .toList()));
    }

    private static CanaryEvidence passed(CanaryEvidence one, boolean tried) {
        return new CanaryEvidence(one.workspace(), true, Optional.empty(), true, tried);
    }

    private static PresetSnapshot changed(PresetSnapshot member, UnaryOperator<Membership> change) {
        return member.with(new Service(
                member.active(), member.served(), member.membership().map(change)));
    }

    /** Canaries that are ready pass their verification. When all are, the system claims one on trial, and it goes. */
    private void judgeCanaries() {
        for (PresetSnapshot member : line.members()) {
            Optional<Canary> declared = member.rollout().canary();
            if (member.is(RolloutRole.CANARY) && declared.isPresent()) {
                change(member.id(), ImaginedLine::verified);
                tryOne(member.id(), declared.get());
            }
        }
    }

    private static PresetSnapshot verified(PresetSnapshot member) {
        return member.withCanaries(canaries(member).stream()
                .map(one -> one.ready() && one.failed().isEmpty() ? passed(one, one.tried()) : one)
                .toList());
    }

    private void tryOne(UUID preset, Canary declared) {
        PresetSnapshot member = line.members().stream()
                .filter(one -> one.id().equals(preset))
                .findFirst()
                .orElseThrow();
        List<CanaryEvidence> passed =
                canaries(member).stream().filter(CanaryEvidence::verified).toList();
        boolean due = declared.trialClaim()
                && passed.size() >= declared.instances()
                && passed.stream().noneMatch(CanaryEvidence::tried);
        if (due) {
            UUID tried = passed.getFirst().workspace();
            change(
                    preset,
                    one -> one.withCanaries(canaries(one).stream()
                            .map(canary -> canary.workspace().equals(tried) ? passed(canary, true) : canary)
                            .toList()));
            remove(preset, List.of(tried));
        }
    }

    private static List<CanaryEvidence> canaries(PresetSnapshot member) {
        return member.membership().map(Membership::canaries).orElse(List.of());
    }

    private void change(UnaryOperator<PresetSnapshot> change) {
        line = new Line(line.members().stream().map(change).toList());
    }

    private void change(UUID preset, UnaryOperator<PresetSnapshot> change) {
        change(member -> member.id().equals(preset) ? change.apply(member) : member);
    }
}
