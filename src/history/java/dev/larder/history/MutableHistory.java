package dev.larder.history;

import dev.larder.history.History.Built;
import dev.larder.history.History.Reached;
import dev.larder.history.History.Sample;
import dev.larder.history.Response.Seen;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.UnaryOperator;

/** A copy of a history in which a fault can be planted. */
final class MutableHistory {

    final List<Operation> operations;
    final List<Built> built;
    final List<Sample> samples;
    final List<Reached> reached;
    final List<FinalState.Preset> presets;
    final List<FinalState.Claim> claims;
    final List<FinalState.Workspace> workspaces;
    final List<FinalState.Removal> removals;
    final List<FinalState.Rollout> rollouts;
    long servedUntil;
    private final long tolerance;

    MutableHistory(History history) {
        this.operations = new ArrayList<>(history.operations());
        this.built = new ArrayList<>(history.built());
        this.samples = new ArrayList<>(history.samples());
        this.reached = new ArrayList<>(history.reached());
        this.presets = new ArrayList<>(history.finalState().presets());
        this.claims = new ArrayList<>(history.finalState().claims());
        this.workspaces = new ArrayList<>(history.finalState().workspaces());
        this.removals = new ArrayList<>(history.finalState().removals());
        this.rollouts = new ArrayList<>(history.finalState().rollouts());
        this.servedUntil = history.servedUntil();
        this.tolerance = history.toleranceNanos();
    }

    History done() {
        return new History(
                List.copyOf(operations),
                List.copyOf(built),
                List.copyOf(samples),
                List.copyOf(reached),
                new FinalState(
                        List.copyOf(presets),
                        List.copyOf(claims),
                        List.copyOf(workspaces),
                        List.copyOf(removals),
                        List.copyOf(rollouts)),
                servedUntil,
                tolerance);
    }

    void answer(Operation operation, Response answer) {
        operations.set(
                operations.indexOf(operation),
                new Operation(
                        operation.client(),
                        operation.user(),
                        operation.request(),
                        answer,
                        operation.sent(),
                        operation.received()));
    }

    /** Every answer tells of this claim as it is not. */
    void tell(UUID claim, UnaryOperator<Seen> otherwise) {
        for (Operation operation : List.copyOf(operations)) {
            if (operation.response() instanceof Response.Shown(var seen, var replayed)
                    && seen.stream().anyMatch(one -> one.claim().equals(claim))) {
                List<Seen> told = seen.stream()
                        .map(one -> one.claim().equals(claim) ? otherwise.apply(one) : one)
                        .toList();
                answer(operation, new Response.Shown(told, replayed));
            }
        }
    }

    void keep(FinalState.Claim claim, UnaryOperator<FinalState.Claim> otherwise) {
        claims.set(claims.indexOf(claim), otherwise.apply(claim));
    }
}
