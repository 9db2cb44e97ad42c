package dev.larder.observe;

import dev.larder.store.DatabaseFaults;
import dev.larder.store.Direct;
import io.smallrye.health.api.AsyncHealthCheck;
import io.smallrye.mutiny.TimeoutException;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Readiness;
import org.jspecify.annotations.Nullable;

/**
 * Whether a request would be given a connection that works. A pool whose connections are all at work is ready, since more
 * requests wait for a moment and are answered; a pool that cannot open one is not.
 */
@Readiness
@ApplicationScoped
class DatabaseReadiness implements AsyncHealthCheck {

    private static final Duration ANSWER_WITHIN = Duration.ofMillis(1500);

    private final Pool pool;
    private final Direct direct;
    private final AtomicReference<@Nullable Uni<Void>> asked = new AtomicReference<>();

    DatabaseReadiness(Pool pool, Direct direct) {
        this.pool = pool;
        this.direct = direct;
    }

    @Override
    public Uni<HealthCheckResponse> call() {
        // Asked at the same time, so that both answer within the limit.
        Uni<Void> reachable = direct.ping(ANSWER_WITHIN).memoize().indefinitely();
        var begun = reachable.subscribe().with(answered -> {}, failed -> {});
        // The cause may name hosts and users, which this open address must not tell.
        return askAsRequest()
                .ifNoItem()
                .after(ANSWER_WITHIN)
                .fail()
                .onFailure(DatabaseReadiness::busy)
                .recoverWithUni(reachable)
                .map(answered -> HealthCheckResponse.up("database"))
                .onFailure()
                .recoverWithItem(() -> HealthCheckResponse.down("database"));
    }

    private static boolean busy(Throwable failure) {
        return failure instanceof TimeoutException || DatabaseFaults.busy(failure);
    }

    /** One question at a time: while the pool is busy, each look would otherwise take a place in its line. */
    private Uni<Void> askAsRequest() {
        Uni<Void> pending = asked.get();
        if (pending != null) {
            return pending;
        }
        Uni<Void> question = pool.query("SELECT 1")
                .execute()
                .replaceWithVoid()
                .onTermination()
                .invoke(() -> asked.set(null))
                .memoize()
                .indefinitely();
        return asked.compareAndSet(null, question) ? question : askAsRequest();
    }
}
