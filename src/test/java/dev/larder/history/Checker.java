package dev.larder.history;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Judges whether a history can be true. What is uncertain, such as a call whose connection broke or two instants that are
 * too close, is always read in Larder's favour, so that every violation is one; how little is missed for that,
 * {@code CheckerTest} shows with planted faults.
 *
 * <p>Takes time and memory in proportion to the history, but for some sorting.
 */
public final class Checker {

    private interface Rule {
        void judge(History history, Facts facts, Consumer<Violation> found);
    }

    private static final List<Rule> RULES = List.of(
            Answers::judge,
            Holds::judge,
            Records::judge,
            Keys::judge,
            Ends::judge,
            Leases::judge,
            Fitness::judge,
            Pools::judge,
            Turns::judge,
            Misses::judge);

    private Checker() {}

    /** Everything in it that breaks a promise; empty for a history that can be true. */
    public static List<Violation> judge(History history) {
        List<Violation> found = new ArrayList<>();
        Facts facts = Facts.of(history);
        RULES.forEach(rule -> rule.judge(history, facts, found::add));
        return List.copyOf(found);
    }
}
