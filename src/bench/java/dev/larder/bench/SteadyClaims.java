package dev.larder.bench;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;

/**
 * Claims at a fixed rate, each sent at its time whether or not the one before is answered. A claimed workspace is
 * given back at once.
 */
final class SteadyClaims implements AutoCloseable {

    private final OwnerApi api;
    private final String body;
    private final long betweenNanos;
    private final Queue<Answered> answers = new ConcurrentLinkedQueue<>();
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final Future<?> sending;
    private volatile boolean over;

    private record Answered(long sent, long answered, boolean granted) {}

    /** @param longestGap from a miss to the answer of the next claim that was granted */
    record Outcome(int claims, int misses, Duration longestGap) {}

    /** Begins at once; {@link #end} ends it. */
    SteadyClaims(OwnerApi api, String body, double perSecond) {
        this.api = api;
        this.body = body;
        this.betweenNanos = (long) (1e9 / perSecond);
        this.sending = threads.submit(this::send);
    }

    private Void send() throws Exception {
        long next = System.nanoTime();
        List<Future<?>> sent = new java.util.ArrayList<>();
        while (!over) {
            sent.add(threads.submit(this::claim));
            next += betweenNanos;
            LockSupport.parkNanos(next - System.nanoTime());
        }
        for (Future<?> one : sent) {
            var done = one.get();
        }
        return null;
    }

    private Void claim() throws IOException, InterruptedException {
        long sent = System.nanoTime();
        HttpResponse<String> answer = api.answer("POST", "claims", body);
        answers.add(new Answered(sent, System.nanoTime(), answer.statusCode() == 201));
        if (answer.statusCode() == 201) {
            String id = new JsonObject(answer.body()).getString("id");
            String released = api.send("DELETE", "claims/" + id, "");
        } else if (answer.statusCode() != 409) {
            throw new IllegalStateException("a claim: " + answer.statusCode() + " " + answer.body());
        }
        return null;
    }

    Outcome end() throws Exception {
        over = true;
        var done = sending.get();
        List<Answered> ordered = answers.stream()
                .sorted(Comparator.comparingLong(Answered::sent))
                .toList();
        int misses = 0;
        long longest = 0;
        long missedSince = -1;
        for (Answered one : ordered) {
            if (!one.granted()) {
                misses++;
                missedSince = missedSince < 0 ? one.sent() : missedSince;
            }
            if (missedSince >= 0) {
                longest = Math.max(longest, one.answered() - missedSince);
                missedSince = one.granted() ? -1 : missedSince;
            }
        }
        return new Outcome(ordered.size(), misses, Duration.ofNanos(longest));
    }

    @Override
    public void close() {
        over = true;
        threads.close();
    }
}
