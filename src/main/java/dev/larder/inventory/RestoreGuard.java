package dev.larder.inventory;

import dev.larder.inventory.RestoreStore.SuspectDatabase;
import dev.larder.model.ReadinessPart;
import dev.larder.wakeup.Ticker;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Stops this process while its database may be older than the answers that were given from it (decision
 * 0029). The process does not start to work; where it works already it is not ready and refuses claims, until
 * an owner has said what happened. Statements that lease jobs, reconcile, serve waiting claims and end leases
 * check the same mark themselves.
 */
@ApplicationScoped
public class RestoreGuard implements ReadinessPart {

    private static final Logger LOG = Logger.getLogger(RestoreGuard.class);

    private static final Duration EVERY = Duration.ofSeconds(5);

    private final RestoreStore store;
    private volatile @Nullable SuspectDatabase suspect;
    private volatile @Nullable UUID newestSeen;

    public RestoreGuard(RestoreStore store, Ticker pace, MeterRegistry registry) {
        this.store = store;
        pace.keep("newest claim", EVERY, this::look);
        var suspect = Gauge.builder("larder.database.suspect", () -> up() ? 0 : 1)
                .description("Whether the database may be older than the answers that were given from it")
                .register(registry);
    }

    /** The database may be older than the answers that were given from it. */
    public static final class SuspectException extends RuntimeException {

        private static final long serialVersionUID = 1;

        SuspectException(SuspectDatabase suspect) {
            super(sentence(suspect), null, false, false);
        }
    }

    /** Fails with {@link SuspectException} where this process must not begin to work. */
    public Uni<Void> check() {
        return store.check()
                .invoke(found -> suspect = found.orElse(null))
                .invoke(found -> found.ifPresent(suspected -> {
                    throw new SuspectException(suspected);
                }))
                .replaceWithVoid();
    }

    private static String sentence(SuspectDatabase suspect) {
        String what = switch (suspect.reason()) {
            case ANOTHER_SERVER -> "the database was restored or moved to another PostgreSQL server";
            case CLAIMS_MISSING -> "the database is older than the newest claim that was seen in it";
        };
        return what + "; no workspace is handed out until an owner calls POST /api/v1/settings/restore";
    }

    /** Compares the newest claim with the newest one seen before, and reads what other processes have found. */
    Uni<Void> look() {
        return store.newestClaim()
                .call(this::compare)
                .invoke(newest -> newestSeen = newest.orElse(null))
                .chain(store::suspectDatabase)
                .invoke(this::remember)
                .replaceWithVoid();
    }

    private Uni<Boolean> compare(Optional<UUID> newest) {
        UUID before = newestSeen;
        return before == null || Optional.of(before).equals(newest)
                ? Uni.createFrom().item(false)
                : store.suspectUnlessThere(before);
    }

    private void remember(Optional<SuspectDatabase> found) {
        if (found.isPresent() && suspect == null) {
            LOG.errorf("%s", sentence(found.get()));
        }
        suspect = found.orElse(null);
    }

    @Override
    public String name() {
        return "restore";
    }

    @Override
    public boolean up() {
        return suspect == null;
    }

    @Override
    public String detail() {
        SuspectDatabase suspected = suspect;
        return suspected == null ? "the database is as it was seen last" : sentence(suspected);
    }
}
