package dev.larder.database;

import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.http.ConnectionPoolTooBusyException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jboss.logging.Logger;

/**
 * What many ask at the same moment is asked of the database once: while as many statements run as may, those who ask gather, and the
 * next statement answers them all. Nobody waits for a timer, so that alone one is answered at once; and whatever is answered
 * was read after it was asked for. The database counts as away for who asks when too many do, and where a statement takes too
 * long.
 *
 * @param <K> what is asked for, with an {@code equals} of its own
 * @param <V> what is answered
 */
public final class Batcher<K, V> {

    private static final Logger LOG = Logger.getLogger(Batcher.class);

    /** Beyond these nobody is let in: their answers would come too late to be of use. */
    static final int GATHERED_MAX = 10_000;

    private final int atOnce;
    private final Duration atMost;
    private final Function<Set<K>, Uni<Map<K, V>>> read;
    private final Deque<Asking<K, V>> gathered = new ArrayDeque<>();
    private final int statements;
    private int running;

    /** One statement at a time. */
    public Batcher(int atOnce, Duration atMost, Function<Set<K>, Uni<Map<K, V>>> read) {
        this(1, atOnce, atMost, read);
    }

    /**
     * @param statements how many run at the same time at most; they must not wait for each other's rows
     * @param atOnce how many one statement answers at most
     * @param atMost how long one statement may take before its askers are failed and the next one runs; not below the time
     *     limit that the server keeps, so that the one before has ended unless its connection has fallen silent
     * @param read answers those keys for which there is something
     */
    public Batcher(int statements, int atOnce, Duration atMost, Function<Set<K>, Uni<Map<K, V>>> read) {
        this.statements = statements;
        this.atOnce = atOnce;
        this.atMost = atMost;
        this.read = read;
    }

    private record Asking<K, V>(K key, UniEmitter<? super Optional<V>> emitter) {}

    /** Answers on the caller's own context: a request must not go on in that of another. Empty where there is nothing. */
    public Uni<Optional<V>> ask(K key) {
        Uni<Optional<V>> asked = Uni.createFrom().emitter(emitter -> add(new Asking<>(key, emitter)));
        Context own = Vertx.currentContext();
        return own == null ? asked : asked.emitOn(answer -> own.runOnContext(unused -> answer.run()));
    }

    private void add(Asking<K, V> asking) {
        switch (queue(asking)) {
            case FIRST -> next();
            case BEHIND -> {}
            case REFUSED -> asking.emitter().fail(tooBusy());
        }
    }

    private enum Place {
        FIRST,
        BEHIND,
        REFUSED
    }

    private synchronized Place queue(Asking<K, V> asking) {
        if (gathered.size() >= GATHERED_MAX) {
            return Place.REFUSED;
        }
        gathered.add(asking);
        if (running == statements) {
            return Place.BEHIND;
        }
        running++;
        return Place.FIRST;
    }

    /** As the pool says it, so that callers are told the same: the database is away at the moment. */
    private static Throwable tooBusy() {
        return new ConnectionPoolTooBusyException("too many questions wait for an answer, or one took too long");
    }

    private synchronized List<Asking<K, V>> gather() {
        List<Asking<K, V>> together = new ArrayList<>();
        while (!gathered.isEmpty() && together.size() < atOnce) {
            together.add(gathered.remove());
        }
        if (together.isEmpty()) {
            running--;
        }
        return together;
    }

    /** Here a loop starts: it is the next statement, whatever becomes of this one. */
    private void next() {
        List<Asking<K, V>> together = gather();
        if (together.isEmpty()) {
            return;
        }
        Set<K> keys = together.stream().map(Asking::key).collect(Collectors.toSet());
        Uni.createFrom()
                .deferred(() -> read.apply(keys))
                .ifNoItem()
                .after(atMost)
                .failWith(Batcher::tooBusy)
                .invoke(answers ->
                        together.forEach(one -> one.emitter().complete(Optional.ofNullable(answers.get(one.key())))))
                .onFailure()
                .invoke(failure -> together.forEach(one -> one.emitter().fail(failure)))
                .onTermination()
                .invoke(this::next)
                .subscribe()
                .with(answers -> {}, failure -> LOG.debugf("questions not answered cause=%s", failure));
    }
}
