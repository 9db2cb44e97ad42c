package dev.larder.history;

import static dev.larder.history.FinalState.NEVER;

import dev.larder.history.Response.Seen;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A history, indexed by claim, key and workspace. Built in one pass. */
final class HistoryIndex {

    /** Under which a user told one claim from another. */
    record Key(UUID user, String text) {}

    /** What the calls say about one claim. */
    static final class ObservedClaim {

        final UUID claim;

        /** An answer to the call that made it, or to one under the same key; null where none arrived. */
        @Nullable
        Operation granted;

        /** Null as long as no answer named one. */
        @Nullable
        UUID workspace;

        /** The answer that first showed it active: from then on, at latest, it was held. */
        long activeBy = NEVER;

        /** The answer that first showed it waiting. */
        long waitingBy = NEVER;

        /** The last call that was answered with it being active. */
        @Nullable
        Operation lastActive;

        /** The last call that was answered with it waiting. */
        @Nullable
        Operation lastWaiting;

        /** The first call that may have ended it. */
        long releaseCalled = NEVER;

        /** The first answer that said that it has ended. */
        long endedBy = NEVER;

        /** Calls that prolonged it, or may have. */
        List<Operation> renewals = List.of();

        private ObservedClaim(UUID claim) {
            this.claim = claim;
        }

        private void see(Operation operation, Seen seen) {
            if (operation.request() instanceof Request.Claim && granted == null) {
                granted = operation;
            }
            if (workspace == null) {
                workspace = seen.workspace();
            }
            if (seen.active()) {
                activeBy = Math.min(activeBy, operation.received());
                lastActive = later(lastActive, operation);
            } else if (seen.waits()) {
                waitingBy = Math.min(waitingBy, operation.received());
                lastWaiting = later(lastWaiting, operation);
            } else {
                endedBy = Math.min(endedBy, operation.received());
            }
        }

        private static Operation later(@Nullable Operation one, Operation other) {
            return one == null || other.sent() > one.sent() ? other : one;
        }
    }

    private final Map<UUID, ObservedClaim> known = new LinkedHashMap<>();
    private final Map<Key, List<Operation>> keyed = new LinkedHashMap<>();
    private final Map<UUID, Long> releaseCalls = new HashMap<>();
    private final Map<UUID, Long> releaseAnswers = new HashMap<>();
    private final Map<UUID, List<Operation>> renewals = new HashMap<>();
    private final Map<UUID, FinalState.Claim> claims = new LinkedHashMap<>();
    private final Map<Key, List<FinalState.Claim>> keptUnder = new HashMap<>();
    private final Map<UUID, FinalState.Preset> presets = new HashMap<>();
    private final Map<UUID, FinalState.Workspace> workspaces = new HashMap<>();

    private final Map<UUID, Long> rollouts = new HashMap<>();
    private final Serving serving;

    private HistoryIndex(Serving serving) {
        this.serving = serving;
    }

    static HistoryIndex of(History history) {
        HistoryIndex index = new HistoryIndex(Serving.of(history));
        history.finalState().claims().forEach(index::add);
        history.finalState().presets().forEach(preset -> index.presets.put(preset.id(), preset));
        history.finalState().workspaces().forEach(workspace -> index.workspaces.put(workspace.id(), workspace));
        history.finalState()
                .rollouts()
                .forEach(one -> index.rollouts.put(one.id(), one.ended() - history.toleranceNanos()));
        history.operations().forEach(index::add);
        for (ObservedClaim claim : index.known.values()) {
            claim.releaseCalled = index.releaseCalled(claim.claim);
            claim.endedBy = Math.min(claim.endedBy, index.releaseAnswers.getOrDefault(claim.claim, NEVER));
            claim.renewals = index.renewals(claim.claim);
        }
        return index;
    }

    private void add(FinalState.Claim claim) {
        claims.put(claim.id(), claim);
        if (claim.key() != null) {
            keptUnder
                    .computeIfAbsent(new Key(claim.user(), claim.key()), unseen -> new ArrayList<>(1))
                    .add(claim);
        }
    }

    private void add(Operation operation) {
        boolean refused = operation.response() instanceof Response.Refused;
        switch (operation.request()) {
            case Request.Claim(var key, var body) -> {
                if (key != null) {
                    keyed.computeIfAbsent(new Key(operation.user(), key), unseen -> new ArrayList<>(2))
                            .add(operation);
                }
            }
            case Request.Release release -> addRelease(release.claim(), operation);
            case Request.Renew renew -> {
                if (!refused) {
                    renewals.computeIfAbsent(renew.claim(), unseen -> new ArrayList<>(2))
                            .add(operation);
                }
            }
            case Request.Read look -> {}
            case Request.Invalidate invalidate -> {}
            case Request.Declare declare -> {}
            case Request.RollBack rollBack -> {}
        }
        if (operation.response() instanceof Response.Shown(var seen, var replayed)) {
            for (Seen one : seen) {
                known.computeIfAbsent(one.claim(), ObservedClaim::new).see(operation, one);
            }
        }
    }

    private void addRelease(UUID claim, Operation operation) {
        if (!(operation.response() instanceof Response.Refused)) {
            releaseCalls.merge(claim, operation.sent(), Math::min);
        }
        if (operation.response() instanceof Response.Done) {
            releaseAnswers.merge(claim, operation.received(), Math::min);
        }
    }

    /** Every claim that some answer showed. */
    Collection<ObservedClaim> known() {
        return known.values();
    }

    @Nullable
    ObservedClaim known(UUID claim) {
        return known.get(claim);
    }

    Map<Key, List<Operation>> keyed() {
        return keyed;
    }

    /** The first call that may have ended this claim, whether any answer showed it or not. */
    long releaseCalled(UUID claim) {
        return releaseCalls.getOrDefault(claim, NEVER);
    }

    /** Calls that prolonged this claim, or may have. */
    List<Operation> renewals(UUID claim) {
        return renewals.getOrDefault(claim, List.of());
    }

    /** Every claim in the database. */
    Collection<FinalState.Claim> kept() {
        return claims.values();
    }

    /** Those of them that were made under this key. */
    List<FinalState.Claim> kept(Key key) {
        return keptUnder.getOrDefault(key, List.of());
    }

    FinalState.@Nullable Claim kept(UUID claim) {
        return claims.get(claim);
    }

    FinalState.@Nullable Preset preset(UUID preset) {
        return presets.get(preset);
    }

    /** Whether the rollout may have ended until then. */
    boolean mayHaveEnded(UUID rollout, long by) {
        return rollouts.getOrDefault(rollout, NEVER) <= by;
    }

    /** When which version was handed out. */
    Serving serving() {
        return serving;
    }

    /** The name of the line that a claim means by a name or by a preset's id; the same text where there is none. */
    String line(Request.ClaimBody body, String nameOrId) {
        if (!body.byId()) {
            return nameOrId;
        }
        return line(UUID.fromString(nameOrId));
    }

    /** The name of the preset's line. */
    String line(UUID preset) {
        FinalState.Preset found = presets.get(preset);
        return found == null ? preset.toString() : found.name();
    }

    FinalState.@Nullable Workspace workspace(UUID workspace) {
        return workspaces.get(workspace);
    }

    /**
     * An instant before this claim was granted: when the first call was made that may have made it, or the last
     * that was told that there is nothing under its key yet. Negative where nobody asked for it.
     */
    long askedFor(FinalState.Claim claim) {
        if (claim.key() == null) {
            ObservedClaim told = known.get(claim.id());
            return told == null || told.granted == null ? -1 : told.granted.sent();
        }
        long first = NEVER;
        long lastRefused = -1;
        for (Operation call : keyed.getOrDefault(new Key(claim.user(), claim.key()), List.of())) {
            first = Math.min(first, call.sent());
            if (call.response() instanceof Response.Refused refused && refused.missed()) {
                lastRefused = Math.max(lastRefused, call.sent());
            }
        }
        return first == NEVER ? -1 : Math.max(first, lastRefused);
    }

    /**
     * What was asked for when this claim was made, as far as any call under its key was not refused; null where
     * none.
     */
    Request.@Nullable ClaimBody claimBody(FinalState.Claim claim) {
        ObservedClaim told = known.get(claim.id());
        if (told != null
                && told.granted != null
                && told.granted.request() instanceof Request.Claim(var key, var body)) {
            return body;
        }
        return null;
    }
}
