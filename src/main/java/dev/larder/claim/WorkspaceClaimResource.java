package dev.larder.claim;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.larder.claim.ClaimRequest.Policy;
import dev.larder.claim.ClaimRequest.Wanted;
import dev.larder.claim.ColdParameters.Chosen;
import dev.larder.claim.ExactClaims.Result;
import dev.larder.http.CurrentCaller;
import dev.larder.http.ETags;
import dev.larder.http.JsonBody;
import dev.larder.http.Labels;
import dev.larder.http.Names;
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
import java.util.Map;
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

/** Claims that name the workspace: one that exists, by its version, and one that is made with the claim. */
@Path("/api/v1/workspaces")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "claims")
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
class WorkspaceClaimResource {

    private final ExactClaims exact;
    private final Claims claims;
    private final ClaimAnswers answers;
    private final CurrentCaller caller;
    private final ClaimObserver observer;
    private final ClaimSettings settings;
    private final InstantSource clock;

    WorkspaceClaimResource(
            ExactClaims exact,
            Claims claims,
            ClaimAnswers answers,
            CurrentCaller caller,
            ClaimObserver observer,
            ClaimSettings settings,
            InstantSource clock) {
        this.exact = exact;
        this.claims = claims;
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

            @Schema(examples = "8h") @Nullable String ttl,

            @Nullable Map<String, String> labels) {}

    /** The body that makes a workspace and claims it. */
    @RegisterForReflection
    @Schema(name = "NewWorkspace")
    record NewWorkspace(
            UUID id,
            @Schema(examples = "review-42") String name,
            @JsonUnwrapped Wish wish) {}

    /** What the new workspace is built of, and how long it is kept. */
    @RegisterForReflection
    record Wish(
            @Nullable String organization,
            @Nullable String template,
            @Nullable String preset,
            @Nullable Map<String, String> parameters,
            @Nullable UUID presetId,

            @Schema(examples = "8h") @Nullable String ttl,

            @Nullable Map<String, String> labels) {}

    @POST
    @Consumes(MediaType.APPLICATION_JSON)
    @RequestBody(
            description = "The id and name of the workspace, and the preset that it is built of",
            required = true,
            content =
                    @Content(
                            schema = @Schema(implementation = NewWorkspace.class),
                            examples =
                                    @ExampleObject(
                                            name = "new",
                                            value =
                                                    "{\"id\":\"01939f0a-6f1e-7cc0-8a52-0d5d2f3f1a01\",\"name\":\"review-42\",\"template\":\"shop\",\"preset\":\"small\"}")))
    @APIResponse(
            responseCode = "201",
            description = "Made and claimed; its build begins",
            content = @Content(schema = @Schema(implementation = ClaimView.class)))
    @APIResponse(responseCode = "403", description = "quota_exceeded")
    @APIResponse(responseCode = "404", description = "preset_not_found")
    @APIResponse(
            responseCode = "409",
            description = "workspace_id_taken, workspace_name_taken, preset_not_active, connections_full")
    @Operation(
            operationId = "createWorkspace",
            summary =
                    "Makes a workspace under an id and a name, and claims it, or does neither. Repeated, it gives the same answer")
    public Uni<RestResponse<Object>> create(
            byte @Nullable [] body,
            @HeaderParam("Idempotency-Key") @Nullable String key,
            @HeaderParam("Prefer") @Nullable String prefer) {
        JsonBody json = JsonBody.of(body, NewWorkspace.class);
        Chosen chosen = chosen(json);
        ClaimRequest request = ClaimRequest.ofNew(json);
        Duration hold = PreferWait.of(prefer).orElse(settings.hold());
        Optional<String> own = ClaimCalls.key(key);
        Caller asking = caller.get();
        Instant asked = clock.instant();
        return claims.create(asking, request, chosen, own)
                .onFailure(ColdClaimStore::isIdTaken)
                .transform(taken -> idTaken())
                .onFailure(ColdClaimStore::isNameTaken)
                .transform(taken -> nameTaken())
                // Without a key of its own another request for this id was not the same one.
                .invoke(outcome -> refuseOther(outcome, own))
                .invoke(outcome -> observe(outcome, asked))
                .chain(outcome -> answers.of(asking, request, outcome, hold));
    }

    private static Chosen chosen(JsonBody json) {
        UUID id = json.optionalId("id").orElseThrow(() -> Problem.badRequest("missing_field", "id", "is required."));
        String name = Names.checked(json.text("name"), "name");
        return new Chosen(id, name);
    }

    private static void refuseOther(Outcome outcome, Optional<String> own) {
        if (outcome instanceof Outcome.KeyReused && own.isEmpty()) {
            throw idTaken();
        }
    }

    private static Problem idTaken() {
        return Problem.of(409, "workspace_id_taken", "A workspace of this id exists, or existed.");
    }

    private static Problem nameTaken() {
        return Problem.of(409, "workspace_name_taken", "The caller has a workspace of this name.");
    }

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
                wanted,
                new Policy.Fail(),
                1,
                1,
                ClaimRequest.bounded(json, "ttl", ClaimRequest.ttlMax()),
                Labels.of(json, "labels"));
        Duration hold = PreferWait.of(prefer).orElse(settings.hold());
        Caller asking = caller.get();
        Instant asked = clock.instant();
        return exact.claim(asking, request, wanted, ClaimCalls.key(key))
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
        observe(result instanceof Result.Decided(var decided) ? decided : new Outcome.NotThisOne(), asked);
    }

    private void observe(Outcome outcome, Instant asked) {
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
