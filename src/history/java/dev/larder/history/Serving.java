package dev.larder.history;

import static dev.larder.history.FinalState.NEVER;

import dev.larder.history.FinalState.Rollout;
import dev.larder.history.History.Reached;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/**
 * When the presets of each line were handed out, by what is known of the line's rollouts.
 *
 * <ul>
 *   <li>A new version is handed out from the instant on at which its rollout progresses: at once, or after its canary.
 *   <li>The versions before are handed out until a rollout is done.
 *   <li>A version that is rolled back is not handed out any more. Nothing changes where a rollout is superseded.
 * </ul>
 *
 * A preset that no rollout led to is handed out from the beginning.
 */
final class Serving {

    /** An instant that is known to lie between two others. */
    record Around(long earliest, long latest) {

        private static final Around THE_BEGINNING = new Around(Long.MIN_VALUE, Long.MIN_VALUE);
        private static final Around NOT_YET = new Around(NEVER, NEVER);

        /** Whether it may lie in this span of time. */
        boolean mayBeIn(long from, long until) {
            return earliest <= until && latest >= from;
        }
    }

    /** In which a preset was handed out. */
    record Period(Around from, Around until) {

        /** Whether it was handed out at some instant of this span, if all that is uncertain was in its favour. */
        boolean mayTouch(long first, long last) {
            return from.earliest() <= last && until.latest() >= first;
        }

        /** Whether it was handed out all the time, even if all that is uncertain was against it. */
        boolean surelyCovers(long first, long last) {
            return from.latest() <= first && until.earliest() >= last;
        }
    }

    private final Map<UUID, List<Period>> periods = new HashMap<>();
    private final Map<String, List<Around>> ends = new HashMap<>();
    private final Map<String, Around> instants;
    private final long tolerance;

    private Serving(Map<String, Around> instants, long tolerance) {
        this.instants = instants;
        this.tolerance = tolerance;
    }

    static Serving of(History history) {
        Serving serving = new Serving(seen(history), history.toleranceNanos());
        Map<String, List<Rollout>> lines = new HashMap<>();
        history.finalState().presets().forEach(preset -> lines.put(preset.name(), new ArrayList<>()));
        for (Rollout rollout : history.finalState().rollouts()) {
            lines.computeIfAbsent(rollout.line(), unseen -> new ArrayList<>()).add(rollout);
        }
        lines.forEach((line, rollouts) -> serving.read(history.finalState(), line, rollouts));
        return serving;
    }

    /** By rollout and state: what the samples and the answers say. */
    private static Map<String, Around> seen(History history) {
        Map<String, Around> seen = new HashMap<>();
        for (Reached one : history.reached()) {
            seen.put(one.rollout() + one.state(), new Around(one.after(), one.by()));
        }
        for (Operation operation : history.operations()) {
            if (operation.request() instanceof Request.RollBack(var rollout)
                    && operation.response() instanceof Response.Done) {
                seen.merge(
                        rollout + "rolled_back",
                        new Around(operation.sent(), operation.received()),
                        (one, other) -> new Around(one.earliest(), Math.min(one.latest(), other.latest())));
            }
        }
        return seen;
    }

    /** When the step was taken. A later one that was seen shows that it was taken by then. */
    private Around when(Rollout rollout, int step) {
        long at = rollout.steps().get(step).at();
        long earliest = at - tolerance;
        long latest = at + tolerance + AvailabilityCheck.AFTERLIFE;
        for (int later = step; later < rollout.steps().size(); later++) {
            Around seen = instants.get(rollout.id() + rollout.steps().get(later).state());
            if (seen != null) {
                earliest = later == step ? Math.max(earliest, seen.earliest()) : earliest;
                latest = Math.min(latest, seen.latest());
            }
        }
        return new Around(Math.min(earliest, latest), latest);
    }

    private void read(FinalState state, String line, List<Rollout> rollouts) {
        List<Rollout> promotions = rollouts.stream()
                .filter(Rollout::promotes)
                .sorted(Comparator.comparingLong(Rollout::created))
                .toList();
        Set<UUID> promoted = new HashSet<>();
        promotions.forEach(rollout -> promoted.add(rollout.to()));
        Map<UUID, Around> served = new HashMap<>();
        for (FinalState.Preset preset : state.presets()) {
            if (preset.name().equals(line) && !promoted.contains(preset.id())) {
                served.put(preset.id(), Around.THE_BEGINNING);
            }
        }
        for (int number = 0; number < promotions.size(); number++) {
            Rollout rollout = promotions.get(number);
            boolean followed =
                    number + 1 < promotions.size() && promotions.get(number + 1).created() == rollout.ended();
            for (int step = 0; step < rollout.steps().size(); step++) {
                Around at = when(rollout, step);
                Set<UUID> before = Set.copyOf(served.keySet());
                apply(rollout, rollout.steps().get(step).state(), at, followed, served);
                if (!served.keySet().containsAll(before)) {
                    ends.computeIfAbsent(line, unseen -> new ArrayList<>()).add(at);
                }
            }
        }
        for (UUID preset : List.copyOf(served.keySet())) {
            end(preset, Around.NOT_YET, served);
        }
    }

    private void apply(Rollout rollout, String state, Around at, boolean followed, Map<UUID, Around> served) {
        switch (state) {
            case "progressing" -> served.putIfAbsent(rollout.to(), at);
            case "done" -> endAllBut(rollout.to(), at, served);
            case "rolled_back" -> {
                end(rollout.to(), at, served);
                if (!followed && rollout.from() != null) {
                    endAllBut(rollout.from(), at, served);
                }
            }
            case "superseded" -> {
                if (!followed) {
                    // What a promotion without a rollout leaves is not known.
                    endAllBut(rollout.to(), new Around(at.earliest(), NEVER), served);
                }
            }
            default -> {}
        }
    }

    private void endAllBut(UUID kept, Around at, Map<UUID, Around> served) {
        for (UUID preset : List.copyOf(served.keySet())) {
            if (!preset.equals(kept)) {
                end(preset, at, served);
            }
        }
    }

    private void end(UUID preset, Around at, Map<UUID, Around> served) {
        Around from = served.remove(preset);
        if (from != null) {
            periods.computeIfAbsent(preset, unseen -> new ArrayList<>(1)).add(new Period(from, at));
        }
    }

    /** In which the preset was handed out. */
    List<Period> periods(UUID preset) {
        return periods.getOrDefault(preset, List.of());
    }

    boolean mayHaveServed(UUID preset, long first, long last) {
        return periods(preset).stream().anyMatch(period -> period.mayTouch(first, last));
    }

    boolean surelyServed(UUID preset, long first, long last) {
        return periods(preset).stream().anyMatch(period -> period.surelyCovers(first, last));
    }

    /** Whether versions of the line may have ceased to be handed out at two instants of this span, or at more. */
    boolean mayHaveEndedTwice(String line, long first, long last) {
        return ends.getOrDefault(line, List.of()).stream()
                        .filter(end -> end.mayBeIn(first, last))
                        .count()
                >= 2;
    }
}
