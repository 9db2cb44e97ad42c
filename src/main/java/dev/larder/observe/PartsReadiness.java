package dev.larder.observe;

import dev.larder.model.ReadinessPart;
import io.quarkus.arc.All;
import io.smallrye.health.api.AsyncHealthCheck;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Readiness;

/** Ready while every {@code ReadinessPart} is up: listener, migrations, not draining. */
@Readiness
@ApplicationScoped
class PartsReadiness implements AsyncHealthCheck {

    private final List<ReadinessPart> parts;

    PartsReadiness(@All List<ReadinessPart> parts) {
        this.parts = parts;
    }

    @Override
    public Uni<HealthCheckResponse> call() {
        return Uni.createFrom().item(() -> answer("parts", parts));
    }

    static HealthCheckResponse answer(String name, List<ReadinessPart> parts) {
        var answer = HealthCheckResponse.named(name);
        boolean up = true;
        for (ReadinessPart part : parts) {
            boolean partUp = part.up();
            up &= partUp;
            answer.withData(part.name(), (partUp ? "up: " : "down: ") + part.detail());
        }
        return answer.status(up).build();
    }
}
