package dev.larder.history;

import static dev.larder.history.Tables.NEVER;

import dev.larder.history.Answer.Seen;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A history, found by what it is about. Made in one pass. */
final class Facts {

    /** Under which a user told one claim from another. */
    record Key(UUID user, String text) {}

    /** What the calls say about one claim. */
    static final class Known {

        final UUID claim;

        /** An answer to the call that made it, or to one under the same key; null where none arrived. */
        @Nullable
        Event granted;

        /** Null as long as no answer named one. */
        @Nullable
        UUID workspace;

        /** The answer that first showed it active: from then on, at latest, it was held. */
        long activeBy = NEVER;

        /** The answer that first showed it waiting. */
        long waitingBy = NEVER;

        /** The last call that was answered with it being active. */
        @Nullable
        Event lastActive;

        /** The last call that was answered with it waiting. */
        @Nullable
        Event lastWaiting;

        /** The first call that may have ended it. */
        long releaseCalled = NEVER;

        /** The first answer that said that it has ended. */
        long endedBy = NEVER;

        /** Calls that prolonged it, or may have. */
        List<Event> renewals = List.of();

        private Known(UUID claim) {
            this.claim = claim;
        }

        private void see(Event event, Seen seen) {
            if (event.call() instanceof Call.Claim && granted == null) {
                granted = event;
            }
            if (workspace == null) {
                workspace = seen.workspace();
            }
            if (seen.active()) {
                activeBy = Math.min(activeBy, event.answered());
                lastActive = later(lastActive, event);
            } else if (seen.waits()) {
                waitingBy = Math.min(waitingBy, event.answered());
                lastWaiting = later(lastWaiting, event);
            } else {
                endedBy = Math.min(endedBy, event.answered());
            }
        }

        private static Event later(@Nullable Event one, Event other) {
            return one == null || other.called() > one.called() ? other : one;
        }
    }

    private final Map<UUID, Known> known = new LinkedHashMap<>();
    private final Map<Key, List<Event>> keyed = new LinkedHashMap<>();
    private final Map<UUID, Long> releaseCalls = new HashMap<>();
    private final Map<UUID, Long> releaseAnswers = new HashMap<>();
    private final Map<UUID, List<Event>> renewals = new HashMap<>();
    private final Map<UUID, Tables.Claim> claims = new LinkedHashMap<>();
    private final Map<Key, List<Tables.Claim>> keptUnder = new HashMap<>();
    private final Map<UUID, Tables.Preset> presets = new HashMap<>();
    private final Map<UUID, Tables.Workspace> workspaces = new HashMap<>();

    private Facts() {}

    static Facts of(History history) {
        Facts facts = new Facts();
        history.tables().claims().forEach(facts::add);
        history.tables().presets().forEach(preset -> facts.presets.put(preset.id(), preset));
        history.tables().workspaces().forEach(workspace -> facts.workspaces.put(workspace.id(), workspace));
        history.events().forEach(facts::add);
        for (Known claim : facts.known.values()) {
            claim.releaseCalled = facts.releaseCalled(claim.claim);
            claim.endedBy = Math.min(claim.endedBy, facts.releaseAnswers.getOrDefault(claim.claim, NEVER));
            claim.renewals = facts.renewals(claim.claim);
        }
        return facts;
    }

    private void add(Tables.Claim claim) {
        claims.put(claim.id(), claim);
        if (claim.key() != null) {
            keptUnder
                    .computeIfAbsent(new Key(claim.user(), claim.key()), unseen -> new ArrayList<>(1))
                    .add(claim);
        }
    }

    private void add(Event event) {
        boolean refused = event.answer() instanceof Answer.Refused;
        switch (event.call()) {
            case Call.Claim(var key, var request) -> {
                if (key != null) {
                    keyed.computeIfAbsent(new Key(event.user(), key), unseen -> new ArrayList<>(2))
                            .add(event);
                }
            }
            case Call.Release release -> addRelease(release.claim(), event);
            case Call.Renew renew -> {
                if (!refused) {
                    renewals.computeIfAbsent(renew.claim(), unseen -> new ArrayList<>(2))
                            .add(event);
                }
            }
            case Call.Look look -> {}
            case Call.Invalidate invalidate -> {}
        }
        if (event.answer() instanceof Answer.Shown(var seen, var replayed)) {
            for (Seen one : seen) {
                known.computeIfAbsent(one.claim(), Known::new).see(event, one);
            }
        }
    }

    private void addRelease(UUID claim, Event event) {
        if (!(event.answer() instanceof Answer.Refused)) {
            releaseCalls.merge(claim, event.called(), Math::min);
        }
        if (event.answer() instanceof Answer.Done) {
            releaseAnswers.merge(claim, event.answered(), Math::min);
        }
    }

    /** Every claim that some answer showed. */
    Collection<Known> known() {
        return known.values();
    }

    @Nullable
    Known known(UUID claim) {
        return known.get(claim);
    }

    Map<Key, List<Event>> keyed() {
        return keyed;
    }

    /** The first call that may have ended this claim, whether any answer showed it or not. */
    long releaseCalled(UUID claim) {
        return releaseCalls.getOrDefault(claim, NEVER);
    }

    /** Calls that prolonged this claim, or may have. */
    List<Event> renewals(UUID claim) {
        return renewals.getOrDefault(claim, List.of());
    }

    /** Every claim in the database. */
    Collection<Tables.Claim> kept() {
        return claims.values();
    }

    /** Those of them that were made under this key. */
    List<Tables.Claim> kept(Key key) {
        return keptUnder.getOrDefault(key, List.of());
    }

    Tables.@Nullable Claim kept(UUID claim) {
        return claims.get(claim);
    }

    Tables.@Nullable Preset preset(UUID preset) {
        return presets.get(preset);
    }

    Tables.@Nullable Workspace workspace(UUID workspace) {
        return workspaces.get(workspace);
    }

    /**
     * An instant before this claim was granted: when the first call was made that may have made it, or the last that was
     * told that there is nothing under its key yet. Negative where nobody asked for it.
     */
    long askedFor(Tables.Claim claim) {
        if (claim.key() == null) {
            Known told = known.get(claim.id());
            return told == null || told.granted == null ? -1 : told.granted.called();
        }
        long first = NEVER;
        long lastRefused = -1;
        for (Event call : keyed.getOrDefault(new Key(claim.user(), claim.key()), List.of())) {
            first = Math.min(first, call.called());
            if (call.answer() instanceof Answer.Refused refused && refused.missed()) {
                lastRefused = Math.max(lastRefused, call.called());
            }
        }
        return first == NEVER ? -1 : Math.max(first, lastRefused);
    }

    /** What was asked for when this claim was made, as far as any call under its key was not refused; null where none. */
    Call.@Nullable Request request(Tables.Claim claim) {
        Known told = known.get(claim.id());
        if (told != null && told.granted != null && told.granted.call() instanceof Call.Claim(var key, var request)) {
            return request;
        }
        return null;
    }
}
