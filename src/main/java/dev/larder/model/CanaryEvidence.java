package dev.larder.model;

import java.util.Optional;
import java.util.UUID;

/**
 * What is known of one prebuild that a new version is tried with.
 *
 * @param ready whether it ever was ready
 * @param failed its start or its verification, where that failed
 * @param verified whether its verification passed
 * @param tried whether a trial claim got it, and its claim step passed
 */
public record CanaryEvidence(UUID workspace, boolean ready, Optional<Failed> failed, boolean verified, boolean tried) {

    /**
     * @param blame whose failure it is: {@code template}, {@code place}, {@code quota} or {@code worker}
     * @param code of the failure
     */
    public record Failed(UUID job, String blame, String code) {

        /** The new version is the reason. Another's failure delays a canary, and says nothing of the version. */
        public boolean condemns() {
            return blame.equals("template");
        }
    }

    /** Nothing but that its start was begun. */
    public static CanaryEvidence begun(UUID workspace) {
        return new CanaryEvidence(workspace, false, Optional.empty(), false, false);
    }

    /** Whether another is to be built in its place: its failure was not the version's. */
    public boolean isDelayed() {
        return failed.isPresent() && !failed.get().condemns();
    }

    public boolean condemns() {
        return failed.isPresent() && failed.get().condemns();
    }
}
