package dev.larder.state;

import dev.larder.model.Caller;
import dev.larder.state.Address.Right;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.InstantSource;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;

/**
 * Locks of Terraform and OpenTofu. In a job's mutation they are nested: they neither begin nor end it. A person's
 * lock begins a mutation, unless the person has one open, and unlocking ends it.
 */
@ApplicationScoped
class Locks {

    private final MutationStore mutations;
    private final OpenMutationStore open;
    private final MutationReads reads;
    private final WakeUps wakeUps;
    private final Uploads uploads;
    private final InstantSource clock;

    Locks(
            MutationStore mutations,
            OpenMutationStore open,
            MutationReads reads,
            WakeUps wakeUps,
            Uploads uploads,
            InstantSource clock) {
        this.mutations = mutations;
        this.open = open;
        this.reads = reads;
        this.wakeUps = wakeUps;
        this.uploads = uploads;
        this.clock = clock;
    }

    /** What became of a lock or an unlock. */
    sealed interface Outcome {

        /** As wanted, by this call or an earlier one. */
        record Done() implements Outcome {}

        /** Refused; the tool prints what it is shown. */
        record Refused(LockInfo shown) implements Outcome {}

        /** Refused, and there is no lock to show. */
        record NotLocked() implements Outcome {}

        /** Only an operator may do this. */
        record Forbidden() implements Outcome {}

        /** The job's mutation has ended. */
        record Superseded() implements Outcome {}

        record Gone() implements Outcome {}
    }

    static final Outcome DONE = new Outcome.Done();

    /** @param acceptUnreliable begin on a state that may not be true */
    Uni<Outcome> lock(UUID state, Sender sender, LockInfo lock, boolean acceptUnreliable) {
        return open.nest(state, sender.job(), sender.user(), lock)
                .chain(nested -> nested.isPresent()
                        ? Uni.createFrom().item(DONE)
                        : notNested(state, sender, lock, acceptUnreliable));
    }

    private Uni<Outcome> notNested(UUID state, Sender sender, LockInfo lock, boolean acceptUnreliable) {
        return switch (sender) {
            case Sender.Job(Mutation own) -> reads.find(own.id()).map(Locks::heldInJob);
            case Sender.Person(Caller caller) ->
                mutations
                        .begin(wanted(state, caller, lock, acceptUnreliable), clock.instant())
                        .chain(result -> begun(state, result, caller, lock));
        };
    }

    private static Outcome heldInJob(Optional<Mutation> own) {
        return own.filter(Mutation::isOpen)
                .<Outcome>map(held -> new Outcome.Refused(
                        StateProblems.lockInfo(held, "Another run of the same job holds the lock.")))
                .orElseGet(Outcome.Superseded::new);
    }

    private Begin wanted(UUID state, Caller caller, LockInfo lock, boolean acceptUnreliable) {
        return new Begin(
                state,
                caller.userId(),
                MutationKind.ofOperation(lock.operation()),
                Optional.empty(),
                OptionalLong.empty(),
                uploads.lockLease(),
                acceptUnreliable,
                Optional.of(lock));
    }

    private Uni<Outcome> begun(UUID state, Begin.Result result, Caller caller, LockInfo lock) {
        return switch (result) {
            case Begin.Result.Begun begun -> Uni.createFrom().item(DONE).invoke(this::tell);
            // The same call was sent twice, and the other one came first.
            case Begin.Result.Held(Mutation by)
            when by.holder().isUser(caller.userId()) && by.holder().lock().id().equals(Optional.of(lock.id())) ->
                Uni.createFrom().item(DONE);
            case Begin.Result.Held(Mutation by) ->
                Uni.createFrom().item(new Outcome.Refused(StateProblems.lockInfo(by, StateProblems.holder(by))));
            case Begin.Result.NotTrusted(String status, String reason) -> notTrusted(state, status, reason);
            case Begin.Result.Gone() -> Uni.createFrom().item(new Outcome.Gone());
            case Begin.Result.OtherVersion other ->
                throw new IllegalStateException("a lock expects no version: " + other);
        };
    }

    /** Of a lock that is held Terraform prints the id alone: so the id says why. */
    private Uni<Outcome> notTrusted(UUID state, String status, String reason) {
        String info = "The state is " + status + " (" + reason + "). " + StateProblems.way(status)
                + " With ?force=true in the address the lock is given all the same.";
        String id = "the state is " + status + " (" + reason + "), acknowledge it or restore a version";
        return Uni.createFrom().item(new Outcome.Refused(LockInfo.of(id, "", "larder", clock.instant(), info)));
    }

    /** Gives a lock back. The same again is done already. */
    Uni<Outcome> unlock(UUID state, Sender sender, LockInfo lock) {
        return reads.open(state).chain(held -> unlock(state, held, sender, lock.id()));
    }

    private Uni<Outcome> unlock(UUID state, Optional<Mutation> held, Sender sender, String lock) {
        boolean own = held.filter(sender::holds).isPresent();
        if (own && held.get().holder().lock().id().equals(Optional.of(lock))) {
            return giveBack(held.get(), lock, sender);
        }
        if (own && held.get().holder().lock().wasReleased(lock)) {
            return Uni.createFrom().item(DONE);
        }
        return reads.lockedBy(state, lock).map(past -> repeated(past, held, sender));
    }

    private Uni<Outcome> giveBack(Mutation held, String lock, Sender sender) {
        return held.holder().implicit()
                ? mutations
                        .end(held.id(), End.UNLOCKED, sender.user().orElseThrow(), clock.instant())
                        .invoke(this::tell)
                        .replaceWith(DONE)
                : open.release(held.id(), lock).replaceWith(DONE);
    }

    private static Outcome repeated(Optional<Mutation> past, Optional<Mutation> held, Sender sender) {
        boolean done = past.filter(sender::holds)
                .filter(ended -> "succeeded".equals(ended.span().outcome()))
                .isPresent();
        return done ? DONE : held.map(Locks::refused).orElseGet(Outcome.NotLocked::new);
    }

    private static Outcome refused(Mutation held) {
        return new Outcome.Refused(StateProblems.lockInfo(held, StateProblems.holder(held)));
    }

    /**
     * Takes a lock away, or a mutation where it is named by its own id. Operators may take any, the others their own.
     * Where none is held this is done.
     *
     * @param lock empty: whichever is held
     */
    Uni<Outcome> force(UUID state, Sender sender, Right right, Optional<String> lock) {
        return reads.open(state)
                .chain(held -> held.isEmpty() ? Uni.createFrom().item(DONE) : force(held.get(), sender, right, lock));
    }

    private Uni<Outcome> force(Mutation held, Sender sender, Right right, Optional<String> lock) {
        String shown = held.holder().lock().id().orElse(held.id().toString());
        if (lock.filter(named -> !named.equals(shown)).isPresent()) {
            return Uni.createFrom().item(refused(held));
        }
        return switch (sender) {
            case Sender.Job job ->
                sender.holds(held)
                        ? open.release(held.id(), shown).replaceWith(DONE)
                        : Uni.createFrom().item(new Outcome.Forbidden());
            case Sender.Person(Caller caller) ->
                right.atLeast(Right.OPERATE) || sender.holds(held)
                        ? mutations
                                .end(held.id(), End.FORCED, caller.userId(), clock.instant())
                                .invoke(this::tell)
                                .replaceWith(DONE)
                        : Uni.createFrom().item(new Outcome.Forbidden());
        };
    }

    private void tell(Object changed) {
        wakeUps.changed(Change.STATE);
    }
}
