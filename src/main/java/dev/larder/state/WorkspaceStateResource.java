package dev.larder.state;

import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.model.Role;
import dev.larder.state.MutationCalls.NewMutation;
import dev.larder.state.ResourceCalls.Link;
import dev.larder.state.ResourceCalls.ResourceView;
import dev.larder.state.StateCalls.PutHeaders;
import dev.larder.state.StateCalls.Reasoned;
import dev.larder.state.StateViews.MutationView;
import dev.larder.state.StateViews.OutputView;
import dev.larder.state.StateViews.OutputsView;
import dev.larder.state.StateViews.RejectView;
import dev.larder.state.StateViews.StateView;
import dev.larder.state.StateViews.VersionView;
import dev.larder.state.StateViews.Written;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** The state of a workspace: what a tool remembers of its infrastructure. */
@Path("/api/v1/workspaces")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "states")
class WorkspaceStateResource {

    private final StateCalls calls;
    private final MutationCalls mutations;
    private final OutputCalls outputs;
    private final ResourceCalls resources;

    WorkspaceStateResource(StateCalls calls, MutationCalls mutations, OutputCalls outputs, ResourceCalls resources) {
        this.calls = calls;
        this.mutations = mutations;
        this.outputs = outputs;
        this.resources = resources;
    }

    @GET
    @Path("{id}/state")
    @Produces(StateViews.BYTES)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @Operation(
            operationId = "readWorkspaceState",
            summary = "Downloads the state of a workspace, byte for byte. Its ETag is its version")
    public Uni<RestResponse<byte[]>> read(
            @PathParam("id") String id, @HeaderParam("If-None-Match") @Nullable String ifNoneMatch) {
        return calls.read(calls.workspace(id), ifNoneMatch);
    }

    @PUT
    @Path("{id}/state")
    @UploadMark.Needed
    @Consumes(MediaType.WILDCARD)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @Operation(
            operationId = "writeWorkspaceState",
            summary =
                    "Uploads the state of a workspace inside a mutation. What is not accepted is kept as a reject. force: serial and lineage are not compared")
    public Uni<RestResponse<Written>> write(
            @PathParam("id") String id,
            @QueryParam("force") @Nullable String force,
            @HeaderParam("Mutation-Id") @Nullable String mutation,
            @HeaderParam("If-Match") @Nullable String ifMatch,
            @HeaderParam("If-None-Match") @Nullable String ifNoneMatch,
            @HeaderParam("Content-Type") @Nullable String contentType,
            @HeaderParam("Content-MD5") @Nullable String contentMd5,
            byte[] body) {
        PutHeaders headers = new PutHeaders(mutation, ifMatch, ifNoneMatch, contentType, contentMd5);
        return calls.put(calls.workspace(id), body, headers, force);
    }

    @GET
    @Path("{id}/state/status")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "getWorkspaceStateStatus",
            summary = "Shows how far the state of a workspace can be trusted, and the mutation that is open")
    public Uni<StateView> status(@PathParam("id") String id) {
        return calls.status(calls.workspace(id));
    }

    @POST
    @Path("{id}/state/mutations")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @APIResponseSchema(value = MutationView.class, responseCode = "201")
    @Operation(
            operationId = "beginWorkspaceStateMutation",
            summary = "Begins a mutation of the state of a workspace: no one else changes it until it ends")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = NewMutation.class)))
    public Uni<RestResponse<MutationView>> begin(
            @PathParam("id") String id, @HeaderParam("Idempotency-Key") @Nullable String key, byte @Nullable [] body) {
        return mutations.begin(calls.workspace(id), key, body);
    }

    @GET
    @Path("{id}/state/versions")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "listWorkspaceStateVersions",
            summary = "Lists the versions of the state of a workspace, newest first")
    public Uni<Page<VersionView>> versions(
            @PathParam("id") String id,
            @QueryParam("limit") @Nullable String limit,
            @QueryParam("after") @Nullable String after) {
        return calls.versions(calls.workspace(id), PageRequest.of(limit, after));
    }

    @GET
    @Path("{id}/state/versions/{version}")
    @Produces(StateViews.BYTES)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @Operation(
            operationId = "readWorkspaceStateVersion",
            summary = "Downloads a version of the state of a workspace, byte for byte")
    public Uni<RestResponse<byte[]>> version(@PathParam("id") String id, @PathParam("version") String version) {
        return calls.version(calls.workspace(id), version);
    }

    @POST
    @Path("{id}/state/versions/{version}/restore")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @Operation(
            operationId = "restoreWorkspaceState",
            summary = "Makes an earlier version the current one, as a new version that is reliable")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = Reasoned.class)))
    public Uni<RestResponse<Written>> restore(
            @PathParam("id") String id, @PathParam("version") String version, byte @Nullable [] body) {
        return calls.restore(calls.workspace(id), version, body);
    }

    @POST
    @Path("{id}/state/acknowledge")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @Operation(
            operationId = "acknowledgeWorkspaceState",
            summary =
                    "Says that the current version of the state of a workspace is true, with a reason. It is reliable then")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = Reasoned.class)))
    public Uni<RestResponse<Written>> acknowledge(
            @PathParam("id") String id, @HeaderParam("If-Match") @Nullable String ifMatch, byte @Nullable [] body) {
        return calls.acknowledge(calls.workspace(id), ifMatch, body);
    }

    @GET
    @Path("{id}/state/rejects")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "listWorkspaceStateRejects",
            summary = "Lists the uploads that were kept and not accepted, newest first")
    public Uni<Page<RejectView>> rejects(
            @PathParam("id") String id,
            @QueryParam("limit") @Nullable String limit,
            @QueryParam("after") @Nullable String after) {
        return calls.rejects(calls.workspace(id), PageRequest.of(limit, after));
    }

    @GET
    @Path("{id}/state/rejects/{reject}")
    @Produces(StateViews.BYTES)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @Operation(
            operationId = "readWorkspaceStateReject",
            summary = "Downloads a kept upload of the state of a workspace, byte for byte")
    public Uni<RestResponse<byte[]>> reject(@PathParam("id") String id, @PathParam("reject") String reject) {
        return calls.reject(calls.workspace(id), reject);
    }

    @POST
    @Path("{id}/state/rejects/{reject}/promote")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @APIResponseSchema(value = Written.class, responseCode = "200")
    @Operation(operationId = "promoteWorkspaceStateReject", summary = "Makes a kept upload the current version")
    public Uni<RestResponse<Written>> promote(@PathParam("id") String id, @PathParam("reject") String reject) {
        return calls.promote(calls.workspace(id), reject);
    }

    @DELETE
    @Path("{id}/state")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @Operation(
            operationId = "deleteWorkspaceState",
            summary = "Deletes the state of a workspace that lists no resources; with force=true any state")
    public Uni<Void> delete(@PathParam("id") String id, @QueryParam("force") @Nullable String force) {
        return calls.delete(calls.workspace(id), force);
    }

    @GET
    @Path("{id}/state/outputs")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "readWorkspaceStateOutputs",
            summary = "Shows the outputs of the state of a workspace, as /workspaces/{id}/outputs does")
    public Uni<OutputsView> stateOutputs(@PathParam("id") String id) {
        return outputs.ofWorkspace(calls.workspace(id));
    }

    @GET
    @Path("{id}/outputs")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "getWorkspaceStateOutputs",
            summary =
                    "Shows the outputs of a workspace. Sensitive values are shown to the user whose claim of it goes on")
    public Uni<OutputsView> outputs(@PathParam("id") String id) {
        return outputs.ofWorkspace(calls.workspace(id));
    }

    @GET
    @Path("{id}/outputs/{name}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "getWorkspaceStateOutput", summary = "Shows one output of a workspace")
    public Uni<OutputView> output(@PathParam("id") String id, @PathParam("name") String name) {
        return outputs.ofWorkspace(calls.workspace(id), name);
    }

    @GET
    @Path("{id}/state/resources")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "listWorkspaceStateResources",
            summary =
                    "Lists the resources of the newest reliable version of a state, without attributes. Its ETag is the version")
    public Uni<RestResponse<Page<ResourceView>>> resources(
            @PathParam("id") String id,
            @QueryParam("name") @Nullable String name,
            @QueryParam("limit") @Nullable String limit,
            @QueryParam("after") @Nullable String after) {
        return resources.resources(calls.workspace(id), name, PageRequest.of(limit, after));
    }

    @GET
    @Path("{id}/state/resources/{address}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "getWorkspaceStateResource",
            summary = "Shows a resource of a state by its address, such as module.net.aws_vpc.main[0]")
    public Uni<RestResponse<ResourceView>> resource(@PathParam("id") String id, @PathParam("address") String address) {
        return resources.resource(calls.workspace(id), address);
    }

    @GET
    @Path("{id}/state/links")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "listWorkspaceStateLinks",
            summary = "Lists which resources of a state depend on which others")
    public Uni<RestResponse<Page<Link>>> links(
            @PathParam("id") String id,
            @QueryParam("limit") @Nullable String limit,
            @QueryParam("after") @Nullable String after) {
        return resources.links(calls.workspace(id), PageRequest.of(limit, after));
    }
}
