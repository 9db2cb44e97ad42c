package dev.larder.observe;

import dev.larder.model.ReadinessPart;
import io.quarkus.arc.All;
import io.smallrye.health.api.AsyncHealthCheck;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Startup;

/** Up once the steps of the start are done, and from then on. */
@Startup
@ApplicationScoped
class Started implements AsyncHealthCheck {

    private final List<ReadinessPart> parts;
    private volatile boolean started;

    Started(@All List<ReadinessPart> parts) {
        this.parts = parts.stream().filter(ReadinessPart::partOfStart).toList();
    }

    @Override
    public Uni<HealthCheckResponse> call() {
        return Uni.createFrom().item(this::answer);
    }

    private HealthCheckResponse answer() {
        if (started) {
            return HealthCheckResponse.up("start");
        }
        HealthCheckResponse answer = PartsReadiness.answer("start", parts);
        started = answer.getStatus() == HealthCheckResponse.Status.UP;
        return answer;
    }
}
