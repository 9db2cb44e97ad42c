package dev.larder.cli.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.Set;

/** Renews the lease of one claim by calls of the server. */
record ClaimLease(ApiClient api, String claim, Duration length) implements LeaseKeeper.Renewal {

    /** Answers after which the claim holds no workspace. */
    private static final Set<String> OVER = Set.of("claim_ended", "claim_not_found", "generation_mismatch");

    @Override
    public LeaseKeeper.Result renew(Duration within) {
        JsonNode body = Json.object().put("ttl", length.toString());
        try {
            Answer unused = api.within(within).post(Paths.of("claims", claim, "renew"), body);
            return new LeaseKeeper.Result.Renewed();
        } catch (Failure failure) {
            return OVER.contains(failure.code())
                    ? new LeaseKeeper.Result.Ended(failure.sentence())
                    : new LeaseKeeper.Result.Unanswered(failure.sentence());
        }
    }
}
