package dev.larder.catalog;

import dev.larder.catalog.PauseStore.Reconciliation;
import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import dev.larder.model.Pause;
import dev.larder.model.PauseScope;
import dev.larder.model.Role;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

/** The pause of the whole deployment (design, section 2.1.8). */
@Path("/api/v1/settings/reconciliation")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "catalog")
class SettingsResource {

    private final PauseStore pauses;
    private final CurrentCaller caller;
    private final WakeUps wakeUps;
    private final InstantSource clock;

    SettingsResource(PauseStore pauses, CurrentCaller caller, WakeUps wakeUps, InstantSource clock) {
        this.pauses = pauses;
        this.caller = caller;
        this.wakeUps = wakeUps;
        this.clock = clock;
    }

    /**
     * Whether the reconciler is paused everywhere, and whether it runs.
     *
     * @param paused false also where a pause has ended
     * @param until null holds until it is lifted
     * @param lastFinishedAt when a cycle that looked at everything last finished, in whichever process
     * @param lastFinishedAgeSeconds how long ago that was
     */
    public record ReconciliationSettings(
            boolean paused,
            @Nullable String scope,
            @Nullable Instant until,
            Instant lastFinishedAt,
            long lastFinishedAgeSeconds) {}

    /** The body that pauses everything or nothing. */
    @RegisterForReflection
    record SettingsBody(
            boolean paused,
            @Nullable String scope,
            @Nullable Instant until) {}

    @GET
    @RolesAllowed({Role.OWNER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "getReconciliationSettings",
            summary = "Shows whether the whole deployment is paused, and when a cycle last finished")
    public Uni<ReconciliationSettings> settings() {
        return pauses.reconciliation().map(this::settings);
    }

    private ReconciliationSettings settings(Reconciliation now) {
        Instant at = clock.instant();
        Optional<PauseView> pause =
                now.pause().filter(set -> new Pause("deployment", PauseScope.of(set.scope()), set.until()).holdsAt(at));
        Duration age = Duration.between(now.lastFinishedAt(), at);
        return new ReconciliationSettings(
                pause.isPresent(),
                pause.map(PauseView::scope).orElse(null),
                pause.map(PauseView::until).orElse(null),
                now.lastFinishedAt(),
                Math.max(0, age.toSeconds()));
    }

    /**
     * Body: {@code {"paused": true, "scope": "create" | "all", "until": instant?}} or
     * {@code {"paused": false}}.
     */
    @PUT
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed(Role.OWNER_NAME)
    @Operation(operationId = "putReconciliationSettings", summary = "Pauses or resumes the whole deployment")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = SettingsBody.class)))
    public Uni<ReconciliationSettings> change(byte @Nullable [] bytes) {
        JsonBody body = JsonBody.of(bytes, SettingsBody.class);
        boolean paused = body.optionalBoolean("paused")
                .orElseThrow(() -> Problem.badRequest("missing_field", "paused", "is required."));
        for (String field : new String[] {"scope", "until"}) {
            if (!paused && body.has(field)) {
                throw Problem.unprocessable("not_paused", field, "belongs to a pause, and paused is false.");
            }
        }
        @Nullable PauseView pause = paused ? Pauses.read(body, clock.instant()) : null;
        return pauses.pauseDeployment(caller.get(), pause)
                .invoke(() -> wakeUps.changed(Change.DEMAND))
                .chain(pauses::reconciliation)
                .map(this::settings);
    }
}
