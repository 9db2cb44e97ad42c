package dev.larder.claim;

import dev.larder.http.CurrentCaller;
import dev.larder.model.Caller;
import dev.larder.model.Role;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.ExampleObject;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** Claims of several presets at once. */
@Path("/api/v1/claim-sets")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "claims")
class ClaimSetResource {

    private final ClaimSets sets;
    private final ClaimAnswers answers;
    private final CurrentCaller caller;
    private final ClaimObserver observer;
    private final InstantSource clock;

    ClaimSetResource(
            ClaimSets sets, ClaimAnswers answers, CurrentCaller caller, ClaimObserver observer, InstantSource clock) {
        this.sets = sets;
        this.answers = answers;
        this.caller = caller;
        this.observer = observer;
        this.clock = clock;
    }

    @POST
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @RequestBody(
            description = "The presets; on names an earlier member that a workspace stands on",
            required = true,
            content =
                    @Content(
                            schema = @Schema(implementation = ClaimSetRequest.Body.class),
                            examples =
                                    @ExampleObject(
                                            name = "two",
                                            value =
                                                    "{\"members\":[{\"name\":\"network\",\"template\":\"net\",\"preset\":\"small\"},{\"name\":\"database\",\"on\":\"network\",\"template\":\"db\",\"preset\":\"small\"}]}")))
    @APIResponse(
            responseCode = "201",
            description = "All are claimed, in the order of the members",
            content = @Content(schema = @Schema(implementation = ClaimOrBatch.ClaimBatch.class)))
    @APIResponse(responseCode = "403", description = "quota_exceeded")
    @APIResponse(responseCode = "409", description = "no_claimable_workspace; nothing is claimed then")
    @APIResponse(
            responseCode = "422",
            description = "preset_not_found, count_not_for_verified, unknown_member, idempotency_key_reused")
    @Operation(
            operationId = "createClaimSet",
            summary =
                    "Claims a ready workspace of each of several presets, and attaches them to each other: all or none")
    public Uni<RestResponse<Object>> claim(
            byte @Nullable [] body, @HeaderParam("Idempotency-Key") @Nullable String key) {
        ClaimSetRequest request = ClaimSetRequest.of(body);
        Optional<String> own = ClaimCalls.key(key);
        Caller asking = caller.get();
        Instant asked = clock.instant();
        return sets.claim(asking, request, own)
                .invoke(outcome ->
                        observer.answered(outcome.path(), outcome.word(), Duration.between(asked, clock.instant())))
                .chain(outcome -> answers.of(asking, ClaimSets.asBatch(request), outcome, Duration.ZERO));
    }
}
