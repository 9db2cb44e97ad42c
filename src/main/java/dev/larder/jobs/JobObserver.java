package dev.larder.jobs;

import dev.larder.model.JobStatus;
import dev.larder.model.Transition;
import java.time.Duration;

/** Is told how each job went. Must return at once and never fail. */
public interface JobObserver {

    /** @param waited from when the job was there to be taken to its lease */
    void leased(Transition transition, Duration waited);

    /**
     * @param status a final one
     * @param took from the lease to the end
     */
    void finished(Transition transition, JobStatus status, Duration took);

    /** A claim build replaced resources that the prebuild had. */
    void replaced();
}
