package dev.larder.inventory;

import dev.larder.inventory.RestoreStore.Suspicion;
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
 * Holds this process back while its database may be older than what was answered from it (decision 0029): it does not start to
 * work, and where it works already it is not ready and refuses claims, until an owner has said what happened. Statements that
 * lease, reconcile, serve waiting claims and end leases look at the same mark themselves.
 */
@ApplicationScoped
public class RestoreGuard implements ReadinessPart {

    private static final Logger LOG = Logger.getLogger(RestoreGuard.class);

    private static final Duration EVERY = Duration.ofSeconds(5);

    private final RestoreStore store;
    private volatile @Nullable Suspicion suspicion;
    private volatile @Nullable UUID newestSeen;

    public RestoreGuard(RestoreStore store, Ticker pace, MeterRegistry registry) {
        this.store = store;
        pace.keep("newest claim", EVERY, this::look);
        var suspect = Gauge.builder("larder.database.suspect", () -> up() ? 0 : 1)
                .description("Whether the database may be older than what was answered from it")
                .register(registry);
    }

    /** The database is held to be older than what was answered from it. */
    public static final class SuspectException extends RuntimeException {

        private static final long serialVersionUID = 1;

        SuspectException(Suspicion suspicion) {
            super(sentence(suspicion), null, false, false);
        }
    }

    /** Fails with {@link SuspectException} where this process must not begin to work. */
    public Uni<Void> check() {
        return store.check()
                .invoke(found -> suspicion = found.orElse(null))
                .invoke(found -> found.ifPresent(suspected -> {
                    throw new SuspectException(suspected);
                }))
                .replaceWithVoid();
    }

    private static String sentence(Suspicion suspicion) {
        String what = switch (suspicion.reason()) {
            case ANOTHER_SERVER -> "the database was restored or moved to another PostgreSQL server";
            case CLAIMS_MISSING -> "the database is older than the newest claim that was seen in it";
        };
        return what + "; nothing is given out until an owner calls POST /api/v1/settings/restore";
    }

    /** Compares the newest claim with the newest one seen before, and hears of what others have noticed. */
    Uni<Void> look() {
        return store.newestClaim()
                .call(this::compare)
                .invoke(newest -> newestSeen = newest.orElse(null))
                .chain(store::suspicion)
                .invoke(this::remember)
                .replaceWithVoid();
    }

    private Uni<Boolean> compare(Optional<UUID> newest) {
        UUID before = newestSeen;
        return before == null || Optional.of(before).equals(newest)
                ? Uni.createFrom().item(false)
                : store.suspectUnlessThere(before);
    }

    private void remember(Optional<Suspicion> found) {
        if (found.isPresent() && suspicion == null) {
            LOG.errorf("%s", sentence(found.get()));
        }
        suspicion = found.orElse(null);
    }

    @Override
    public String name() {
        return "restore";
    }

    @Override
    public boolean up() {
        return suspicion == null;
    }

    @Override
    public String detail() {
        Suspicion suspected = suspicion;
        return suspected == null ? "the database is as it was seen last" : sentence(suspected);
    }
}
