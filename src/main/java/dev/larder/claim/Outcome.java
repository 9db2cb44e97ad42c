package dev.larder.claim;

import dev.larder.claim.AvailabilityReads.Availability;
import dev.larder.claim.AvailabilityReads.Connections;
import dev.larder.claim.ClaimQuotaStore.Quota;
import dev.larder.claim.WaitEstimates.WaitEstimate;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;

/** How a request for workspaces ended. */
sealed interface Outcome {

    /**
     * Handed out, all read already.
     *
     * @param claims one, or those of a batch
     * @param stages what it took; empty where it was not this request that took them
     */
    record Given(List<Claim> claims, Optional<Stages> stages) implements Outcome {}

    /**
     * What a claim took.
     *
     * @param queued until its statement began
     * @param picked from there to the commit
     */
    record Stages(Duration queued, Duration picked) {}

    /** Recorded, with more to come: built for the caller, or waiting. */
    record Begun(UUID claim, String path) implements Outcome {}

    /** An earlier request under the same key made these. */
    record Replayed(List<UUID> claims, String path) implements Outcome {}

    /** The key was used for another request. */
    record KeyReused() implements Outcome {}

    /**
     * What the request names does not exist, or the caller does not see it.
     *
     * @param what organization, template or preset: the first of them that is unknown
     * @param which of several names is no preset's; empty where none of them is
     */
    record Unknown(String what, OptionalInt which) implements Outcome {

        static Unknown preset() {
            return new Unknown("preset", OptionalInt.empty());
        }
    }

    /** The template is deprecated or has another active version. */
    record NotActive(String why) implements Outcome {}

    /** Nothing, or not enough, is in stock and the policy is to fail. */
    record NoneInStock(Availability now, WaitEstimate estimate) implements Outcome {

        /** Nothing is being built either, and that is not what the preset wants. */
        boolean creationStopped() {
            return now.starting().isEmpty() && estimate.isStopped();
        }
    }

    /** It is not there, not claimable, or no longer has that version. */
    record NotThisOne() implements Outcome {}

    record OrganizationNeeded() implements Outcome {}

    /** More than may be claimed at once. */
    record OverQuota(Quota quota) implements Outcome {}

    /** The server of the databases has no connections left for one more workspace of the organization. */
    record ConnectionsFull(Connections connections) implements Outcome {}

    /**
     * As many claims wait as may.
     *
     * @param ofUser whether the caller's own share is full, or else the organization's
     */
    record TooManyWait(boolean ofUser, long waiting, int most, Optional<Duration> retryAfter) implements Outcome {}

    /** The word the metrics use. */
    default String word() {
        return switch (this) {
            case Given given -> given.claims().stream().anyMatch(Claim::isVerified) ? "waiting" : "claimed";
            case Begun begun -> begun.path().equals("cold") ? "claimed" : "waiting";
            case Replayed replayed -> "replayed";
            case KeyReused reused -> "idempotency_key_reused";
            case Unknown(var what, var which) -> what + "_not_found";
            case NotActive inactive -> "preset_not_active";
            case NoneInStock none -> none.creationStopped() ? "creation_stopped" : "no_claimable_workspace";
            case NotThisOne other -> "workspace_not_claimable";
            case OrganizationNeeded needed -> "missing_field";
            case OverQuota over -> "quota_exceeded";
            case ConnectionsFull full -> "connections_full";
            case TooManyWait many -> "too_many_waiting";
        };
    }

    /** By which path it was served; {@code none} where nothing was handed out. */
    default String path() {
        return switch (this) {
            case Given given -> given.claims().getFirst().path();
            case Begun begun -> begun.path();
            case Replayed replayed -> replayed.path();
            default -> "none";
        };
    }
}
