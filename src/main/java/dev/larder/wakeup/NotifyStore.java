package dev.larder.wakeup;

import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.util.List;
import java.util.UUID;

/** Sends wake-ups in a transaction that does nothing else: it writes no WAL, so the commit lock is held for microseconds. */
public final class NotifyStore {

    private static final Duration WITHIN = Duration.ofSeconds(2);

    private final Pool pool;

    public NotifyStore(Pool pool) {
        this.pool = pool;
    }

    private static final String TELL = "SELECT pg_notify(channel, $2) FROM unnest($1::text[]) AS channel";

    public Uni<Void> tell(List<String> channels, UUID from) {
        return pool.preparedQuery(TELL)
                .execute(Tuple.of(channels.toArray(String[]::new), from.toString()))
                .ifNoItem()
                .after(WITHIN)
                .fail()
                .replaceWithVoid();
    }
}
