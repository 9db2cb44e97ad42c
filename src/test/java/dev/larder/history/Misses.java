package dev.larder.history;

import static dev.larder.history.Tables.NEVER;

import dev.larder.history.History.Built;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * "None in stock" is not answered while enough are there.
 *
 * <p>For certain a prebuild can be claimed from the answer that told its worker that it is ready, until the first call that
 * may have claimed it, the first that may have invalidated it, the end of its time, or the instant its removal began. A
 * rival's claim may lock one for a moment and not take it in the end, which a claim that passes by cannot tell from taken:
 * each rival that may have been at it meanwhile is allowed {@link #LOCKS_PER_RIVAL} of those. So this finds no single false
 * miss on a nearly empty pool, and every one on a full pool.
 */
final class Misses {

    /** A claim tries so often at most, and locks one at a time. */
    private static final int LOCKS_PER_RIVAL = 8;

    /** For how long the database may go on with a call whose server was killed. */
    private static final long AFTERLIFE = 10_000_000_000L;

    private Misses() {}

    /** What happened to one preset, each list by time. */
    private static final class Stock {
        final Instants claimableFrom = new Instants();
        final Instants claimableUntil = new Instants();
        final Instants claimsBegan = new Instants();
        final Instants claimsEnded = new Instants();
    }

    static void judge(History history, Facts facts, Consumer<Violation> found) {
        Map<String, Stock> stocks = new HashMap<>();
        addClaimable(history, facts, stocks);
        List<Event> misses = new ArrayList<>();
        for (Event event : history.events()) {
            if (event.call() instanceof Call.Claim(var key, var request)) {
                Stock stock = stocks.computeIfAbsent(request.preset(), unseen -> new Stock());
                stock.claimsBegan.add(event.called());
                boolean unknown = event.answer() instanceof Answer.Unknown;
                stock.claimsEnded.add(unknown ? event.answered() + AFTERLIFE : event.answered());
                if (event.answer() instanceof Answer.Refused refused
                        && refused.code().equals("no_claimable_workspace")) {
                    misses.add(event);
                }
            }
        }
        for (Event miss : misses) {
            if (miss.call() instanceof Call.Claim(var key, var request)) {
                judge(miss, stocks.getOrDefault(request.preset(), new Stock()), found);
            }
        }
    }

    private static void judge(Event miss, Stock stock, Consumer<Violation> found) {
        // Those that were claimable only in between are subtracted though never added: a lower bound.
        int claimable = stock.claimableFrom.until(miss.called()) - stock.claimableUntil.before(miss.answered());
        int rivals = stock.claimsBegan.until(miss.answered()) - stock.claimsEnded.before(miss.called()) - 1;
        if (claimable > rivals * LOCKS_PER_RIVAL) {
            found.accept(new Violation.MissedWrongly(miss, claimable, rivals));
        }
    }

    private static void addClaimable(History history, Facts facts, Map<String, Stock> stocks) {
        Map<UUID, Long> ends = new HashMap<>();
        for (Tables.Claim claim : facts.kept()) {
            // One that nobody is known to have asked for may have been taken at any time.
            ends.merge(claim.workspace(), facts.askedFor(claim), Math::min);
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
