package dev.larder.events;

import static dev.larder.testing.Stock.await;

import dev.larder.database.Direct;
import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import dev.larder.testing.Eventually;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.Listener;
import dev.larder.wakeup.NotifySender;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Function;

/** What one process has of the events room. It has no backstop: what is not told is not seen. */
final class Node implements AutoCloseable {

    private static final Duration SILENCE = Duration.ofMinutes(5);

    final WakeUps wakeUps = new WakeUps();
    final AtomicLong statements = new AtomicLong();
    final EventReads reads;
    final Feed feed;
    private final Direct direct;
    private final Listener listener;

    Node(Database database) {
        direct = new Direct(Databases.vertx(), database.connectOptions());
        NotifySender sender = new NotifySender(direct, Databases.vertx());
        listener = new Listener(Databases.vertx().getDelegate(), direct, wakeUps, sender);
        reads = new EventReads(counted(database.another(4)));
        feed = new Feed(reads, wakeUps);
        sender.start(wakeUps);
        listener.start();
        Eventually.see(listener::up, up -> up);
    }

    /** Counts the statements. */
    private Pool counted(Pool pool) {
        io.vertx.sqlclient.Pool real = pool.getDelegate();
        Object counting = Proxy.newProxyInstance(
                Node.class.getClassLoader(), new Class<?>[] {io.vertx.sqlclient.Pool.class}, (proxy, method, given) -> {
                    if (method.getName().equals("preparedQuery")) {
                        statements.incrementAndGet();
                    }
                    try {
                        return method.invoke(real, given);
                    } catch (InvocationTargetException failed) {
                        throw failed.getCause();
                    }
                });
        return new Pool((io.vertx.sqlclient.Pool) counting);
    }

    void wake() {
        wakeUps.changed(Change.STATE_EVENT);
    }

    Reader follow(Partition partition, long after) {
        return follow(partition, after, seen -> {});
    }

    /** @param seen is told each event */
    Reader follow(Partition partition, long after, Consumer<Event> seen) {
        Function<Uni<Void>, Uni<Void>> wait = Follower.atMost(SILENCE);
        return new Reader(
                after,
                new Follower(feed, reads, partition, after, wait)
                        .follow(OptionalLong.empty(), told -> Uni.createFrom().item(told), told -> true),
                seen);
    }

    @Override
    public void close() {
        await(feed.stop(Duration.ofSeconds(10)));
        listener.stop();
        direct.pool().closeAndAwait();
    }
}
