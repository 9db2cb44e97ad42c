package dev.larder.cli.client;

import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/** Renews the lease of a claim until it is closed or the lease is lost. */
final class LeaseKeeper implements AutoCloseable {

    private static final Duration LAST_CALL = Duration.ofSeconds(2);

    /** One call of the server. */
    interface Renewal {

        /** @param within how long the call may take */
        Result renew(Duration within) throws InterruptedException;
    }

    /** What the server answered. */
    sealed interface Result {

        record Renewed() implements Result {}

        /** The claim has ended, or there is none. */
        record Ended(String why) implements Result {}

        /** No answer, or one that leaves the lease as it was. */
        record Unanswered(String why) implements Result {}
    }

    /** Called on the keeper's thread. */
    interface Listener {

        /** Renewals began to fail, and are repeated. */
        void failing(String why);

        /** A renewal succeeded after one that had failed. */
        void recovered();

        /** The workspace is no longer held. Nothing is called after it. */
        void lost(String why);
    }

    private final Renewal renewal;
    private final Listener listener;
    private final LongSupplier nanos;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition closing = lock.newCondition();
    private LeaseClock lease;
    private boolean failing;
    private boolean closed;

    LeaseKeeper(LeaseClock lease, Renewal renewal, Listener listener, LongSupplier nanos) {
        this.lease = lease;
        this.renewal = renewal;
        this.listener = listener;
        this.nanos = nanos;
    }

    /** Begins to keep the lease, on a thread of its own. */
    LeaseKeeper start() {
        Thread thread = new Thread(this::run, "larder-lease");
        thread.setDaemon(true);
        thread.start();
        return this;
    }

    private void run() {
        try {
            boolean held = true;
            while (held && !isClosedAfter(lease.pause(nanos.getAsLong()))) {
                held = step();
            }
        } catch (InterruptedException ending) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean isClosedAfter(Duration pause) throws InterruptedException {
        lock.lock();
        try {
            long left = pause.toNanos();
            while (!closed && left > 0) {
                left = closing.awaitNanos(left);
            }
            return closed;
        } finally {
            lock.unlock();
        }
    }

    /** @return whether the lease is still held */
    boolean step() throws InterruptedException {
        long now = nanos.getAsLong();
        if (lease.isOver(now)) {
            return last(now);
        }
        return !lease.isDue(now) || answered(now, renewal.renew(lease.callWithin(now)));
    }

    /** This process may have stood still. The server knows whether the claim has ended. */
    private boolean last(long now) throws InterruptedException {
        return switch (renewal.renew(LAST_CALL)) {
            case Result.Renewed() -> renewed(now);
            case Result.Ended(String why) -> lost(why);
            case Result.Unanswered(String why) -> lost("it could not be renewed before its end");
        };
    }

    private boolean answered(long sentAt, Result result) {
        return switch (result) {
            case Result.Renewed() -> renewed(sentAt);
            case Result.Ended(String why) -> lost(why);
            case Result.Unanswered(String why) -> unanswered(why);
        };
    }

    private boolean renewed(long sentAt) {
        lease = lease.renewed(sentAt);
        if (failing) {
            failing = false;
            listener.recovered();
        }
        return true;
    }

    private boolean unanswered(String why) {
        lease = lease.unanswered(nanos.getAsLong());
        if (!failing) {
            failing = true;
            listener.failing(why);
        }
        return true;
    }

    private boolean lost(String why) {
        if (!isClosed()) {
            listener.lost(why);
        }
        return false;
    }

    private boolean isClosed() {
        lock.lock();
        try {
            return closed;
        } finally {
            lock.unlock();
        }
    }

    /** Ends the renewals. A call that is under way is not waited for. */
    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            closing.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
