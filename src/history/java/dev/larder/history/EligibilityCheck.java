package dev.larder.history;

import static dev.larder.history.FinalState.NEVER;

import dev.larder.history.History.Built;
import dev.larder.history.HistoryIndex.ObservedClaim;
import dev.larder.history.Response.Seen;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * A workspace that is handed out from stock is ready, not expired, not invalidated at once and of a version that is
 * handed out; and it is not deleted while a claim holds it.
 */
final class EligibilityCheck {

    /** Of two instants that one server took for one statement, Postgres rounds each to the microsecond. */
    private static final long ROUNDING = 1_000_000;

    private EligibilityCheck() {}

    static void judge(History history, HistoryIndex index, Consumer<Violation> found) {
        Map<UUID, TreeMap<Long, Long>> invalidations = invalidations(history, index);
        for (FinalState.Claim claim : index.kept()) {
            if (claim.workspace() == null) {
                continue;
            }
            FinalState.Workspace workspace = index.workspace(claim.workspace());
            FinalState.Preset preset = index.preset(claim.preset());
            if (workspace == null || preset == null) {
                found.accept(new Violation.StateMismatch(claim.id(), "workspace", claim.workspace(), "none"));
            } else if (fromStock(claim)) {
                judgeAge(history, index, claim, workspace, preset, found);
                TreeMap<Long, Long> before = invalidations.getOrDefault(preset.id(), new TreeMap<>());
                judgeInvalidated(history, index, claim, workspace, before, found);
                judgeVersion(history, index, claim, workspace, found);
            }
        }
        judgeReady(history, index, found);
        judgeRemoved(history, index, found);
    }

    private static boolean fromStock(FinalState.Claim claim) {
        return !claim.path().equals("cold");
    }

    private static void judgeAge(
            History history,
            HistoryIndex index,
            FinalState.Claim claim,
            FinalState.Workspace workspace,
            FinalState.Preset preset,
            Consumer<Violation> found) {
        if (preset.ttl() == NEVER) {
            return;
        }
        long expires = workspace.created() + preset.ttl();
        if (claim.granted() > expires + ROUNDING || index.askedFor(claim) > expires + history.toleranceNanos()) {
            found.accept(new Violation.HandedOutIneligible(claim.id(), workspace.id(), "expired"));
        }
    }

    /** By preset, by the instant they were acknowledged: the latest call among those acknowledged until then. */
    private static Map<UUID, TreeMap<Long, Long>> invalidations(History history, HistoryIndex index) {
        Map<UUID, TreeMap<Long, Long>> invalidations = new HashMap<>();
        for (Operation operation : history.operations()) {
            if (operation.request() instanceof Request.Invalidate(var preset, var immediately)
                    && immediately
                    && operation.response() instanceof Response.Done) {
                for (UUID concerned : concerned(preset, operation, history, index)) {
                    var before = invalidations
                            .computeIfAbsent(concerned, unseen -> new TreeMap<>())
                            .merge(operation.received(), operation.sent(), Math::max);
                }
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

    /** The preset, and those of its line that were handed out beside it all the time: they were of one rollout. */
    private static List<UUID> concerned(UUID preset, Operation operation, History history, HistoryIndex index) {
        if (!index.serving().surelyServed(preset, operation.sent(), operation.received())) {
            return List.of(preset);
        }
        return history.finalState().presets().stream()
                .filter(other -> other.name().equals(index.line(preset)))
                .map(FinalState.Preset::id)
                .filter(other -> index.serving().surelyServed(other, operation.sent(), operation.received()))
                .toList();
    }

    private static void judgeInvalidated(
            History history,
            HistoryIndex index,
            FinalState.Claim claim,
            FinalState.Workspace workspace,
            TreeMap<Long, Long> invalidations,
            Consumer<Violation> found) {
        Map.Entry<Long, Long> before = invalidations.lowerEntry(index.askedFor(claim));
        if (before != null && workspace.created() < before.getValue() - history.toleranceNanos()) {
            found.accept(new Violation.HandedOutIneligible(claim.id(), workspace.id(), "invalidated"));
        }
    }

    /** A server reads the clock before its statement sees which version is handed out. */
    private static void judgeVersion(
            History history,
            HistoryIndex index,
            FinalState.Claim claim,
            FinalState.Workspace workspace,
            Consumer<Violation> found) {
        ObservedClaim known = index.known(claim.id());
        long first = Math.max(index.askedFor(claim), claim.granted() - history.toleranceNanos());
        long last = known == null ? NEVER : known.activeBy;
        if (!index.serving().mayHaveServed(workspace.preset(), first, last)) {
            found.accept(new Violation.HandedOutIneligible(claim.id(), workspace.id(), "its version was not served"));
        }
    }

    private static void judgeReady(History history, HistoryIndex index, Consumer<Violation> found) {
        Map<UUID, Long> builtFrom = new HashMap<>();
        for (Built built : history.built()) {
            builtFrom.merge(built.workspace(), built.sent(), Math::min);
        }
        for (ObservedClaim claim : index.known()) {
            FinalState.Claim kept = index.kept(claim.claim);
            if (claim.workspace != null && kept != null && fromStock(kept)) {
                // Where the worker was not told that it holds, nobody can say when it began to.
                long readyFrom = builtFrom.getOrDefault(claim.workspace, Long.MIN_VALUE);
                if (claim.activeBy < readyFrom) {
                    found.accept(new Violation.HandedOutIneligible(claim.claim, claim.workspace, "not ready"));
                }
            }
        }
    }

    /** A claimed workspace never goes back to the pool, so the reconciler has nothing to remove it for, ever. */
    private static void judgeRemoved(History history, HistoryIndex index, Consumer<Violation> found) {
        Map<UUID, List<FinalState.Claim>> claimed = new HashMap<>();
        for (FinalState.Claim claim : index.kept()) {
            if (claim.workspace() != null) {
                claimed.computeIfAbsent(claim.workspace(), unseen -> new ArrayList<>(1))
                        .add(claim);
            }
        }
        Set<UUID> removed = new HashSet<>();
        for (FinalState.Removal removal : history.finalState().removals()) {
            List<FinalState.Claim> claims = claimed.getOrDefault(removal.workspace(), List.of());
            boolean held = claims.stream().anyMatch(FinalState.Claim::lasts);
            if ((held || (removal.bySystem() && !claims.isEmpty())) && removed.add(removal.workspace())) {
                found.accept(new Violation.RemovedWhileHeld(removal.workspace(), removal.reason()));
            }
        }
        for (Operation operation : history.operations()) {
            if (operation.response() instanceof Response.Shown(var claims, var replayed)) {
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
