package dev.larder.state;

import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;

/**
 * A person's wish to change infrastructure.
 *
 * @param user who begins
 * @param key the caller's Idempotency-Key: under the same key it is the same mutation
 * @param expectedVersion the current version that the state must have; empty: any
 * @param lease how long it stays open without a renewal
 * @param acceptUnreliable begin on a state that may not be true
 * @param lock of the tool that begins it with its lock; empty for a call of the API
 */
record Begin(
        UUID state,
        UUID user,
        MutationKind kind,
        Optional<String> key,
        OptionalLong expectedVersion,
        Duration lease,
        boolean acceptUnreliable,
        Optional<LockInfo> lock) {

    /** What became of it. */
    sealed interface Result {

        /**
         * The state is the caller's, by this call or by an earlier one of the same caller under the same key.
         */
        record Begun(Mutation mutation) implements Result {}

        /** Another mutation is open. */
        record Held(Mutation by) implements Result {}

        /**
         * The state may not be true, and the kind would build on it.
         *
         * @param status unreliable or corrupt
         */
        record NotTrusted(String status, String reason) implements Result {}

        /** The state has another current version than was expected. */
        record OtherVersion(long current) implements Result {}

        /** The state was deleted. */
        record Gone() implements Result {}
    }
}
