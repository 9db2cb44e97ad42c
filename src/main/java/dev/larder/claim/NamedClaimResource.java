package dev.larder.claim;

import dev.larder.claim.ClaimReads.ClaimFilter;
import dev.larder.http.CurrentCaller;
import dev.larder.http.Filters;
import dev.larder.http.Labels;
import dev.larder.http.ListParameters;
import dev.larder.http.Names;
import dev.larder.http.Page;
import dev.larder.http.PresetParameters;
import dev.larder.lifecycle.PresetNames;
import dev.larder.model.PresetFilter;
import dev.larder.model.Role;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** The claims of a preset that the address names (decision 0043). {@link ClaimResource} has those by id. */
@Path("/api/v1/organizations/{organization}/templates")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "claims")
class NamedClaimResource {

    private final ClaimCalls calls;
    private final ClaimResource all;
    private final PresetNames names;
    private final CurrentCaller caller;

    NamedClaimResource(ClaimCalls calls, ClaimResource all, PresetNames names, CurrentCaller caller) {
        this.calls = calls;
        this.all = all;
        this.names = names;
        this.caller = caller;
    }

    @GET
    @Path("/{template}/presets/{preset}/claims")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "listNamedClaims",
            summary =
                    "Lists the claims of presets of this name, of whatever version, newest first: GET /claims with the preset's names")
    public Uni<Page<ClaimView>> list(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            @PathParam("preset") String preset,
            @BeanParam ListParameters list,
            @QueryParam("status") @Parameter(description = Filters.STATUS) @Nullable String status,
            @QueryParam("owner") @Parameter(description = Filters.OWNER) @Nullable String owner,
            @QueryParam("label") @Parameter(description = Labels.FILTER) List<String> label,
            @QueryParam("since") @Parameter(description = Filters.SINCE) @Nullable String since) {
        PresetFilter named = PresetParameters.of(organization, template, Optional.of(preset));
        ClaimFilter filter = all.filter(named, status, owner, label, since);
        return names.find(caller.get().organization(), organization, template, preset)
                .map(Names::found)
                .chain(known -> all.page(list, filter));
    }

    @POST
    @Path("/{template}/presets/{preset}/claims")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @RequestBody(
            description = "How many, for how long, and the policy where none is in stock; may be left out",
            content = @Content(schema = @Schema(implementation = ClaimBody.Terms.class)))
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
    @APIResponse(responseCode = "422", description = "idempotency_key_reused; a field that is not acceptable")
    @APIResponse(responseCode = "429", description = "too_many_waiting (with Retry-After)")
    @Operation(
            operationId = "createNamedClaim",
            summary = "Hands out ready workspaces of this preset, one or several: POST /claims with the preset's names")
    public Uni<RestResponse<Object>> claim(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            @PathParam("preset") String preset,
            byte @Nullable [] body,
            @HeaderParam("Idempotency-Key") @Nullable String key,
            @HeaderParam("Prefer") @Nullable String prefer) {
        ClaimRequest request = ClaimRequest.ofNamed(body, organization, template, preset);
        return calls.create(caller.get(), request, ClaimCalls.key(key), prefer);
    }
}
