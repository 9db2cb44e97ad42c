package dev.larder.state;

import dev.larder.model.Caller;
import java.util.Optional;
import java.util.UUID;

/** Who uses a state through Terraform's http backend. */
sealed interface Sender {

    /** The tool of a job, with the token that its worker was given. */
    record Job(Mutation mutation) implements Sender {}

    /** A person's tool, with an API token. */
    record Person(Caller caller) implements Sender {}

    /** The mutation of a job; empty for a person. */
    default Optional<UUID> job() {
        return this instanceof Job(Mutation mutation) ? Optional.of(mutation.id()) : Optional.empty();
    }

    /** The user; empty for a job. */
    default Optional<UUID> user() {
        return this instanceof Person(Caller caller) ? Optional.of(caller.userId()) : Optional.empty();
    }

    /** Whether an open mutation is this sender's. */
    default boolean holds(Mutation mutation) {
        return switch (this) {
            case Job(Mutation own) -> own.id().equals(mutation.id());
            case Person(Caller caller) -> mutation.holder().isUser(caller.userId());
        };
    }

    /**
     * Whether an upload of this sender belongs to an open mutation: it names the lock of the sender's tool, or there
     * is no lock and the mutation itself keeps others out.
     */
    default boolean writesIn(Mutation mutation, Optional<String> lock) {
        boolean named = lock.isPresent() || !mutation.holder().implicit();
        return mutation.isOpen()
                && holds(mutation)
                && named
                && mutation.holder().lock().id().equals(lock);
    }

    /** What it may do with the state that an address names. A job uses the state of its own mutation. */
    default Address.Right rightOf(Address address) {
        return switch (this) {
            case Job(Mutation own) -> own.state().equals(address.state()) ? Address.Right.USE : Address.Right.NONE;
            case Person(Caller caller) -> address.rightOf(caller);
        };
    }
}
