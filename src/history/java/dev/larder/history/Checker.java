package dev.larder.history;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Decides whether a history can be true. Where a history is uncertain (a broken connection, two instants that are too
 * close), the checker assumes what is best for Larder, so that every violation it reports is real. {@code CheckerTest}
 * shows with planted faults how little it misses.
 *
 * <p>Time and memory are proportional to the size of the history, apart from sorting.
 */
public final class Checker {

    private interface Rule {
        void judge(History history, HistoryIndex index, Consumer<Violation> found);
    }

    private static final List<Rule> RULES = List.of(
            ResponseCheck::judge,
            ExclusivityCheck::judge,
            DurabilityCheck::judge,
            IdempotencyCheck::judge,
            ClaimEndCheck::judge,
            LeaseCheck::judge,
            EligibilityCheck::judge,
            PoolSizeCheck::judge,
            FairnessCheck::judge,
            AvailabilityCheck::judge,
            RolloutCheck::judge);

    private Checker() {}

    /** Returns every violation of a promise; an empty list for a history that can be true. */
    public static List<Violation> judge(History history) {
        List<Violation> found = new ArrayList<>();
        HistoryIndex index = HistoryIndex.of(history);
        RULES.forEach(rule -> rule.judge(history, index, found::add));
        return List.copyOf(found);
    }

    /** How many misses could be judged: another client may have been in the way of the others. */
    public static long judgedMisses(History history) {
        return AvailabilityCheck.judged(history);
    }
}
