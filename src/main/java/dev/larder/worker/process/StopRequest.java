package dev.larder.worker.process;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** A request to stop one job. Any thread may make it; the thread that runs the processes looks at it. Thread-safe. */
public final class StopRequest {

    private final CountDownLatch requested = new CountDownLatch(1);

    /** Requests the stop. Idempotent. */
    public void request() {
        requested.countDown();
    }

    public boolean isRequested() {
        return requested.getCount() == 0;
    }

    /** Waits until a stop is requested, at most for this time. Returns false if none was requested. */
    public boolean isRequestedWithin(Duration time) throws InterruptedException {
        return requested.await(time.toMillis(), TimeUnit.MILLISECONDS);
    }
}
