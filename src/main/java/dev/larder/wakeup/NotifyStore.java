package dev.larder.wakeup;

import dev.larder.database.Sql;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import java.time.Duration;
import java.util.List;
import java.util.UUID;

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
            "SELECT pg_notify(channel, :sender) FROM unnest(:channels::text[]) AS channel", "channels", "sender");

    public Uni<Void> tell(List<String> channels, UUID from) {
        return TELL.on(client, channels.toArray(String[]::new), from.toString())
                .ifNoItem()
                .after(WITHIN)
                .fail()
                .replaceWithVoid();
    }
}
