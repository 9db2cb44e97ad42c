package dev.larder.database;

import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import io.smallrye.mutiny.subscription.UniEmitter;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.http.ConnectionPoolTooBusyException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Runs a bounded number of tasks per key, so that one slow key leaves connections for the others. Further tasks
 * queue in order. A task is refused if the queue is full or it has waited too long.
 *
 * @param <K> the key, with an {@code equals} of its own
 */
public final class Bulkhead<K> {

    private final int room;
    private final int lineMax;
    private final Duration patience;
    private final Map<K, Door> doors = new HashMap<>();

    /**
     * @param room tasks of one key that run at the same time
     * @param lineMax further tasks of one key that wait
     * @param patience how long a task waits at most
     */
    public Bulkhead(int room, int lineMax, Duration patience) {
        this.room = Math.max(1, room);
        this.lineMax = lineMax;
        this.patience = patience;
    }

    private static final class Door {

        private int inside;
        private final Deque<Waiting> line = new ArrayDeque<>(1);
    }

    private static final class Waiting {

        private final Runnable admitted;
        private @Nullable Future<?> deadline;

        Waiting(Runnable admitted) {
            this.admitted = admitted;
        }
    }

    /**
     * Runs one of the two callbacks, at once or later, on the caller's context if there is one.
     *
     * @param admitted must call {@link #leave} at its end
     */
    void enter(K key, Runnable admitted, Consumer<Throwable> refused) {
        switch (place(key, admitted, refused)) {
            case INSIDE -> admitted.run();
            case IN_LINE -> {}
            case REFUSED -> refused.accept(tooBusy());
        }
    }

    private enum Place {
        INSIDE,
        IN_LINE,
        REFUSED
    }

    private synchronized Place place(K key, Runnable admitted, Consumer<Throwable> refused) {
        Door door = doors.computeIfAbsent(key, unseen -> new Door());
        if (door.inside < room) {
            door.inside++;
            return Place.INSIDE;
        }
        if (door.line.size() >= lineMax) {
            return Place.REFUSED;
        }
        Context own = Vertx.currentContext();
        Waiting waiting = new Waiting(() -> on(own, admitted));
        door.line.add(waiting);
        waiting.deadline = Infrastructure.getDefaultWorkerPool()
                .schedule(
                        () -> giveUp(door, waiting, () -> on(own, () -> refused.accept(tooBusy()))),
                        patience.toMillis(),
                        TimeUnit.MILLISECONDS);
        return Place.IN_LINE;
    }

    private static void on(@Nullable Context own, Runnable task) {
        if (own == null) {
            task.run();
        } else {
            own.runOnContext(unused -> task.run());
        }
    }

    private void giveUp(Door door, Waiting waiting, Runnable refused) {
        boolean inLine;
        synchronized (this) {
            inLine = door.line.remove(waiting);
        }
        if (inLine) {
            refused.run();
        }
    }

    /** A task has ended: starts the next one in the queue. */
    void leave(K key) {
        Waiting next = next(key);
        if (next != null) {
            next.admitted.run();
        }
    }

    private synchronized @Nullable Waiting next(K key) {
        Door door = doors.get(key);
        if (door == null) {
            throw new IllegalStateException("left without having entered");
        }
        Waiting next = door.line.poll();
        if (next == null) {
            door.inside--;
            if (door.inside == 0) {
                doors.remove(key);
            }
        } else if (next.deadline != null) {
            boolean cancelled = next.deadline.cancel(false);
        }
        return next;
    }

    /** The same failure as that of the pool, so that callers see one kind. */
    private static Throwable tooBusy() {
        return new ConnectionPoolTooBusyException("the database has too much to do");
    }

    /**
     * The same for a pipeline. A task counts until it has ended, because its statement keeps running after its
     * subscriber has canceled. A task whose subscriber cancels while it waits is not started.
     */
    public <T> Uni<T> in(K key, Supplier<Uni<T>> work) {
        return Uni.createFrom().emitter(emitter -> {
            AtomicBoolean gone = new AtomicBoolean();
            UniEmitter<? super T> same = emitter.onTermination(() -> gone.set(true));
            enter(key, () -> begin(key, gone, work, same), same::fail);
        });
    }

    /** Here a loop starts: the next task begins after this one. */
    private <T> void begin(K key, AtomicBoolean gone, Supplier<Uni<T>> work, UniEmitter<? super T> emitter) {
        if (gone.get()) {
            leave(key);
            return;
        }
        Uni.createFrom()
                .<T>deferred(work::get)
                .onTermination()
                .invoke(() -> leave(key))
                .subscribe()
                .with(emitter::complete, emitter::fail);
    }
}
