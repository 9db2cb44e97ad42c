package dev.larder.history;

import static dev.larder.history.Tables.NEVER;

import dev.larder.history.Answer.Seen;
import dev.larder.history.Facts.Known;
import dev.larder.history.History.Built;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Consumer;

/** What is handed out from stock is ready, not expired, not invalidated, and stays as long as it is held. */
final class Fitness {

    /** Of two instants that one server took for one statement, Postgres rounds each to the microsecond. */
    private static final long ROUNDING = 1_000_000;

    private Fitness() {}

    static void judge(History history, Facts facts, Consumer<Violation> found) {
        Map<UUID, TreeMap<Long, Long>> invalidations = invalidations(history);
        for (Tables.Claim claim : facts.kept()) {
            if (claim.workspace() == null) {
                continue;
            }
            Tables.Workspace workspace = facts.workspace(claim.workspace());
            Tables.Preset preset = facts.preset(claim.preset());
            if (workspace == null || preset == null) {
                found.accept(new Violation.ToldOtherwise(claim.id(), "workspace", claim.workspace(), "none"));
            } else if (fromStock(claim)) {
                judgeAge(history, facts, claim, workspace, preset, found);
                TreeMap<Long, Long> before = invalidations.getOrDefault(preset.id(), new TreeMap<>());
                judgeInvalidated(history, facts, claim, workspace, before, found);
            }
        }
        judgeReady(history, facts, found);
        judgeRemoved(history, facts, found);
    }

    private static boolean fromStock(Tables.Claim claim) {
        return !claim.path().equals("cold");
    }

    private static void judgeAge(
            History history,
            Facts facts,
            Tables.Claim claim,
            Tables.Workspace workspace,
            Tables.Preset preset,
            Consumer<Violation> found) {
        if (preset.ttl() == NEVER) {
            return;
        }
        long expires = workspace.created() + preset.ttl();
        if (claim.granted() > expires + ROUNDING || facts.askedFor(claim) > expires + history.toleranceNanos()) {
            found.accept(new Violation.HandedOutUnfit(claim.id(), workspace.id(), "expired"));
        }
    }

    /** By preset, by the instant they were acknowledged: the latest call among those acknowledged until then. */
    private static Map<UUID, TreeMap<Long, Long>> invalidations(History history) {
        Map<UUID, TreeMap<Long, Long>> invalidations = new HashMap<>();
        for (Event event : history.events()) {
            if (event.call() instanceof Call.Invalidate(var preset) && event.answer() instanceof Answer.Done) {
                var before = invalidations
                        .computeIfAbsent(preset, unseen -> new TreeMap<>())
                        .merge(event.answered(), event.called(), Math::max);
            }
        }
        for (TreeMap<Long, Long> calls : invalidations.values()) {
            long latest = Long.MIN_VALUE;
            for (Map.Entry<Long, Long> call : calls.entrySet()) {
                latest = Math.max(latest, call.getValue());
                call.setValue(latest);
            }
        }
        return invalidations;
    }

    private static void judgeInvalidated(
            History history,
            Facts facts,
            Tables.Claim claim,
            Tables.Workspace workspace,
            TreeMap<Long, Long> invalidations,
            Consumer<Violation> found) {
        Map.Entry<Long, Long> before = invalidations.lowerEntry(facts.askedFor(claim));
        if (before != null && workspace.created() < before.getValue() - history.toleranceNanos()) {
            found.accept(new Violation.HandedOutUnfit(claim.id(), workspace.id(), "invalidated"));
        }
    }

    private static void judgeReady(History history, Facts facts, Consumer<Violation> found) {
        Map<UUID, Long> builtFrom = new HashMap<>();
        for (Built built : history.built()) {
            builtFrom.merge(built.workspace(), built.called(), Math::min);
        }
        for (Known claim : facts.known()) {
            Tables.Claim kept = facts.kept(claim.claim);
            if (claim.workspace != null && kept != null && fromStock(kept)) {
                // Where the worker was not told that it holds, nobody can say when it began to.
                long readyFrom = builtFrom.getOrDefault(claim.workspace, Long.MIN_VALUE);
                if (claim.activeBy < readyFrom) {
                    found.accept(new Violation.HandedOutUnfit(claim.claim, claim.workspace, "not ready"));
                }
            }
        }
    }

    /** A claimed workspace never goes back to the pool, so the reconciler has nothing to remove it for, ever. */
    private static void judgeRemoved(History history, Facts facts, Consumer<Violation> found) {
        Map<UUID, List<Tables.Claim>> claimed = new HashMap<>();
        for (Tables.Claim claim : facts.kept()) {
            if (claim.workspace() != null) {
                claimed.computeIfAbsent(claim.workspace(), unseen -> new ArrayList<>(1))
                        .add(claim);
            }
        }
        Set<UUID> removed = new HashSet<>();
        for (Tables.Removal removal : history.tables().removals()) {
            List<Tables.Claim> claims = claimed.getOrDefault(removal.workspace(), List.of());
            boolean held = claims.stream().anyMatch(Tables.Claim::lasts);
            if ((held || (removal.bySystem() && !claims.isEmpty())) && removed.add(removal.workspace())) {
                found.accept(new Violation.RemovedWhileHeld(removal.workspace(), removal.reason()));
            }
        }
        for (Event event : history.events()) {
            if (event.answer() instanceof Answer.Shown(var claims, var replayed)) {
                for (Seen seen : claims) {
                    UUID workspace = seen.workspace();
                    if (workspace != null && seen.active() && gone(seen) && removed.add(workspace)) {
                        found.accept(new Violation.RemovedWhileHeld(workspace, "seen " + seen.workspaceStatus()));
                    }
                }
            }
        }
    }

    private static boolean gone(Seen seen) {
        return seen.workspaceStatus().startsWith("delete")
                || seen.workspaceStatus().startsWith("stop");
    }
}
