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
        /** The call that made it, where its answer arrived; any call under the same key. */
        @Nullable
        Event granted;
        /** Its earliest acknowledgement. */
        final Event first;
        /** Null as long as no answer named one. */
        @Nullable
        UUID workspace;

        /** The answer that first showed it active: from then on, at latest, it was held. */
        long activeBy = NEVER;
        /** The last call that was answered with it being active. */
        @Nullable
        Event lastActive;
        /** The first call that may have ended it. */
        long releaseCalled = NEVER;
        /** The first answer that said that it has ended. */
        long endedBy = NEVER;

        private Known(Event first, Seen seen) {
            this.claim = seen.claim();
            this.first = first;
        }

        private void see(Event event, Seen seen) {
            if (event.call() instanceof Call.Claim && granted == null) {
                granted = event;
            }
            if (workspace == null) {
                workspace = seen.workspace();
            }
            if (!seen.active()) {
                endedBy = Math.min(endedBy, event.answered());
                return;
            }
            activeBy = Math.min(activeBy, event.answered());
            if (lastActive == null || event.called() > lastActive.called()) {
                lastActive = event;
            }
        }
    }

    private final Map<UUID, Known> known = new HashMap<>();
    private final Map<Key, List<Event>> keyed = new LinkedHashMap<>();
    private final Map<UUID, Long> releaseCalls = new HashMap<>();
    private final Map<UUID, Long> releaseAnswers = new HashMap<>();
    private final Map<UUID, Tables.Claim> claims = new LinkedHashMap<>();
    private final Map<UUID, Tables.Preset> presets = new HashMap<>();
    private final Map<UUID, Tables.Workspace> workspaces = new HashMap<>();

    private Facts() {}

    static Facts of(History history) {
        Facts facts = new Facts();
        history.tables().claims().forEach(claim -> facts.claims.put(claim.id(), claim));
        history.tables().presets().forEach(preset -> facts.presets.put(preset.id(), preset));
        history.tables().workspaces().forEach(workspace -> facts.workspaces.put(workspace.id(), workspace));
        history.events().forEach(facts::add);
        for (Known claim : facts.known.values()) {
            claim.releaseCalled = facts.releaseCalls.getOrDefault(claim.claim, NEVER);
            claim.endedBy = Math.min(claim.endedBy, facts.releaseAnswers.getOrDefault(claim.claim, NEVER));
        }
        return facts;
    }

    private void add(Event event) {
        switch (event.call()) {
            case Call.Claim(var key, var request) -> {
                if (key != null) {
                    keyed.computeIfAbsent(new Key(event.user(), key), unseen -> new ArrayList<>(2))
                            .add(event);
                }
            }
            case Call.Release(var claim) -> addRelease(claim, event);
            case Call.Look look -> {}
            case Call.Invalidate invalidate -> {}
        }
        if (event.answer() instanceof Answer.Shown(var seen, var replayed)) {
            for (Seen one : seen) {
                known.computeIfAbsent(one.claim(), unseen -> new Known(event, one))
                        .see(event, one);
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

    /** Every claim in the database. */
    Collection<Tables.Claim> kept() {
        return claims.values();
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

    /** When the first call was made that may have made this claim; negative where there was none. */
    long askedFor(Tables.Claim claim) {
        if (claim.key() != null) {
            List<Event> calls = keyed.getOrDefault(new Key(claim.user(), claim.key()), List.of());
            return calls.stream().mapToLong(Event::called).min().orElse(-1);
        }
        Known told = known.get(claim.id());
        return told == null || told.granted == null ? -1 : told.granted.called();
    }
}
