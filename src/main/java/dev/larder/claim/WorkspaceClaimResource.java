package dev.larder.claim;

import dev.larder.claim.ClaimRequest.Policy;
import dev.larder.claim.ClaimRequest.Wanted;
import dev.larder.claim.ExactClaims.Result;
import dev.larder.http.CurrentCaller;
import dev.larder.http.ETags;
import dev.larder.http.JsonBody;
import dev.larder.http.PreferWait;
import dev.larder.http.Problem;
import dev.larder.model.Caller;
import dev.larder.model.Role;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.ExampleObject;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.RestResponse.ResponseBuilder;
import org.jspecify.annotations.Nullable;

/** Claims that name the workspace: by its version. */
@Path("/api/v1/workspaces")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "claims")
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
class WorkspaceClaimResource {

    private final ExactClaims exact;
    private final ClaimAnswers answers;
    private final CurrentCaller caller;
    private final ClaimObserver observer;
    private final ClaimSettings settings;
    private final InstantSource clock;

    WorkspaceClaimResource(
            ExactClaims exact,
            ClaimAnswers answers,
            CurrentCaller caller,
            ClaimObserver observer,
            ClaimSettings settings,
            InstantSource clock) {
        this.exact = exact;
        this.answers = answers;
        this.caller = caller;
        this.observer = observer;
        this.settings = settings;
        this.clock = clock;
    }

    /** The body that claims a workspace by its version. */
    @RegisterForReflection
    @Schema(name = "VersionedClaim")
    record VersionedClaim(
            @Nullable Integer expectedVersion,

            @Schema(format = "duration", examples = "PT8H") @Nullable
            String ttl) {}

    @POST
    @Path("{id}/claim")
    @Consumes(MediaType.APPLICATION_JSON)
    @RequestBody(
            description = "The version that the workspace must have, unless If-Match names it",
            required = true,
            content =
                    @Content(
                            schema = @Schema(implementation = VersionedClaim.class),
                            examples = @ExampleObject(name = "version", value = "{\"expectedVersion\":1}")))
    @APIResponse(
            responseCode = "200",
            description = "Claimed. The ETag is the workspace's new version",
            content = @Content(schema = @Schema(implementation = ClaimView.class)))
    @APIResponse(
            responseCode = "202",
            description = "The workspace is verified first. Get the claim, or repeat the request with the same key",
            content = @Content(schema = @Schema(implementation = ClaimView.class)))
    @APIResponse(responseCode = "403", description = "quota_exceeded")
    @APIResponse(responseCode = "404", description = "workspace_not_found")
    @APIResponse(
            responseCode = "409",
            description =
                    "version_conflict, with currentVersion; already_claimed, workspace_not_ready, workspace_expired, workspace_deleted, state_unreliable, state_corrupt, mutation_in_progress, preset_not_active, connections_full, workspace_busy")
    @APIResponse(responseCode = "412", description = "version_conflict, where If-Match named the version")
    @Operation(
            operationId = "claimWorkspace",
            summary =
                    "Claims exactly this workspace if it has the expected version and is claimable. Its version grows by one")
    public Uni<RestResponse<Object>> claim(
            @PathParam("id") String id,
            byte @Nullable [] body,
            @HeaderParam("Idempotency-Key") @Nullable String key,
            @HeaderParam("If-Match") @Nullable String ifMatch,
            @HeaderParam("Prefer") @Nullable String prefer) {
        UUID workspace = JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("workspace"));
        JsonBody json = JsonBody.of(body, VersionedClaim.class);
        OptionalInt tag = ETags.ifMatch(ifMatch);
        Wanted.Exactly wanted = new Wanted.Exactly(workspace, version(json, tag));
        ClaimRequest request = new ClaimRequest(
                wanted, new Policy.Fail(), 1, 1, ClaimRequest.bounded(json, "ttl", ClaimRequest.ttlMax()));
        Duration hold = PreferWait.of(prefer).orElse(settings.hold());
        Caller asking = caller.get();
        Instant asked = clock.instant();
        return exact.claim(asking, request, wanted, ClaimResource.key(key))
                .invoke(result -> observe(result, asked))
                .chain(result -> answer(asking, request, result, tag.isPresent(), hold));
    }

    private static int version(JsonBody json, OptionalInt tag) {
        Optional<Integer> named = json.optionalInteger("expectedVersion", 1, Integer.MAX_VALUE);
        if (named.isPresent() && tag.isPresent() && named.get() != tag.getAsInt()) {
            throw Problem.badRequest("ambiguous_version", "expectedVersion", "is another version than If-Match names.");
        }
        if (named.isEmpty() && tag.isEmpty()) {
            throw Problem.badRequest("missing_field", "expectedVersion", "is required, or the header If-Match.");
        }
        return named.orElseGet(tag::getAsInt);
    }

    private void observe(Result result, Instant asked) {
        Outcome outcome = result instanceof Result.Decided(var decided) ? decided : new Outcome.NotThisOne();
        observer.answered(outcome.path(), outcome.word(), Duration.between(asked, clock.instant()));
    }

    private Uni<RestResponse<Object>> answer(
            Caller asking, ClaimRequest request, Result result, boolean byTag, Duration hold) {
        return switch (result) {
            case Result.Decided(var outcome) ->
                answers.of(asking, request, outcome, hold).map(WorkspaceClaimResource::ok);
            case Result.OtherVersion(var current) -> Uni.createFrom().failure(conflict(current, byTag));
            case Result.Blocked(var obstacle) -> Uni.createFrom().failure(blocked(obstacle));
            case Result.NoWorkspace() -> Uni.createFrom().failure(Problem.notFound("workspace"));
        };
    }

    private static Problem conflict(int current, boolean byTag) {
        return Problem.of(byTag ? 412 : 409, "version_conflict", "The workspace has version " + current + ".")
                .withHeader("ETag", ETags.format(current))
                .with("currentVersion", current);
    }

    private static Problem blocked(Obstacle obstacle) {
        return Problem.of(409, obstacle.name().toLowerCase(Locale.ROOT), obstacle.detail());
    }

    /** Nothing was made that was not there before. */
    private static RestResponse<Object> ok(RestResponse<Object> claimed) {
        if (claimed.getStatus() != 201) {
            return claimed;
        }
        ResponseBuilder<Object> answer = ResponseBuilder.ok(claimed.getEntity());
        claimed.getHeaders().forEach((name, values) -> values.forEach(value -> answer.header(name, value)));
        return answer.build();
    }
}
