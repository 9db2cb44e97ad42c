package dev.larder.history;

import static dev.larder.history.Tables.NEVER;

import dev.larder.history.Facts.Key;
import dev.larder.history.History.Built;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * "None in stock" is not answered while enough are there for certain.
 *
 * <p>For certain a prebuild can be claimed from the answer that told its worker that it is ready, until the first call that
 * may have claimed it, the first that may have invalidated it, the end of its time, or the instant its removal began. Others
 * may lock one for a moment and not take it in the end: those whose connection broke, those who found fewer than they
 * would take, and those who share a key with somebody at the same time. And what is ready is not for who arrives while
 * others wait. A miss that any of these may have met is not judged; of all others, one prebuild too many is enough.
 */
final class Misses {

    /** For how long the database may go on with a call whose server was killed. */
    static final long AFTERLIFE = 2_000_000_000L;

    private Misses() {}

    /** What happened to one preset. */
    private static final class Stock {
        final Instants claimableFrom = new Instants();
        final Instants claimableUntil = new Instants();
        final Instants disturbedFrom = new Instants();
        final Instants disturbedUntil = new Instants();

        /** Whether anybody else may have been in the way of this miss. */
        boolean disturbed(Event miss) {
            int itself = tooFew(miss) ? 1 : 0;
            return disturbedFrom.until(miss.answered()) - disturbedUntil.before(miss.called()) > itself;
        }

        /** How many could be claimed all the time: a lower bound. */
        int claimable(Event miss) {
            // Those that were claimable only in between are subtracted though never added.
            return claimableFrom.until(miss.called()) - claimableUntil.before(miss.answered());
        }
    }

    static void judge(History history, Facts facts, Consumer<Violation> found) {
        Map<String, Stock> stocks = stocks(history, facts);
        for (Event event : history.events()) {
            if (missed(event) && event.call() instanceof Call.Claim(var key, var request)) {
                for (String preset : request.presets()) {
                    Stock stock = stocks.getOrDefault(preset, new Stock());
                    if (!stock.disturbed(event) && stock.claimable(event) >= request.atLeast()) {
                        found.accept(new Violation.MissedWrongly(event, preset, stock.claimable(event)));
                    }
                }
            }
        }
    }

    /** How many of the misses could be judged at all: when one prebuild would have been one too many. */
    static long judged(History history) {
        Map<String, Stock> stocks = stocks(history, Facts.of(history));
        return history.events().stream()
                .filter(Misses::missed)
                .filter(event -> event.call() instanceof Call.Claim(var key, var request)
                        && request.presets().stream()
                                .noneMatch(preset ->
                                        stocks.getOrDefault(preset, new Stock()).disturbed(event)))
                .count();
    }

    /** Who waits in vain is told so as well, but looked only as long as others waited. */
    private static boolean missed(Event event) {
        return event.call() instanceof Call.Claim(var key, var request)
                && !request.waits()
                && event.answer() instanceof Answer.Refused refused
                && refused.missed();
    }

    private static Map<String, Stock> stocks(History history, Facts facts) {
        Map<String, Stock> stocks = new HashMap<>();
        history.tables().presets().forEach(preset -> stocks.put(preset.name(), new Stock()));
        addClaimable(history, facts, stocks);
        Set<Event> clashing = clashing(facts);
        for (Event event : history.events()) {
            if (event.call() instanceof Call.Claim(var key, var request)) {
                long until = disturbingUntil(
                        event, key == null ? List.of() : facts.kept(new Key(event.user(), key)), clashing);
                if (until >= 0) {
                    for (String preset : request.presets()) {
                        Stock stock = stocks.computeIfAbsent(preset, unseen -> new Stock());
                        stock.disturbedFrom.add(event.called());
                        stock.disturbedUntil.add(until);
                    }
                }
            }
        }
        return stocks;
    }

    /** Until when the call may have kept others from what it did not take; negative where it did not. */
    private static long disturbingUntil(Event event, List<Tables.Claim> kept, Set<Event> clashing) {
        long until = -1;
        if (event.answer() instanceof Answer.Unknown) {
            until = event.answered() + AFTERLIFE;
        } else if (clashing.contains(event) || tooFew(event)) {
            until = event.answered();
        }
        if (event.call() instanceof Call.Claim(var key, var request) && request.waits()) {
            until = Math.max(until, event.answered());
            for (Tables.Claim claim : kept) {
                long over = Math.min(claim.granted(), claim.ended());
                until = Math.max(until, over == NEVER ? NEVER : over + AFTERLIFE);
            }
        }
        return until;
    }

    private static boolean tooFew(Event event) {
        return event.call() instanceof Call.Claim(var key, var request)
                && request.count() > 1
                && event.answer() instanceof Answer.Refused;
    }

    /** Calls under one key that overlap: of what they pick at the same time, all but one give it back. */
    private static Set<Event> clashing(Facts facts) {
        Set<Event> clashing = new HashSet<>();
        for (List<Event> calls : facts.keyed().values()) {
            if (calls.size() > 1) {
                List<Event> ordered = new ArrayList<>(calls);
                ordered.sort(Comparator.comparingLong(Event::called));
                Event longest = ordered.getFirst();
                for (Event call : ordered.subList(1, ordered.size())) {
                    if (call.called() <= longest.answered()) {
                        clashing.add(longest);
                        clashing.add(call);
                    }
                    longest = call.answered() > longest.answered() ? call : longest;
                }
            }
        }
        return clashing;
    }

    private static void addClaimable(History history, Facts facts, Map<String, Stock> stocks) {
        Map<UUID, Long> ends = new HashMap<>();
        for (Tables.Claim claim : facts.kept()) {
            if (claim.workspace() != null) {
                // One that nobody is known to have asked for may have been taken at any time.
                ends.merge(claim.workspace(), facts.askedFor(claim), Math::min);
            }
        }
        for (Tables.Removal removal : history.tables().removals()) {
            ends.merge(removal.workspace(), removal.created() - history.toleranceNanos(), Math::min);
        }
        Map<UUID, List<Event>> invalidations = new HashMap<>();
        for (Event event : history.events()) {
            if (event.call() instanceof Call.Invalidate(var preset)) {
                invalidations
                        .computeIfAbsent(preset, unseen -> new ArrayList<>())
                        .add(event);
            }
        }
        for (Built built : history.built()) {
            Tables.Workspace workspace = facts.workspace(built.workspace());
            Tables.Preset preset = workspace == null ? null : facts.preset(workspace.preset());
            if (workspace == null || preset == null) {
                continue;
            }
            long until = ends.getOrDefault(workspace.id(), NEVER);
            if (preset.ttl() != NEVER) {
                until = Math.min(until, workspace.created() + preset.ttl() - history.toleranceNanos());
            }
            for (Event event : invalidations.getOrDefault(preset.id(), List.of())) {
                if (mayConcern(event, workspace, history.toleranceNanos())) {
                    until = Math.min(until, event.called());
                }
            }
            if (built.answered() < until) {
                Stock stock = stocks.computeIfAbsent(preset.name(), unseen -> new Stock());
                stock.claimableFrom.add(built.answered());
                stock.claimableUntil.add(until);
            }
        }
    }

    private static boolean mayConcern(Event invalidation, Tables.Workspace workspace, long tolerance) {
        return invalidation.answer() instanceof Answer.Unknown
                || invalidation.answered() > workspace.created() - tolerance;
    }
}
