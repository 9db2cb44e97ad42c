package dev.larder.worker.postgres;

import dev.larder.model.JobOutcome;

/** Carries an expected failure past the remaining steps to the end of the job, where it becomes the outcome. */
final class Refused extends RuntimeException {

    private static final long serialVersionUID = 1;

    private final String code;
    private final String detail;

    Refused(String code, String detail) {
        super(code + ": " + detail, null, false, false);
        this.code = code;
        this.detail = detail;
    }

    JobOutcome outcome() {
        return new JobOutcome.Failed(code, detail);
    }
}
