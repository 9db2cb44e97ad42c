package dev.larder.reconcile;

import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import dev.larder.lifecycle.RolloutChange;
import dev.larder.lifecycle.RolloutControl;
import dev.larder.model.Caller;
import dev.larder.model.Role;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** Steers rollouts. Each call shows the rollout after it, and may be repeated. */
@Path("/api/v1/rollouts")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "rollouts")
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
class RolloutControlResource {

    /** Why a call is refused, by its code. */
    private static final Map<String, String> REFUSALS = Map.of(
            "rollout_not_in_canary", "The new version is served already; there is no canary to skip.",
            "rollout_has_no_version_before",
                    "It renews the stock of one version, so there is no other one to go back to.",
            "rollout_not_of_active_version",
                    "Its new version is no longer the active one, or the template is deleted.");

    private final RolloutControl control;
    private final RolloutResource rollouts;
    private final CurrentCaller caller;
    private final WakeUps wakeUps;
    private final InstantSource clock;

    RolloutControlResource(
            RolloutControl control,
            RolloutResource rollouts,
            CurrentCaller caller,
            WakeUps wakeUps,
            InstantSource clock) {
        this.control = control;
        this.rollouts = rollouts;
        this.caller = caller;
        this.wakeUps = wakeUps;
        this.clock = clock;
    }

    @POST
    @Path("{id}/pause")
    @Operation(
            operationId = "pauseRollout",
            summary = "Pauses the rollout: nothing is replaced until it is resumed. Claims go on. Idempotent")
    public Uni<RolloutView> pause(@PathParam("id") String id) {
        return steer(id, control::pause);
    }

    @POST
    @Path("{id}/resume")
    @Operation(
            operationId = "resumeRollout",
            summary =
                    "Resumes a paused or held rollout, with a new deadline. Earlier failures no longer count. Idempotent")
    public Uni<RolloutView> resume(@PathParam("id") String id) {
        return steer(id, control::resume);
    }

    @POST
    @Path("{id}/skip-canary")
    @Operation(operationId = "skipRolloutCanary", summary = "Serves the new version from now on, without a verdict")
    public Uni<RolloutView> skipCanary(@PathParam("id") String id) {
        return steer(id, control::skipCanary);
    }

    @POST
    @Path("{id}/rollback")
    @Operation(
            operationId = "rollBackRollout",
            summary =
                    "Makes the version before the active one again, for all presets of the template. Its stock is kept")
    public Uni<RolloutView> rollBack(@PathParam("id") String id) {
        return steer(id, control::rollBack);
    }

    private interface Step {
        Uni<RolloutChange> of(Caller caller, UUID rollout, Instant at);
    }

    private Uni<RolloutView> steer(String id, Step step) {
        UUID rollout = JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("rollout"));
        return step.of(caller.get(), rollout, clock.instant())
                .map(RolloutControlResource::changed)
                .invoke(changed -> wakeUps.changed(Change.TEMPLATE))
                .chain(rollouts::shown);
    }

    private static UUID changed(RolloutChange change) {
        return switch (change) {
            case RolloutChange.Changed(var rollout) -> rollout;
            case RolloutChange.Unknown() -> throw Problem.notFound("rollout");
            case RolloutChange.Ended(var state) ->
                throw Problem.of(409, "rollout_ended", "The rollout has ended: it is " + state.word() + ".");
            case RolloutChange.Refused(var code) ->
                throw Problem.of(409, code, REFUSALS.getOrDefault(code, "The rollout's state forbids it."));
        };
    }
}
