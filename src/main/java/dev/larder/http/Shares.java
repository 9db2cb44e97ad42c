package dev.larder.http;

import dev.larder.model.Caller;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Limits the calls of one kind that this process holds at once, such as streams: in all, for one user and for
 * one organization (decision 0022).
 */
public final class Shares {

    private final String code;
    private final String what;
    private final int max;
    private final int organizationMax;
    private final int userMax;
    private final Map<UUID, Integer> taken = new HashMap<>();
    private int all;

    /**
     * @param code of the refusal
     * @param what the places are for, in the plural
     * @param max in all
     */
    public Shares(String code, String what, int max, int organizationMax, int userMax) {
        this.code = code;
        this.what = what;
        this.max = max;
        this.organizationMax = organizationMax;
        this.userMax = userMax;
    }

    /** This percentage, at least one. */
    public static int percent(int percent, int of) {
        return Math.max(1, (int) ((long) of * percent / 100));
    }

    /** A place that is taken until it is closed. Idempotent. */
    public interface Place extends AutoCloseable {

        @Override
        void close();
    }

    /**
     * Takes a place for the caller. Code: 429 with the code of these places; the detail says whose share is
     * full.
     */
    public synchronized Place take(Caller caller) {
        int ofUser = taken.getOrDefault(caller.userId(), 0);
        refuseIfFull("Your share of", ofUser, userMax);
        caller.organization()
                .ifPresent(organization -> refuseIfFull(
                        "Your organization's share of", taken.getOrDefault(organization, 0), organizationMax));
        refuseIfFull("The number of", all, max);
        return taken(caller);
    }

    private void refuseIfFull(String whose, int now, int most) {
        if (now >= most) {
            throw Problem.of(429, code, "%s %s at this server is full: %d of %d.".formatted(whose, what, now, most))
                    .withHeader("Retry-After", "10");
        }
    }

    private Place taken(Caller caller) {
        count(caller, 1);
        AtomicBoolean closed = new AtomicBoolean();
        return () -> {
            if (closed.compareAndSet(false, true)) {
                count(caller, -1);
            }
        };
    }

    private synchronized void count(Caller caller, int change) {
        all += change;
        add(caller.userId(), change);
        caller.organization().ifPresent(organization -> add(organization, change));
    }

    /** Forgets a user or organization that has no place any more. */
    private void add(UUID holder, int change) {
        taken.compute(holder, (id, before) -> {
            int now = (before == null ? 0 : before) + change;
            return now == 0 ? null : now;
        });
    }
}
