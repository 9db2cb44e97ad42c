package dev.larder.model;

import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * A leased job with everything a worker needs to run it: a worker has no access to Larder's database and may be remote.
 *
 * @param lease what every later write of the job must carry
 * @param deadlineAt when the lease ends
 * @param buildNumber counts the builds of the workspace from 1
 * @param target what is acted on
 */
public record Assignment(Lease lease, Instant deadlineAt, int buildNumber, Target target) {

    /** An assignment of a backend that keeps no state. */
    public Assignment(
            Lease lease,
            Instant deadlineAt,
            int buildNumber,
            Target.Workspace workspace,
            Target.Version version,
            Target.Parameters parameters) {
        this(lease, deadlineAt, buildNumber, new Target(workspace, version, parameters, Optional.empty()));
    }

    /** The reason of the build that prepares a workspace for the user who claimed it. */
    public static final String CLAIM = "claim";

    /** The reason of the build that checks whether a claimed workspace is fit for use. */
    public static final String VERIFY = "verify";

    /** The reason of the build that resets a released workspace for the next user. */
    public static final String RECYCLE = "recycle";

    /** The reason of the build that compares a workspace's infrastructure with its state. */
    public static final String DRIFT_CHECK = "drift_check";

    /** The reason of the build that reads a workspace's infrastructure into its state. */
    public static final String REFRESH = "refresh";

    /** The reason of the build that plans what an apply of the version would change. */
    public static final String CHANGESET = "changeset";

    /** The reason of the build that applies a changeset (decision 0039). */
    public static final String APPLY = "apply";

    /**
     * The reasons of builds after which their workspace stands where it stood before, however they end (decision
     * 0038).
     */
    public static final Set<String> CHECKS = Set.of(DRIFT_CHECK, REFRESH, CHANGESET, APPLY);

    /** The reasons of builds that work on a workspace which an earlier build has started. */
    public static final Set<String> LATER_STARTS = Set.of(CLAIM, VERIFY, RECYCLE);

    public Target.Workspace workspace() {
        return target.workspace();
    }

    public Target.Version version() {
        return target.version();
    }

    public Target.Parameters parameters() {
        return target.parameters();
    }

    public UUID jobId() {
        return lease.jobId();
    }

    /**
     * 1 for the first lease of the job. A higher one means that a worker was lost and may have left something
     * behind.
     */
    public int attempt() {
        return lease.attempt();
    }

    public UUID workspaceId() {
        return lease.workspaceId();
    }

    public Transition transition() {
        return lease.transition();
    }

    /**
     * Why the build is made: {@link #CLAIM}, {@link #VERIFY}, {@link #RECYCLE}, one of {@link #CHECKS}; any other is
     * for people to read.
     */
    public String reason() {
        return lease.reason();
    }

    public String backend() {
        return version().backend();
    }

    /** Whether an earlier build has started the workspace. */
    public boolean isLaterStart() {
        return LATER_STARTS.contains(reason());
    }

    /** Whether the workspace stands after it where it stood before. */
    public boolean isCheck() {
        return CHECKS.contains(reason());
    }

    /** Without parameters and outputs, which may be secret. */
    @Override
    public String toString() {
        return "Assignment[job=%s attempt=%d transition=%s workspace=%s]"
                .formatted(jobId(), attempt(), transition().word(), workspaceId());
    }
}
