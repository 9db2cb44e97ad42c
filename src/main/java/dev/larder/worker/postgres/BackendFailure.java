package dev.larder.worker.postgres;

import dev.larder.model.JobOutcome;

/** An expected failure. It skips the remaining steps of the job and becomes its outcome. */
final class BackendFailure extends RuntimeException {

    private static final long serialVersionUID = 1;

    private final String code;
    private final String detail;

    BackendFailure(String code, String detail) {
        super(code + ": " + detail, null, false, false);
        this.code = code;
        this.detail = detail;
    }

    JobOutcome outcome() {
        return new JobOutcome.Failed(code, detail);
    }
}
