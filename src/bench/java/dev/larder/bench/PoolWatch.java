package dev.larder.bench;

import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** Looks at the stock of one template many times a second, and adds up what is there beyond what is desired. */
final class PoolWatch implements AutoCloseable {

    private static final Duration BETWEEN_LOOKS = Duration.ofMillis(25);

    // Those that are being built or deleted count: they take a place as ready ones do.
    private static final String LOOK = """
            SELECT count(*) FILTER (WHERE w.prebuild AND w.deleted_at IS NULL) AS live,
                   count(*) FILTER (WHERE w.prebuild AND w.deleted_at IS NULL AND w.created_at <= $2) AS former,
                   count(*) FILTER (WHERE w.created_at > $2 AND w.ready_at IS NOT NULL) AS renewed,
                   min(w.created_at) FILTER (WHERE w.created_at > $2) AS renewed_from,
                   (SELECT count(*) FROM rollouts r WHERE r.template_id = t.id AND r.ended_at IS NULL) AS rollouts
              FROM templates t JOIN workspaces w ON w.template_id = t.id
             WHERE t.name = $1
             GROUP BY t.id""";

    private final Pool pool;
    private final String template;
    private final int desired;
    private double extraSeconds;
    private int mostLive;
    private long lastLook = System.nanoTime();

    PoolWatch(Base base, String template, int desired) {
        this.pool = base.pool(1);
        this.template = template;
        this.desired = desired;
    }

    /**
     * What was there.
     *
     * @param former how many of the stock that is to be replaced
     * @param renewed how many of the new stock have become ready, claimed ones too
     * @param renewedFrom when the first new one was created; null where none was
     * @param rollouts how many are open
     */
    record Seen(int former, int renewed, @Nullable OffsetDateTime renewedFrom, int rollouts) {}

    /** @param formerUntil workspaces created until then are the stock that is to be replaced */
    Seen look(OffsetDateTime formerUntil) {
        LockSupport.parkNanos(BETWEEN_LOOKS.toNanos());
        Row row = pool.preparedQuery(LOOK)
                .executeAndAwait(Tuple.of(template, formerUntil))
                .iterator()
                .next();
        long now = System.nanoTime();
        int live = row.getInteger("live");
        extraSeconds += Math.max(0, live - desired) * (now - lastLook) / 1e9;
        mostLive = Math.max(mostLive, live);
        lastLook = now;
        return new Seen(
                row.getInteger("former"),
                row.getInteger("renewed"),
                row.getOffsetDateTime("renewed_from"),
                row.getInteger("rollouts"));
    }

    /** Workspace-seconds beyond what is desired, since the watch began. */
    double extraSeconds() {
        return extraSeconds;
    }

    /** The most that were there at one time. */
    int mostLive() {
        return mostLive;
    }

    @Override
    public void close() {
        pool.closeAndAwait();
    }
}
