package dev.larder.claim;

import dev.larder.claim.Claims.Outcome;
import dev.larder.http.CurrentCaller;
import dev.larder.http.ETags;
import dev.larder.http.JsonBody;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.Problem;
import dev.larder.pool.Caller;
import dev.larder.pool.ClaimObserver;
import dev.larder.pool.Role;
import dev.larder.pool.Scope;
import dev.larder.store.ClaimStore;
import dev.larder.store.ClaimStore.Claim;
import dev.larder.store.JobStore;
import dev.larder.wake.Bell;
import dev.larder.wake.Topic;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.RestResponse.ResponseBuilder;
import org.jspecify.annotations.Nullable;

/** Claims over HTTP: take one, look at it, give it back. */
@Path("/api/v1/claims")
@Tag(name = "claims")
class ClaimResource {

    private static final int KEY_MAX = 255;

    private final Claims claims;
    private final ClaimStore store;
    private final JobStore jobs;
    private final Bell bell;
    private final CurrentCaller caller;
    private final InstantSource clock;
    private final ClaimObserver observer;

    ClaimResource(
            Claims claims,
            ClaimStore store,
            JobStore jobs,
            Bell bell,
            CurrentCaller caller,
            InstantSource clock,
            ClaimObserver observer) {
        this.claims = claims;
        this.store = store;
        this.jobs = jobs;
        this.bell = bell;
        this.caller = caller;
        this.clock = clock;
        this.observer = observer;
    }

    @POST
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @RequestBody(
            description = "A preset by template and name, or by presetId, or exactly one workspace by workspaceId with"
                    + " If-Match; policy \"fail\" or \"cold\"",
            content =
                    @Content(
                            schema =
                                    @Schema(
                                            type =
                                                    org.eclipse.microprofile.openapi.annotations.enums.SchemaType
                                                            .OBJECT)))
    @Operation(summary = "Hands out one ready workspace")
    public Uni<RestResponse<ClaimView>> claim(
            byte[] body,
            @HeaderParam("Idempotency-Key") @Nullable String key,
            @HeaderParam("If-Match") @Nullable String ifMatch) {
        ClaimRequest request = ClaimRequest.of(body, ETags.ifMatch(ifMatch));
        Caller asking = caller.get();
        Instant asked = clock.instant();
        return claims.claim(asking, request, key(key))
                .invoke(outcome -> observe(outcome, asked))
                .chain(outcome -> answer(asking, outcome));
    }

    private void observe(Outcome outcome, Instant asked) {
        observer.answered(outcome.path(), outcome.word(), Duration.between(asked, clock.instant()));
    }

    private static Optional<String> key(@Nullable String header) {
        if (header != null && (header.isBlank() || header.length() > KEY_MAX)) {
            throw Problem.badRequest(
                    "invalid_idempotency_key", "Idempotency-Key", "must have 1 to " + KEY_MAX + " characters.");
        }
        return Optional.ofNullable(header);
    }

    private Uni<RestResponse<ClaimView>> answer(Caller asking, Outcome outcome) {
        return switch (outcome) {
            case Outcome.Claimed(var claim, var path, var replayed) ->
                found(asking, claim).map(found -> created(found, replayed));
            case Outcome.KeyReused() ->
                refused(Problem.unprocessable(
                        "idempotency_key_reused", "Idempotency-Key", "was used for another request."));
            case Outcome.UnknownPreset() -> refused(Problem.notFound("preset"));
            case Outcome.NotActive(var why) ->
                refused(Problem.of(409, "preset_not_active", "The preset is not active: " + why + "."));
            case Outcome.NoneInStock(var retryAfter) ->
                refused(Problem.of(409, "no_claimable_workspace", "No workspace of this preset is ready at present.")
                        .withHeader("Retry-After", String.valueOf(Math.max(1, retryAfter.toSeconds()))));
            case Outcome.NotThisOne() ->
                refused(Problem.of(
                        412,
                        "workspace_not_claimable",
                        "This workspace is not there, not claimable, or no longer has that version."));
            case Outcome.OrganizationNeeded() ->
                refused(Problem.badRequest("missing_field", "organization", "is required of deployment-wide users."));
        };
    }

    private static Uni<RestResponse<ClaimView>> refused(Problem problem) {
        return Uni.createFrom().failure(problem);
    }

    private RestResponse<ClaimView> created(Claim claim, boolean replayed) {
        if (claim.workspace().claimStepWanted()) {
            bell.ring(Topic.STEPS);
        }
        return ResponseBuilder.<ClaimView>created(URI.create("/api/v1/claims/" + claim.id()))
                .tag(String.valueOf(claim.workspace().version()))
                .header("Idempotency-Replayed", replayed ? "true" : null)
                .entity(ClaimView.of(claim, outputs(claim)))
                .build();
    }

    private Uni<Claim> found(Caller asking, UUID claim) {
        return store.find(claim, Scope.of(asking)).map(found -> found.orElseThrow(() -> Problem.notFound("claim")));
    }

    /** The claimer alone sees what opens the workspace, and only while the claim lasts. */
    private Map<String, String> outputs(Claim claim) {
        if (!claim.userId().equals(caller.get().userId()) || claim.endedAt().isPresent()) {
            return Map.of();
        }
        Map<String, String> outputs = new LinkedHashMap<>();
        store.open(claim.workspace())
                .map(JsonObject::new)
                .ifPresent(
                        json -> json.forEach(entry -> outputs.put(entry.getKey(), String.valueOf(entry.getValue()))));
        return outputs;
    }

    @GET
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(summary = "Lists claims, without outputs: a member's own, for the others those of their organization")
    public Uni<Page<ClaimView>> list(
            @QueryParam("limit") @Nullable String limit, @QueryParam("after") @Nullable String after) {
        PageRequest page = PageRequest.of(limit, after);
        Caller asking = caller.get();
        return store.list(Scope.of(asking), page.after(), page.rows())
                .map(rows -> rows.stream()
                        .map(claim -> ClaimView.of(claim, Map.of()))
                        .toList())
                .map(views -> Page.of(page, views, ClaimView::id));
    }

    @GET
    @Path("{id}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(summary = "Shows a claim with its workspace; outputs for the claimer alone")
    public Uni<RestResponse<ClaimView>> get(@PathParam("id") String id) {
        return found(caller.get(), uuid(id))
                .map(claim -> ResponseBuilder.ok(ClaimView.of(claim, outputs(claim)))
                        .tag(String.valueOf(claim.workspace().version()))
                        .build());
    }

    @DELETE
    @Path("{id}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @Operation(summary = "Gives the workspace back: it is destroyed. Again is no error")
    public Uni<Void> release(@PathParam("id") String id) {
        return found(caller.get(), uuid(id))
                .chain(claim -> store.release(claim.id(), clock.instant()))
                .chain(() -> jobs.deleteWanted(clock.instant()))
                .invoke(begun -> bell.ring(Topic.JOBS))
                .replaceWithVoid();
    }

    private static UUID uuid(String id) {
        return JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("claim"));
    }
}
