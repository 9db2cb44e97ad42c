package dev.larder.claim;

import dev.larder.model.Caller;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/**
 * One workspace that a client asks for.
 *
 * @param id the id that the claim will have
 * @param ordinal which of the workspaces of one request, from 0
 */
public record NewClaim(UUID id, int ordinal, Terms terms) {

    /**
     * What all claims of one request have in common.
     *
     * @param caller the client; a caller without organization is a user of the whole deployment
     * @param ttl how long the workspace may be kept, a part of a second counting as one; empty for no limit
     * @param waitPolicy how the claim waits, also where the workspace it is given fails its verification;
     *     empty: it does not wait, and tries further workspaces for 30 seconds
     * @param parameters of its workspace
     * @param labels of each claim of the request
     */
    public record Terms(
            Caller caller,
            Optional<IdempotencyKey> key,
            Optional<Duration> ttl,
            Optional<WaitPolicy> waitPolicy,
            GivenParameters parameters,
            Map<String, String> labels) {}

    public Caller caller() {
        return terms.caller();
    }

    public Optional<IdempotencyKey> key() {
        return terms.key();
    }

    /** The same claim, ready to wait. */
    public NewClaim waiting(WaitPolicy how) {
        return new NewClaim(
                id,
                ordinal,
                new Terms(terms.caller, terms.key, terms.ttl, Optional.of(how), terms.parameters, terms.labels));
    }

    /** The same claim, with these parameters. */
    public NewClaim with(GivenParameters parameters) {
        return new NewClaim(
                id, ordinal, new Terms(terms.caller, terms.key, terms.ttl, terms.waitPolicy, parameters, terms.labels));
    }

    /** The same claim, recorded without its key. */
    NewClaim unkeyed() {
        return new NewClaim(
                id,
                ordinal,
                new Terms(terms.caller, Optional.empty(), terms.ttl, terms.waitPolicy, terms.parameters, terms.labels));
    }

    /** The same claim with these labels. */
    public NewClaim labelled(Map<String, String> labels) {
        return new NewClaim(
                id, ordinal, new Terms(terms.caller, terms.key, terms.ttl, terms.waitPolicy, terms.parameters, labels));
    }
}
