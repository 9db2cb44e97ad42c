package dev.larder.reconcile;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.larder.model.LevelPause;
import dev.larder.model.PresetStatus;
import dev.larder.model.RolloutCause;
import dev.larder.model.RolloutPolicy.OnFailure;
import dev.larder.model.RolloutState;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * A rollout as the API shows it (decision 0046).
 *
 * @param verdict what a canary was judged by; null where nothing was judged yet
 * @param ending what ends its state; null once the rollout has ended
 * @param counts of its prebuilds now; null once the rollout has ended
 */
@Schema(name = "Rollout")
record RolloutView(
        UUID id,
        @JsonUnwrapped Line line,
        @JsonUnwrapped Change change,
        @JsonUnwrapped Phase phase,
        @Nullable VerdictView verdict,
        @JsonUnwrapped Times times,
        @Nullable Ending ending,
        @Nullable Counts counts) {

    /** The presets of one name in a template, over its versions. All by their names. */
    record Line(String organization, String template, String preset) {}

    /**
     * @param from the version before; null where the stock of one version is renewed
     * @param initiator the name of the user who promoted or invalidated, else of the system user
     */
    record Change(
            @Schema(implementation = RolloutCause.class) String cause,
            @Nullable Side from,
            Side to,
            String initiator) {}

    /**
     * The preset of one version.
     *
     * @param status of the preset now: whether it is built; null where the rollout has ended
     * @param statusReason why it is not built; null where it is
     */
    @Schema(name = "RolloutSide")
    record Side(
            int version,
            UUID presetId,

            @Schema(implementation = PresetStatus.class) @Nullable
            String status,

            @Nullable String statusReason) {}

    /**
     * @param reason a stable code; of a held one and one that was rolled back always
     * @param detail one sentence for people
     * @param phaseAt when the state began
     */
    record Phase(
            @Schema(implementation = RolloutState.class) String state,
            @Nullable String reason,
            @Nullable String detail,
            Instant phaseAt) {}

    /** @param pausedAt since when nothing is replaced; null where it is not paused */
    record Times(
            Instant createdAt,
            @Nullable Instant pausedAt,
            @Nullable Instant endedAt) {}

    /** @param outcome {@code undecided}, {@code passed}, {@code failed}, or {@code skipped} by a user */
    @Schema(name = "RolloutVerdict")
    record VerdictView(String outcome, List<CanaryView> canaries) {

        /**
         * A canary that was resumed is judged anew.
         *
         * @param stored the outcome of the last verdict
         */
        static VerdictView of(RolloutState state, String stored, List<CanaryView> canaries) {
            return new VerdictView(state == RolloutState.CANARY ? "undecided" : stored, canaries);
        }
    }

    /**
     * One prebuild that the new version was tried with, as it was known when the verdict was given.
     *
     * @param tried whether a trial claim got it, and its claim step passed
     * @param jobId the start or the verification that failed; null where none did
     * @param blame whose failure that is: {@code template}, {@code place}, {@code quota} or {@code worker}
     */
    @Schema(name = "RolloutCanary")
    record CanaryView(
            UUID workspaceId,
            boolean ready,
            boolean verified,
            boolean tried,
            @Nullable UUID jobId,
            @Nullable String blame,
            @Nullable String code) {}

    /**
     * What ends the state, and when at the latest.
     *
     * @param owner {@code reconciler}, or who must act: {@code template_admin}, or the {@code owner} of the deployment
     * @param at null where no time ends it: a person does, or the reconciler when all is renewed
     * @param then what the reconciler does at that time: {@code hold} or {@code rollback}; null without a time
     * @param pause of the preset, its template, its organization or the deployment, as long as the reconciler waits for
     *     its end; of several, the one that holds longest
     */
    @Schema(name = "RolloutEnding")
    record Ending(
            String owner,
            @Nullable Instant at,
            @Nullable String then,
            @Nullable LevelPause pause) {

        private static final Ending BY_A_PERSON = new Ending("template_admin", null, null);

        /** In no pause above the rollout. */
        Ending(String owner, @Nullable Instant at, @Nullable String then) {
            this(owner, at, then, null);
        }

        /**
         * @param paused the rollout itself: a person resumes it
         * @param at when the reconciler ends the state, as far as it may
         * @param above the pause above the rollout that holds longest; null where none holds
         */
        static Ending of(
                RolloutState state,
                boolean paused,
                RolloutCause cause,
                OnFailure onFailure,
                Instant at,
                @Nullable LevelPause above) {
            boolean promotion = cause == RolloutCause.PROMOTION;
            if (paused || (state == RolloutState.HELD && promotion)) {
                return BY_A_PERSON;
            }
            if (above != null && above.until() == null) {
                return new Ending(above.level().equals("deployment") ? "owner" : "template_admin", null, null, above);
            }
            // A renewal goes on while it is held, and has no deadline then.
            if (state == RolloutState.HELD) {
                return new Ending("reconciler", null, null, above);
            }
            OnFailure then = promotion ? onFailure : OnFailure.HOLD;
            return new Ending("reconciler", at, then.word(), above);
        }
    }

    /**
     * The line's prebuilds now. Old ones are those of versions before, and those of the new version that are to be
     * replaced. Of an expiry, each cycle decides anew which ones are replaced: the old ones are not counted, and new
     * ones are those that were created since the rollout began.
     *
     * @param wanted how many the preset that decides it wants: the one before, while the new one is a canary
     * @param oldReady those that a claim may take; null for an expiry
     * @param oldLeft all that are not deleted yet; null for an expiry
     * @param newReady ready ones; those of a canary cannot be claimed
     * @param newFailed failed starts since the rollout began, as far as they are kept
     */
    @Schema(name = "RolloutCounts")
    record Counts(
            int wanted,
            @Nullable Integer oldReady,
            @Nullable Integer oldLeft,
            int newReady,
            int newBuilding,
            int newFailed) {}
}
