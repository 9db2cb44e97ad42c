package dev.larder.inventory;

import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import dev.larder.inventory.RestoreStore.RestoreResult;
import dev.larder.inventory.RestoreStore.SuspectDatabase;
import dev.larder.model.Role;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.time.Instant;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

/** What is to be done after the database was restored from a backup ({@code src/docs/operation/restore.md}). */
@Path("/api/v1/settings/restore")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "inventory")
class RestoreResource {

    private final RestoreStore store;
    private final WakeUps wakeUps;
    private final CurrentCaller caller;

    RestoreResource(RestoreStore store, WakeUps wakeUps, CurrentCaller caller) {
        this.store = store;
        this.wakeUps = wakeUps;
        this.caller = caller;
    }

    /**
     * Whether servers hold back.
     *
     * @param reason {@code another_server}: the database is on another PostgreSQL cluster than before;
     *     {@code claims_missing}: a claim that was seen in it is gone; null where they do not hold back
     */
    record RestoreState(
            boolean suspect,

            @Schema(enumeration = {"another_server", "claims_missing"}) @Nullable
            String reason,

            @Nullable Instant since) {

        static RestoreState of(Optional<SuspectDatabase> suspect) {
            return new RestoreState(
                    suspect.isPresent(),
                    suspect.map(found -> found.reason().word()).orElse(null),
                    suspect.map(SuspectDatabase::since).orElse(null));
        }
    }

    /** The body that says what happened. */
    @RegisterForReflection
    record RestoreRequest(
            @Schema(description = "true: restored from a backup; false: moved, and nothing happened after the copy")
            boolean claimsLost) {}

    @GET
    @RolesAllowed({Role.OWNER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "getRestoreState",
            summary = "Shows whether the database may have been restored to an earlier state")
    public Uni<RestoreState> state() {
        return store.suspectDatabase().map(RestoreState::of);
    }

    @POST
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed(Role.OWNER_NAME)
    @Operation(
            operationId = "acceptRestoredDatabase",
            summary =
                    "Accepts a restored database. Quarantines unclaimed stock, cancels unfinished builds, restarts leases and requests reports of all workers")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = RestoreRequest.class)))
    public Uni<RestoreResult> accept(byte[] body) {
        boolean claimsLost = JsonBody.of(body, RestoreRequest.class)
                .optionalBoolean("claimsLost")
                .orElseThrow(() -> Problem.badRequest("missing_field", "claimsLost", "is required."));
        return store.accept(claimsLost, caller.get().userId()).invoke(done -> wakeUps.changed(Change.DEMAND));
    }
}
