package dev.larder.history;

import static dev.larder.history.FinalState.NEVER;

import dev.larder.history.History.Built;
import dev.larder.history.HistoryIndex.Key;
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
 * "None in stock" is not answered while enough prebuilds can be claimed for certain.
 *
 * <p>A prebuild can be claimed for certain from the response that told its worker that it is ready until the first
 * of: a request that may have claimed it, a request that may have invalidated it at once, the end of its time to live,
 * the start of its removal; and only as long as its version was handed out for certain.
 *
 * <p>Some requests may lock a prebuild for a moment without taking it: a request whose connection broke, a batch that
 * found fewer than it accepts, and concurrent requests with the same key. A client that arrives may also not take a
 * prebuild while earlier claims wait. A miss that overlaps with any of these is not judged. For every other miss one
 * claimable prebuild is a violation.
 */
final class AvailabilityCheck {

    /** For how long the database may go on with a call whose server was killed. */
    static final long AFTERLIFE = 2_000_000_000L;

    private AvailabilityCheck() {}

    /** What happened to one line of presets. */
    private static final class Stock {
        final Instants claimableFrom = new Instants();
        final Instants claimableUntil = new Instants();
        final Instants disturbedFrom = new Instants();
        final Instants disturbedUntil = new Instants();

        /** Whether anybody else may have been in the way of this miss. */
        boolean disturbed(Operation miss) {
            int itself = tooFew(miss) ? 1 : 0;
            return disturbedFrom.until(miss.received()) - disturbedUntil.before(miss.sent()) > itself;
        }

        /** How many could be claimed all the time: a lower bound. */
        int claimable(Operation miss) {
            // Those that were claimable only in between are subtracted though never added.
            return claimableFrom.until(miss.sent()) - claimableUntil.before(miss.received());
        }
    }

    static void judge(History history, HistoryIndex index, Consumer<Violation> found) {
        Map<String, Stock> stocks = stocks(history, index);
        for (Operation operation : history.operations()) {
            if (missed(operation) && operation.request() instanceof Request.Claim(var key, var body)) {
                for (String preset : body.presets()) {
                    Stock stock = stocks.getOrDefault(index.line(body, preset), new Stock());
                    if (!stock.disturbed(operation) && stock.claimable(operation) >= body.atLeast()) {
                        found.accept(new Violation.FalseOutOfStock(operation, preset, stock.claimable(operation)));
                    }
                }
            }
        }
    }

    /** How many of the misses could be judged at all: when one prebuild would have been one too many. */
    static long judged(History history) {
        HistoryIndex index = HistoryIndex.of(history);
        Map<String, Stock> stocks = stocks(history, index);
        return history.operations().stream()
                .filter(AvailabilityCheck::missed)
                .filter(operation -> operation.request() instanceof Request.Claim(var key, var body)
                        && body.presets().stream()
                                .noneMatch(preset -> stocks.getOrDefault(index.line(body, preset), new Stock())
                                        .disturbed(operation)))
                .count();
    }

    /** Who waits in vain is told so as well, but looked only as long as others waited. */
    private static boolean missed(Operation operation) {
        return operation.request() instanceof Request.Claim(var key, var body)
                && !body.waits()
                && operation.response() instanceof Response.Refused refused
                && refused.missed();
    }

    private static Map<String, Stock> stocks(History history, HistoryIndex index) {
        Map<String, Stock> stocks = new HashMap<>();
        history.finalState().presets().forEach(preset -> stocks.put(preset.name(), new Stock()));
        addClaimable(history, index, stocks);
        Set<Operation> clashing = clashing(index);
        for (Operation operation : history.operations()) {
            if (operation.request() instanceof Request.Claim(var key, var body)) {
                long until = disturbingUntil(
                        operation, key == null ? List.of() : index.kept(new Key(operation.user(), key)), clashing);
                if (until >= 0) {
                    for (String preset : body.presets()) {
                        Stock stock = stocks.computeIfAbsent(index.line(body, preset), unseen -> new Stock());
                        stock.disturbedFrom.add(operation.sent());
                        stock.disturbedUntil.add(until);
                    }
                }
            }
        }
        return stocks;
    }

    /** Until when the call may have kept others from what it did not take; negative where it did not. */
    private static long disturbingUntil(Operation operation, List<FinalState.Claim> kept, Set<Operation> clashing) {
        long until = -1;
        if (operation.response() instanceof Response.Unknown) {
            until = operation.received() + AFTERLIFE;
        } else if (clashing.contains(operation) || tooFew(operation)) {
            until = operation.received();
        }
        if (operation.request() instanceof Request.Claim(var key, var body) && body.waits()) {
            until = Math.max(until, operation.received());
            for (FinalState.Claim claim : kept) {
                // A warm one was served from stock at once, and never waited.
                if (!claim.path().equals("warm")) {
                    long over = Math.min(claim.granted(), claim.ended());
                    until = Math.max(until, over == NEVER ? NEVER : over + AFTERLIFE);
                }
            }
        }
        return until;
    }

    private static boolean tooFew(Operation operation) {
        return operation.request() instanceof Request.Claim(var key, var body)
                && body.count() > 1
                && operation.response() instanceof Response.Refused;
    }

    /** Calls under one key that overlap: of what they pick at the same time, all but one give it back. */
    private static Set<Operation> clashing(HistoryIndex index) {
        Set<Operation> clashing = new HashSet<>();
        for (List<Operation> calls : index.keyed().values()) {
            if (calls.size() > 1) {
                List<Operation> ordered = new ArrayList<>(calls);
                ordered.sort(Comparator.comparingLong(Operation::sent));
                Operation longest = ordered.getFirst();
                for (Operation call : ordered.subList(1, ordered.size())) {
                    if (call.sent() <= longest.received()) {
                        clashing.add(longest);
                        clashing.add(call);
                    }
                    longest = call.received() > longest.received() ? call : longest;
                }
            }
        }
        return clashing;
    }

    private static void addClaimable(History history, HistoryIndex index, Map<String, Stock> stocks) {
        Map<UUID, Long> ends = new HashMap<>();
        for (FinalState.Claim claim : index.kept()) {
            if (claim.workspace() != null) {
                // One that nobody is known to have asked for may have been taken at any time.
                ends.merge(claim.workspace(), index.askedFor(claim), Math::min);
            }
        }
        for (FinalState.Removal removal : history.finalState().removals()) {
            ends.merge(removal.workspace(), removal.created() - history.toleranceNanos(), Math::min);
        }
        // What is invalidated is the preset's, and that of the others of its rollout.
        Map<String, List<Operation>> invalidations = new HashMap<>();
        for (Operation operation : history.operations()) {
            if (operation.request() instanceof Request.Invalidate(var preset, var immediately) && immediately) {
                invalidations
                        .computeIfAbsent(index.line(preset), unseen -> new ArrayList<>())
                        .add(operation);
            }
        }
        for (Built built : history.built()) {
            FinalState.Workspace workspace = index.workspace(built.workspace());
            FinalState.Preset preset = workspace == null ? null : index.preset(workspace.preset());
            if (workspace == null || preset == null) {
                continue;
            }
            long until = ends.getOrDefault(workspace.id(), NEVER);
            if (preset.ttl() != NEVER) {
                until = Math.min(until, workspace.created() + preset.ttl() - history.toleranceNanos());
            }
            for (Operation operation : invalidations.getOrDefault(preset.name(), List.of())) {
                if (mayConcern(operation, workspace, history.toleranceNanos())) {
                    until = Math.min(until, operation.sent());
                }
            }
            Stock stock = stocks.computeIfAbsent(preset.name(), unseen -> new Stock());
            for (Serving.Period period : index.serving().periods(preset.id())) {
                long from = Math.max(built.received(), period.from().latest());
                long last = Math.min(until, period.until().earliest());
                if (from < last) {
                    stock.claimableFrom.add(from);
                    stock.claimableUntil.add(last);
                }
            }
        }
    }

    private static boolean mayConcern(Operation invalidation, FinalState.Workspace workspace, long tolerance) {
        return invalidation.response() instanceof Response.Unknown
                || invalidation.received() > workspace.created() - tolerance;
    }
}
