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
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jboss.logging.Logger;

/**
 * Answers questions that arrive together with one statement. While the allowed number of statements run, new
 * questions queue, and the next statement takes them all. There is no timer: a single question is sent at once.
 * Every answer was read after its question arrived.
 *
 * @param <K> a question; equal questions in one statement share the answer
 * @param <V> an answer
 */
public final class Batcher<K, V> {

    private static final Logger LOG = Logger.getLogger(Batcher.class);

    /** The default bound of the queue. In a longer queue an answer would come too late to be of use. */
    static final int QUEUED_MAX = 10_000;

    private final Limits limits;
    private final Function<K, Object> apart;
    private final Supplier<Throwable> tooBusy;
    private final Function<Set<K>, Uni<Map<K, V>>> read;
    private final Deque<Question<K, V>> queue = new ArrayDeque<>();
    private int running;

    /**
     * The bounds of a batcher.
     *
     * @param statements statements that run at the same time; they must not wait for each other's rows
     * @param atOnce questions that one statement answers
     * @param queuedMax questions that may queue; more are refused
     * @param atMost how long one statement may take before its questions fail and the next one runs. Not less than
     *     the server's time limit, so that the statement has ended unless its connection is broken
     */
    public record Limits(int statements, int atOnce, int queuedMax, Duration atMost) {}

    /** One statement at a time. */
    public Batcher(int atOnce, Duration atMost, Function<Set<K>, Uni<Map<K, V>>> read) {
        this(1, atOnce, atMost, read);
    }

    /** A refused question fails as a full connection pool does: the database is busy. */
    public Batcher(int statements, int atOnce, Duration atMost, Function<Set<K>, Uni<Map<K, V>>> read) {
        this(new Limits(statements, atOnce, QUEUED_MAX, atMost), key -> key, Batcher::poolTooBusy, read);
    }

    /**
     * Creates a batcher.
     *
     * @param apart different questions with equal results of this function go to different statements
     * @param tooBusy the failure of a question that is refused, or whose statement takes too long
     * @param read answers a set of questions, in the order of arrival; a question without an answer is left out
     */
    public Batcher(
            Limits limits,
            Function<K, Object> apart,
            Supplier<Throwable> tooBusy,
            Function<Set<K>, Uni<Map<K, V>>> read) {
        this.limits = limits;
        this.apart = apart;
        this.tooBusy = tooBusy;
        this.read = read;
    }

    private record Question<K, V>(K key, UniEmitter<? super Optional<V>> emitter, AtomicBoolean gone) {

        static <K, V> Question<K, V> of(K key, UniEmitter<? super Optional<V>> emitter) {
            AtomicBoolean gone = new AtomicBoolean();
            return new Question<>(key, emitter.onTermination(() -> gone.set(true)), gone);
        }
    }

    /**
     * Answers on the context of the caller, so that a request does not continue in that of another. Empty if there
     * is no answer. A question whose subscriber cancels before its statement begins is not sent.
     */
    public Uni<Optional<V>> ask(K key) {
        Uni<Optional<V>> asked = Uni.createFrom().emitter(emitter -> add(Question.of(key, emitter)));
        Context own = Vertx.currentContext();
        return own == null ? asked : asked.emitOn(answer -> own.runOnContext(unused -> answer.run()));
    }

    /** Whether no statement runs and no question queues. */
    public synchronized boolean isIdle() {
        return running == 0 && queue.isEmpty();
    }

    private void add(Question<K, V> question) {
        switch (place(question)) {
            case FIRST -> next();
            case BEHIND -> {}
            case REFUSED -> question.emitter().fail(tooBusy.get());
        }
    }

    private enum Place {
        FIRST,
        BEHIND,
        REFUSED
    }

    private synchronized Place place(Question<K, V> question) {
        if (queue.size() >= limits.queuedMax()) {
            return Place.REFUSED;
        }
        queue.add(question);
        if (running >= limits.statements()) {
            return Place.BEHIND;
        }
        running++;
        return Place.FIRST;
    }

    private static Throwable poolTooBusy() {
        return new ConnectionPoolTooBusyException("too many questions wait for an answer, or one took too long");
    }

    /**
     * The questions of the next statement.
     *
     * @param keys the different questions, in the order of their arrival
     */
    private record Batch<K, V>(Set<K> keys, List<Question<K, V>> questions) {}

    private synchronized Batch<K, V> gather() {
        Map<Object, K> distinct = new LinkedHashMap<>();
        List<Question<K, V>> together = new ArrayList<>();
        Iterator<Question<K, V>> queued = queue.iterator();
        while (queued.hasNext() && together.size() < limits.atOnce()) {
            Question<K, V> one = queued.next();
            if (one.gone().get()) {
                queued.remove();
            } else if (one.key().equals(distinct.computeIfAbsent(apart.apply(one.key()), unseen -> one.key()))) {
                together.add(one);
                queued.remove();
            }
        }
        if (together.isEmpty()) {
            running--;
        }
        return new Batch<>(new LinkedHashSet<>(distinct.values()), together);
    }

    /** Here a loop starts: the next statement begins when this one has ended, whatever its result. */
    private void next() {
        Batch<K, V> batch = gather();
        if (batch.questions().isEmpty()) {
            return;
        }
        Uni.createFrom()
                .deferred(() -> read.apply(batch.keys()))
                .ifNoItem()
                .after(limits.atMost())
                .failWith(tooBusy)
                .invoke(answers -> answer(batch, answers))
                .onFailure()
                .invoke(failure ->
                        batch.questions().forEach(one -> one.emitter().fail(failure)))
                .onTermination()
                .invoke(this::next)
                .subscribe()
                .with(answers -> {}, failure -> LOG.debugf("questions not answered cause=%s", failure));
    }

    private static <K, V> void answer(Batch<K, V> batch, Map<K, V> answers) {
        batch.questions().forEach(one -> one.emitter().complete(Optional.ofNullable(answers.get(one.key()))));
    }
}
