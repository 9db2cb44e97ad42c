package dev.larder.client;

import dev.larder.client.LarderException.Details;
import dev.larder.client.LarderException.LeaseLost;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * A claim that is renewed each third of its lease until it is closed, and released then. If the process is killed, the
 * lease ends the claim.
 *
 * <p>A lost lease is told by {@link #lost()} and {@link #check()}: another user may have the workspace by then.
 */
public final class Lease implements AutoCloseable {

    private static final System.Logger LOG = System.getLogger(Lease.class.getName());
    private static final Duration TTL = Duration.ofMinutes(2);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(1);
    private static final ScheduledThreadPoolExecutor RENEWALS = renewals();

    private final LarderClient client;
    private final Duration ttl;
    private final CompletableFuture<LeaseLost> lost = new CompletableFuture<>();
    private volatile Claim claim;
    private volatile boolean over;
    private volatile long heldUntil;
    private volatile ScheduledFuture<?> next;

    private Lease(LarderClient client, Duration ttl, Claim claim) {
        this.client = client;
        this.ttl = ttl;
        this.claim = claim;
        this.heldUntil = System.nanoTime() + ttl.toNanos();
    }

    /** Two threads renew all leases of the process; a renewal is one short call. */
    private static ScheduledThreadPoolExecutor renewals() {
        ScheduledThreadPoolExecutor threads = new ScheduledThreadPoolExecutor(2, work -> {
            Thread thread = new Thread(work, "larder-lease");
            thread.setDaemon(true);
            return thread;
        });
        threads.setRemoveOnCancelPolicy(true);
        return threads;
    }

    static Lease begin(LarderClient client, ClaimRequest request, Duration readyWithin) {
        Duration ttl = request.ttl().orElse(TTL);
        Lease lease = new Lease(client, ttl, client.claim(request.ttl(ttl)));
        // A cold build may take longer than the lease.
        lease.renewIn(ttl.dividedBy(3));
        try {
            lease.claim = client.waitUntilReady(lease.claim, readyWithin);
            return lease;
        } catch (RuntimeException | Error failed) {
            lease.close();
            throw failed;
        }
    }

    /** The claim as it was when the workspace became ready. */
    public Claim claim() {
        return claim;
    }

    /** What is needed to use the workspace. */
    public Map<String, String> outputs() {
        return claim.outputs();
    }

    /** Completes, with the reason, as soon as the lease is lost; never where it is not. */
    public CompletionStage<LeaseLost> lost() {
        return lost.minimalCompletionStage();
    }

    /** Throws {@link LeaseLost} where the lease is lost. */
    public void check() {
        LeaseLost why = lost.getNow(null);
        if (why != null) {
            throw why;
        }
    }

    /** Releases the claim. Where the server cannot be reached, the end of the lease does it later. */
    @Override
    public void close() {
        over = true;
        next.cancel(false);
        // The call below would not be sent by a thread that is interrupted.
        boolean interrupted = Thread.interrupted();
        try {
            client.release(claim.id());
        } catch (LarderException failed) {
            // The result of the block is worth more than this error.
            LOG.log(
                    System.Logger.Level.WARNING,
                    "claim {0} was not released and ends with its lease: {1}",
                    claim.id(),
                    failed.code());
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void renewIn(Duration pause) {
        next = RENEWALS.schedule(this::renew, pause.toMillis(), TimeUnit.MILLISECONDS);
        if (over) {
            next.cancel(false);
        }
    }

    private void renew() {
        long asked = System.nanoTime();
        Duration pause = ttl.dividedBy(3);
        try {
            client.renewOnce(claim.id(), ttl);
            heldUntil = asked + ttl.toNanos();
        } catch (LeaseLost ended) {
            if (!stillWaits()) {
                lose(ended);
                return;
            }
            heldUntil = asked + ttl.toNanos();
        } catch (LarderException failed) {
            if (System.nanoTime() - heldUntil >= 0) {
                lose(new LeaseLost(
                        "expired", "The lease could not be renewed in time: " + failed.getMessage(), Details.NONE));
                return;
            }
            pause = Transport.min(LONGEST_PAUSE, ttl.dividedBy(10));
        }
        if (!over) {
            renewIn(pause);
        }
    }

    /** The lease of a claim that waits has not begun. */
    private boolean stillWaits() {
        try {
            return client.get(claim.id()).status().equals("waiting");
        } catch (LarderException unknown) {
            return false;
        }
    }

    private void lose(LeaseLost why) {
        if (!over) {
            lost.complete(why);
        }
    }

    @Override
    public String toString() {
        return "Lease[" + claim.id() + "]";
    }
}
