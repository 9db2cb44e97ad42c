package dev.larder.model;

import java.time.Instant;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A leased job with everything a worker needs to perform it, so that a worker needs no access to the database and may be
 * remote.
 *
 * @param leaseToken random; every later write of the job must carry it
 * @param attempt 1 for the first lease of this job; higher means that an earlier worker was lost in the middle and may
 *     have left something behind
 * @param deadlineAt when the lease ends whatever the worker does
 * @param reason why the build is: {@link #CLAIM}, {@link #VERIFY}, {@link #RECYCLE}, otherwise for people
 * @param files of the version, by path
 * @param parameters resolved: values of a cold claim over the preset's over defaults; sensitive ones in clear
 * @param presetName null for a workspace built without a preset
 * @param outputs what the workspace has answered so far, for a later start only; secret
 */
public record Assignment(
        UUID jobId,
        UUID leaseToken,
        int attempt,
        Instant deadlineAt,
        Transition transition,
        String reason,
        String backend,
        UUID workspaceId,
        String workspaceName,
        UUID organizationId,
        String organizationName,
        UUID ownerId,
        String ownerName,
        boolean prebuild,
        UUID versionId,
        String templateName,
        int buildNumber,
        @Nullable String presetName,
        Map<String, String> files,
        Map<String, String> parameters,
        Set<String> sensitiveParameters,
        Map<String, String> outputs) {

    /** The reason of the build that prepares a workspace for whoever claimed it (design, section 3.5). */
    public static final String CLAIM = "claim";

    /** The reason of the build that looks whether a workspace just claimed is fit for use (design, section 3.6). */
    public static final String VERIFY = "verify";

    /** The reason of the build that makes a workspace which was given back ready for somebody else (design, section 3.6). */
    public static final String RECYCLE = "recycle";

    /** The reasons of builds that work on what an earlier start has built. */
    public static final Set<String> LATER_STARTS = Set.of(CLAIM, VERIFY, RECYCLE);

    /** What every later write of the job is made under. */
    public Lease lease() {
        return new Lease(jobId, leaseToken, attempt, workspaceId, transition, reason);
    }

    /** Whether there is something already that an earlier build started. */
    public boolean isLaterStart() {
        return LATER_STARTS.contains(reason);
    }

    /** Parameters may be secret, so none is printed. */
    @Override
    public String toString() {
        return "Assignment[job=%s attempt=%d transition=%s workspace=%s]"
                .formatted(jobId, attempt, transition.word(), workspaceId);
    }
}
