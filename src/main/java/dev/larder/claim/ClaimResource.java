package dev.larder.claim;

import dev.larder.claim.ClaimReads.ClaimFilter;
import dev.larder.http.CurrentCaller;
import dev.larder.http.ETags;
import dev.larder.http.Filters;
import dev.larder.http.JsonBody;
import dev.larder.http.Labels;
import dev.larder.http.ListParameters;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.PreferWait;
import dev.larder.http.PresetParameters;
import dev.larder.http.Problem;
import dev.larder.lifecycle.EndClaimStore;
import dev.larder.model.Caller;
import dev.larder.model.PresetFilter;
import dev.larder.model.Role;
import dev.larder.model.Visibility;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.ExampleObject;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.RestResponse.ResponseBuilder;
import org.jspecify.annotations.Nullable;

/** The HTTP API of claims: create, read, renew, release. */
@Path("/api/v1/claims")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "claims")
class ClaimResource {

    private final ClaimCalls calls;
    private final ClaimAnswers answers;
    private final ClaimReads reads;
    private final EndClaimStore leases;
    private final Releases releases;
    private final CurrentCaller caller;
    private final InstantSource clock;

    ClaimResource(
            ClaimCalls calls,
            ClaimAnswers answers,
            ClaimReads reads,
            EndClaimStore leases,
            Releases releases,
            CurrentCaller caller,
            InstantSource clock) {
        this.calls = calls;
        this.answers = answers;
        this.reads = reads;
        this.leases = leases;
        this.releases = releases;
        this.caller = caller;
        this.clock = clock;
    }

    @POST
    @Consumes(MediaType.APPLICATION_JSON)
    @Produces(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @RequestBody(
            description = "The preset or workspace, and the policy where none is in stock",
            required = true,
            content =
                    @Content(
                            schema = @Schema(implementation = ClaimBody.class),
                            examples =
                                    @ExampleObject(
                                            name = "wait",
                                            value =
                                                    "{\"template\":\"shop\",\"preset\":\"small\",\"policy\":\"wait\",\"timeout\":\"30s\"}")))
    @APIResponse(
            responseCode = "201",
            description = "Claimed. The answer has items where count is above 1",
            content = @Content(schema = @Schema(implementation = ClaimOrBatch.class)))
    @APIResponse(
            responseCode = "202",
            description = "The claim waits. Get it, or repeat the request with the same key (with Retry-After)",
            content = @Content(schema = @Schema(implementation = ClaimView.class)))
    @APIResponse(responseCode = "403", description = "quota_exceeded")
    @APIResponse(responseCode = "404", description = "organization_not_found, template_not_found, preset_not_found")
    @APIResponse(
            responseCode = "409",
            description =
                    "no_claimable_workspace, creation_stopped (with Retry-After where one may be ready by itself); connections_full; verification_failed; preset_not_active; claim_ended")
    @APIResponse(responseCode = "412", description = "workspace_not_claimable")
    @APIResponse(
            responseCode = "422",
            description =
                    "idempotency_key_reused; preset_not_found (one of several names); a field that is not acceptable")
    @APIResponse(responseCode = "429", description = "too_many_waiting (with Retry-After)")
    @Operation(operationId = "createClaim", summary = "Hands out ready workspaces, one or several")
    public Uni<RestResponse<Object>> claim(
            byte[] body,
            @HeaderParam("Idempotency-Key") @Nullable String key,
            @HeaderParam("If-Match") @Nullable String ifMatch,
            @HeaderParam("Prefer") @Nullable String prefer) {
        return calls.create(caller.get(), ClaimRequest.of(body, ETags.ifMatch(ifMatch)), ClaimCalls.key(key), prefer);
    }

    @GET
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "listClaims",
            summary =
                    "Lists claims without outputs, newest first. Members see their own, others those of their organization")
    public Uni<Page<ClaimView>> list(
            @BeanParam ListParameters list,
            @BeanParam PresetParameters presets,
            @QueryParam("status") @Parameter(description = Filters.STATUS) @Nullable String status,
            @QueryParam("owner") @Parameter(description = Filters.OWNER) @Nullable String owner,
            @QueryParam("label") @Parameter(description = Labels.FILTER) List<String> label,
            @QueryParam("since") @Parameter(description = Filters.SINCE) @Nullable String since) {
        return page(list, filter(presets.filter(), status, owner, label, since));
    }

    /** Reads the filters of a list of claims. */
    ClaimFilter filter(
            PresetFilter presets,
            @Nullable String status,
            @Nullable String owner,
            List<String> label,
            @Nullable String since) {
        return new ClaimFilter(
                presets,
                Filters.status(status, ClaimView.STATUSES),
                Filters.text("owner", owner),
                Labels.selector(label),
                Filters.since(since, clock.instant()));
    }

    Uni<Page<ClaimView>> page(ListParameters list, ClaimFilter filter) {
        PageRequest page = list.page();
        Visibility scope = Visibility.of(caller.get());
        return reads.list(scope, filter, page.after(), page.rows())
                .map(rows -> Page.of(page, rows, Claim::id).map(claim -> ClaimView.of(claim, Map.of())))
                .chain(found -> list.counted(found, () -> reads.total(scope, filter)));
    }

    @GET
    @Path("{id}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "getClaim",
            summary =
                    "Shows a claim with its workspace. Only the claimer sees outputs. Prefer: wait=20 waits until it is ready, has failed or has ended; the status says whether it is")
    public Uni<RestResponse<ClaimView>> get(
            @PathParam("id") String id, @HeaderParam("Prefer") @Nullable String prefer) {
        Caller asking = caller.get();
        return answers.awaited(
                        uuid(id), Visibility.of(asking), PreferWait.of(prefer).orElse(Duration.ZERO))
                .map(found -> found.orElseThrow(() -> Problem.notFound("claim")))
                .chain(claim -> answers.view(asking, claim))
                .map(ClaimResource::shown);
    }

    private static RestResponse<ClaimView> shown(ClaimView view) {
        Integer generation = view.course().generation();
        ResponseBuilder<ClaimView> answer = ResponseBuilder.ok(view);
        return generation == null
                ? answer.build()
                : answer.tag(String.valueOf(generation)).build();
    }

    @POST
    @Path("{id}/renew")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = Renewal.class)))
    @Operation(
            operationId = "renewClaim",
            summary = "Renews the lease of a claim, counted from now. If-Match may name its generation")
    public Uni<RestResponse<ClaimView>> renew(
            @PathParam("id") String id, byte[] body, @HeaderParam("If-Match") @Nullable String ifMatch) {
        JsonBody json = JsonBody.of(body, Renewal.class);
        Duration ttl = ClaimRequest.bounded(json, "ttl", ClaimRequest.ttlMax())
                .orElseThrow(() -> Problem.badRequest("missing_field", "ttl", "is required."));
        OptionalInt generation = ETags.ifMatch(ifMatch);
        Caller asking = caller.get();
        return found(asking, uuid(id))
                .invoke(claim -> refuseOther(claim, generation))
                .chain(claim -> leases.renew(claim.id(), ttl, generation, clock.instant()))
                .invoke(ClaimResource::refuseEnded)
                .chain(renewed -> found(asking, uuid(id)))
                .chain(claim -> answers.view(asking, claim))
                .map(ClaimResource::shown);
    }

    /** The body that prolongs a claim. */
    @RegisterForReflection
    record Renewal(@Schema(examples = "8h") String ttl) {}

    private static void refuseOther(Claim claim, OptionalInt generation) {
        Integer its = claim.generation();
        if (generation.isPresent() && (its == null || its != generation.getAsInt())) {
            throw Problem.of(412, "generation_mismatch", "The claim has another generation.");
        }
    }

    private static void refuseEnded(boolean renewed) {
        if (!renewed) {
            throw Problem.of(409, "claim_ended", "The claim has ended, its time is over, or it still waits.");
        }
    }

    @DELETE
    @Path("{id}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @Operation(
            operationId = "releaseClaim",
            summary =
                    "Releases the claim, or cancels it while it waits. Its workspace is destroyed, or reset for the next user. Idempotent")
    public Uni<Void> release(@PathParam("id") String id, @HeaderParam("If-Match") @Nullable String ifMatch) {
        OptionalInt generation = ETags.ifMatch(ifMatch);
        return found(caller.get(), uuid(id))
                .invoke(claim -> refuseOther(claim, generation))
                .chain(claim -> releases.end(claim.id(), generation));
    }

    private Uni<Claim> found(Caller asking, UUID claim) {
        return reads.find(claim, Visibility.of(asking))
                .map(found -> found.orElseThrow(() -> Problem.notFound("claim")));
    }

    private static UUID uuid(String id) {
        return JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("claim"));
    }
}
