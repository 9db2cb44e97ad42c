package dev.larder.claim;

import io.quarkus.runtime.annotations.RegisterForReflection;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/**
 * What a request is answered with, for the API's description: the claim itself, or the claims of a request for several.
 * A client that takes the first type that fits reads a claim as a claim, so that one stands first.
 */
@Schema(
        description = "The claim; where count is above 1: the claims",
        anyOf = {ClaimView.class, ClaimOrBatch.ClaimBatch.class})
interface ClaimOrBatch {

    /** The claims of one request, in the order of their numbers. */
    @RegisterForReflection
    record ClaimBatch(List<ClaimView> items) {}
}
