package dev.larder.claim;

import dev.larder.model.Caller;

/**
 * One request on its way to an outcome.
 *
 * @param claim the first claim that it will make
 */
record ClaimAttempt(ClaimRequest request, NewClaim claim) {

    Caller caller() {
        return claim.caller();
    }

    /** The same, with these parameters; a workspace that the client named stays so. */
    ClaimAttempt with(GivenParameters parameters) {
        return new ClaimAttempt(
                request, claim.with(parameters.of(claim.terms().parameters().chosen())));
    }
}
