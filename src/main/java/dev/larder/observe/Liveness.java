package dev.larder.observe;

import io.smallrye.health.api.AsyncHealthCheck;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import org.eclipse.microprofile.health.HealthCheckResponse;

/** Up as long as an event loop answers. A restart would not bring an unreachable database back. */
@org.eclipse.microprofile.health.Liveness
@ApplicationScoped
class Liveness implements AsyncHealthCheck {

    @Override
    public Uni<HealthCheckResponse> call() {
        return Uni.createFrom().item(HealthCheckResponse.up("process"));
    }
}
