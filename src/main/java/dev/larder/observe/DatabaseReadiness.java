package dev.larder.observe;

import dev.larder.database.Direct;
import io.smallrye.health.api.AsyncHealthCheck;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Readiness;

/**
 * Ready where a request would get a working connection. A pool whose connections are all busy is ready, since
 * requests wait a moment and are answered. A pool that cannot open a connection is not.
 */
@Readiness
@ApplicationScoped
class DatabaseReadiness implements AsyncHealthCheck {

    private static final Duration ANSWER_WITHIN = Duration.ofMillis(1500);

    private final Direct direct;

    DatabaseReadiness(Direct direct) {
        this.direct = direct;
    }

    @Override
    public Uni<HealthCheckResponse> call() {
        // The cause may name hosts and users, which this open address must not tell.
        return direct.pingAsRequest(ANSWER_WITHIN)
                .map(answered -> HealthCheckResponse.up("database"))
                .onFailure()
                .recoverWithItem(() -> HealthCheckResponse.down("database"));
    }
}
