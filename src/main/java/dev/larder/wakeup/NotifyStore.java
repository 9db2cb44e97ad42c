package dev.larder.wakeup;

import dev.larder.database.Sql;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import java.time.Duration;
import java.util.Map;

/**
 * Sends wake-ups in a transaction that does nothing else: it writes no WAL, so the commit lock is held for
 * microseconds.
 */
public final class NotifyStore {

    private static final Duration WITHIN = Duration.ofSeconds(2);

    private final Pool client;

    public NotifyStore(Pool client) {
        this.client = client;
    }

    private static final Sql TELL = Sql.of(
            "SELECT pg_notify(channel, payload) FROM unnest(:channels::text[], :payloads::text[]) AS told (channel, payload)",
            "channels",
            "payloads");

    /** @param payloads by channel */
    public Uni<Void> tell(Map<String, String> payloads) {
        return TELL.on(
                        client,
                        payloads.keySet().toArray(String[]::new),
                        payloads.values().toArray(String[]::new))
                .ifNoItem()
                .after(WITHIN)
                .fail()
                .replaceWithVoid();
    }
}
