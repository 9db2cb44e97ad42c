package dev.larder.history;

import dev.larder.history.Answer.Seen;
import dev.larder.history.History.Built;
import dev.larder.history.History.Sample;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.UnaryOperator;

/** A history that is being falsified. */
final class Draft {

    final List<Event> events;
    final List<Built> built;
    final List<Sample> samples;
    final List<Tables.Preset> presets;
    final List<Tables.Claim> claims;
    final List<Tables.Workspace> workspaces;
    final List<Tables.Removal> removals;
    long servedUntil;
    private final long tolerance;

    Draft(History history) {
        this.events = new ArrayList<>(history.events());
        this.built = new ArrayList<>(history.built());
        this.samples = new ArrayList<>(history.samples());
        this.presets = new ArrayList<>(history.tables().presets());
        this.claims = new ArrayList<>(history.tables().claims());
        this.workspaces = new ArrayList<>(history.tables().workspaces());
        this.removals = new ArrayList<>(history.tables().removals());
        this.servedUntil = history.servedUntil();
        this.tolerance = history.toleranceNanos();
    }

    History done() {
        return new History(
                List.copyOf(events),
                List.copyOf(built),
                List.copyOf(samples),
                new Tables(presets, claims, workspaces, removals),
                servedUntil,
                tolerance);
    }

    void answer(Event event, Answer answer) {
        events.set(
                events.indexOf(event),
                new Event(event.client(), event.user(), event.call(), answer, event.called(), event.answered()));
    }

    /** Every answer tells of this claim as it is not. */
    void tell(UUID claim, UnaryOperator<Seen> otherwise) {
        for (Event event : List.copyOf(events)) {
            if (event.answer() instanceof Answer.Shown(var seen, var replayed)
                    && seen.stream().anyMatch(one -> one.claim().equals(claim))) {
                List<Seen> told = seen.stream()
                        .map(one -> one.claim().equals(claim) ? otherwise.apply(one) : one)
                        .toList();
                answer(event, new Answer.Shown(told, replayed));
            }
        }
    }

    void keep(Tables.Claim claim, UnaryOperator<Tables.Claim> otherwise) {
        claims.set(claims.indexOf(claim), otherwise.apply(claim));
    }
}
