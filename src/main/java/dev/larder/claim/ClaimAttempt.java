package dev.larder.claim;

import dev.larder.claim.LineStore.Offer;
import dev.larder.model.Caller;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * One request on its way to an outcome.
 *
 * @param claim the first claim that it will make
 * @param given what a workspace of each preset is given; nothing for presets that are missing
 */
record ClaimAttempt(ClaimRequest request, NewClaim claim, Map<UUID, GivenParameters> given) {

    ClaimAttempt(ClaimRequest request, NewClaim claim) {
        this(request, claim, Map.of());
    }

    Caller caller() {
        return claim.caller();
    }

    /** The same, with these parameters; a workspace that the client named stays so. */
    ClaimAttempt with(GivenParameters parameters) {
        return new ClaimAttempt(
                request, claim.with(parameters.of(claim.terms().parameters().chosen())));
    }

    /** The same for presets whose workspaces are given these values. */
    ClaimAttempt with(Map<UUID, GivenParameters> byPreset) {
        return new ClaimAttempt(request, claim, byPreset);
    }

    /** The attempt at a workspace of this preset. */
    ClaimAttempt at(Claimable preset) {
        GivenParameters parameters = given.get(preset.id());
        return parameters == null ? this : with(parameters);
    }

    List<Offer> offers(Line line) {
        return line.members().stream()
                .map(preset -> new Offer(preset, given.getOrDefault(preset.id(), GivenParameters.NONE)))
                .toList();
    }
}
