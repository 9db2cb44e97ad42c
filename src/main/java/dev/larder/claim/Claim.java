package dev.larder.claim;

import dev.larder.model.JobStatus;
import dev.larder.model.StateSummary;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A recorded claim, with the present state of its workspace.
 *
 * @param path {@code warm}, {@code waited} or {@code cold}
 * @param grant empty while the claim waits, and where it ended without a workspace
 * @param step the claim build; empty where there is none
 * @param workspace empty while none is given, and where another claim has followed on the same workspace
 */
public record Claim(
        UUID id,
        Request request,
        String path,
        Optional<Grant> grant,
        Optional<End> end,
        Misses misses,
        Optional<Step> step,
        Optional<Workspace> workspace) {

    /**
     * What was asked for.
     *
     * @param presetId null where the preset is gone
     * @param ordinal which of the claims of one request, from 0
     * @param waitsUntil the deadline of a claim that waits or waited
     * @param labels as they are now
     */
    public record Request(
            UUID userId,
            UUID organizationId,
            @Nullable UUID presetId,
            int ordinal,
            Instant createdAt,
            Optional<Instant> waitsUntil,
            Map<String, String> labels) {}

    /**
     * That a workspace was given.
     *
     * @param generation the workspace's version at that moment
     * @param readyLeft how many more stood ready when this was taken from stock, 100 for more than that;
     *     empty later on
     */
    public record Grant(int generation, Instant at, Optional<Instant> expiresAt, Optional<Integer> readyLeft) {}

    /** @param reason why the claim ended, as the API's status says it */
    public record End(Instant at, String reason) {}

    /**
     * What went wrong before.
     *
     * @param unfit how many workspaces the claim was given that failed their verification
     * @param failure what went wrong last; final once the claim has ended
     */
    public record Misses(int unfit, Optional<Failure> failure) {}

    /**
     * What went wrong.
     *
     * @param code stable, for programs
     * @param detail one sentence for people
     */
    public record Failure(String code, String detail) {}

    /**
     * The claim build (design, section 3.5).
     *
     * @param status of its job; {@code pending} as well before it has one
     */
    public record Step(
            String status,
            @Nullable String errorCode,
            @Nullable String error) {

        boolean underWay() {
            return JobStatus.of(status).active();
        }
    }

    /**
     * The workspace of a claim.
     *
     * @param state how far what is known of its infrastructure can be trusted; null where no build has ended yet
     * @param outputs encrypted; {@link ClaimReads#open} decrypts them
     */
    public record Workspace(
            UUID id,
            Names names,
            int version,
            LatestBuild build,
            Times times,
            Preparation preparation,
            @Nullable StateSummary state,
            byte @Nullable [] outputs) {

        String name() {
            return names.workspace();
        }

        String transition() {
            return build.transition();
        }

        public String buildStatus() {
            return build.status();
        }

        public int buildNumber() {
            return build.number();
        }

        Instant createdAt() {
            return times.createdAt();
        }

        public Optional<Instant> readyAt() {
            return times.readyAt();
        }

        boolean verifying() {
            return preparation.verifying();
        }

        public boolean claimStepWanted() {
            return preparation.claimStepWanted();
        }

        boolean inFirstBuild() {
            return build.number() == 1
                    && build.transition().equals("start")
                    && readyAt().isEmpty();
        }
    }

    /** @param preset null where the preset is gone */
    public record Names(
            String organization, String template, @Nullable String preset, String workspace) {}

    /** @param word the status of the workspace (design, section 1.1) */
    public record LatestBuild(int number, String transition, String status, String word) {}

    public record Times(Instant createdAt, Optional<Instant> readyAt, Optional<Instant> deletedAt) {}

    /**
     * Steps before the claimer can use the workspace.
     *
     * @param verifying whether its verification has not succeeded yet
     * @param claimStepWanted whether a claim build is still to come
     */
    public record Preparation(boolean verifying, boolean claimStepWanted) {}

    public boolean waits() {
        return end.isEmpty() && (workspace.isEmpty() || isVerified());
    }

    /** Whether the claim waits, or its cold build or claim build has not ended yet: its state will change soon. */
    public boolean isUnsettled() {
        return waits()
                || (end.isEmpty()
                        && (workspace.filter(Workspace::inFirstBuild).isPresent()
                                || step.filter(Step::underWay).isPresent()));
    }

    /** Whether the claim has been given a workspace whose verification may still fail. */
    public boolean isVerified() {
        return end.isEmpty() && workspace.filter(Workspace::verifying).isPresent();
    }

    public UUID userId() {
        return request.userId();
    }

    public @Nullable UUID presetId() {
        return request.presetId();
    }

    public int ordinal() {
        return request.ordinal();
    }

    public Instant createdAt() {
        return request.createdAt();
    }

    public Optional<Instant> waitsUntil() {
        return request.waitsUntil();
    }

    public @Nullable Integer generation() {
        return grant.map(Grant::generation).orElse(null);
    }

    public Optional<Instant> grantedAt() {
        return grant.map(Grant::at);
    }

    public Optional<Instant> expiresAt() {
        return grant.flatMap(Grant::expiresAt);
    }

    public Optional<Integer> readyLeft() {
        return grant.flatMap(Grant::readyLeft);
    }

    public Optional<Instant> endedAt() {
        return end.map(End::at);
    }

    public Optional<String> endedReason() {
        return end.map(End::reason);
    }

    public int unfit() {
        return misses.unfit();
    }

    public Optional<Failure> failure() {
        return misses.failure();
    }
}
