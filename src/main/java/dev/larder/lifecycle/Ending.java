package dev.larder.lifecycle;

import dev.larder.database.Rows;
import dev.larder.model.Assignment;
import dev.larder.model.FailureCause;
import dev.larder.model.JobOutcome;
import dev.larder.model.Lease;
import dev.larder.model.ToolEnd;
import java.time.Instant;
import java.time.OffsetDateTime;
import org.jspecify.annotations.Nullable;

/** What a job's worker reports of it. */
record Ending(Lease lease, JobOutcome outcome, Instant at) {

    OffsetDateTime time() {
        return Rows.utc(at);
    }

    @Nullable
    String code() {
        return outcome instanceof JobOutcome.Failed(var code, var unused, var tool) ? code : null;
    }

    /** As in {@link ToolEnd#word}. */
    String tool() {
        return outcome.tool().word();
    }

    @Nullable
    String detail() {
        return outcome instanceof JobOutcome.Failed(var unused, var detail, var tool) ? Rows.storable(detail) : null;
    }

    boolean canceled() {
        return outcome instanceof JobOutcome.Canceled;
    }

    /**
     * Where a job ends although it could be requeued, it failed too often: see {@link RequeueStore#requeueAndHold}.
     */
    @Nullable
    String blame() {
        if (!(outcome instanceof JobOutcome.Failed(var code, var unused, var tool))) {
            return null;
        }
        boolean tooOften = FailureCause.of(code).holdsPlace() && mayWait(lease);
        return (tooOften ? FailureCause.TEMPLATE : FailureCause.of(code)).word();
    }

    boolean provesLocation() {
        return switch (outcome) {
            case JobOutcome.Succeeded succeeded -> true;
            case JobOutcome.Failed(var code, var unused, var tool) -> FailureCause.provesPlace(code);
            case JobOutcome.Canceled canceled -> false;
        };
    }

    boolean isCheck() {
        return Assignment.CHECKS.contains(lease.reason());
    }

    /**
     * A verification may not: a claim waits for its answer, and takes another workspace instead. Nor may a check: it
     * keeps its workspace from claims, and is repeated by its schedule.
     */
    static boolean mayWait(Lease lease) {
        return !lease.reason().equals(Assignment.VERIFY) && !Assignment.CHECKS.contains(lease.reason());
    }
}
