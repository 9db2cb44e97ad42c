package dev.larder.bench;

import dev.larder.claim.ClaimStatement;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/** The claim's statement by the production's own database client, where there is no pgbench. */
final class RawSql {

    private final Base base;
    private final Supplier<Tuple> values;

    /** @param values of one claim */
    RawSql(Base base, Supplier<Tuple> values) {
        this.base = base;
        this.values = values;
    }

    Pgbench.Outcome run(int clients, Duration length) {
        Pool pool = base.pool(clients);
        ConcurrentLinkedQueue<Long> nanos = new ConcurrentLinkedQueue<>();
        long begun = System.nanoTime();
        long until = begun + length.toNanos();
        List<Uni<Void>> loops = IntStream.range(0, clients)
                .mapToObj(client -> loop(pool, nanos, until))
                .toList();
        var done = Uni.join().all(loops).andFailFast().await().indefinitely();
        double seconds = (System.nanoTime() - begun) / 1e9;
        pool.closeAndAwait();
        long[] each = nanos.stream().mapToLong(Long::longValue).toArray();
        return new Pgbench.Outcome(each.length / seconds, each.length, each);
    }

    private Uni<Void> loop(Pool pool, ConcurrentLinkedQueue<Long> nanos, long until) {
        return Uni.createFrom()
                .deferred(() -> {
                    long sent = System.nanoTime();
                    return pool.preparedQuery(ClaimStatement.text())
                            .execute(values.get())
                            .invoke(rows -> nanos.add(System.nanoTime() - sent));
                })
                .repeat()
                .until(rows -> System.nanoTime() >= until)
                .collect()
                .last()
                .replaceWithVoid();
    }
}
