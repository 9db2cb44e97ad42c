package dev.larder.state;

import dev.larder.database.RowList;
import dev.larder.http.Access;
import dev.larder.http.CurrentCaller;
import dev.larder.http.Filters;
import dev.larder.http.JsonBody;
import dev.larder.http.Labels;
import dev.larder.http.Labels.LabelsBody;
import dev.larder.http.ListParameters;
import dev.larder.http.Located;
import dev.larder.http.Names;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.Problem;
import dev.larder.model.Caller;
import dev.larder.model.Role;
import dev.larder.model.Visibility;
import dev.larder.state.MutationCalls.NewMutation;
import dev.larder.state.ResourceCalls.Link;
import dev.larder.state.ResourceCalls.ResourceView;
import dev.larder.state.StateCalls.PutHeaders;
import dev.larder.state.StateCalls.Reasoned;
import dev.larder.state.StateStore.Named;
import dev.larder.state.StateViews.MutationView;
import dev.larder.state.StateViews.OutputView;
import dev.larder.state.StateViews.OutputsView;
import dev.larder.state.StateViews.RejectView;
import dev.larder.state.StateViews.StateView;
import dev.larder.state.StateViews.VersionView;
import dev.larder.state.StateViews.Written;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.BeanParam;
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
import java.time.InstantSource;
import java.util.List;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** States by their ids: of workspaces, and those that people create under a name. */
@Path("/api/v1/states")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "states")
class StateResource {

    private final StateCalls calls;
    private final MutationCalls mutations;
    private final OutputCalls outputs;
    private final ResourceCalls resources;
    private final LabelCalls labels;
    private final StateStore states;
    private final Access access;
    private final CurrentCaller caller;
    private final InstantSource clock;
    private final int most;

    StateResource(
            StateCalls calls,
            MutationCalls mutations,
            OutputCalls outputs,
            ResourceCalls resources,
            LabelCalls labels,
            StateStore states,
            Access access,
            CurrentCaller caller,
            InstantSource clock,
            @ConfigProperty(name = "larder.state.named-max", defaultValue = "100") int most) {
        this.calls = calls;
        this.mutations = mutations;
        this.outputs = outputs;
        this.resources = resources;
        this.labels = labels;
        this.states = states;
        this.access = access;
        this.caller = caller;
        this.clock = clock;
        this.most = most;
    }

    /** The body that creates a state. */
    @RegisterForReflection
    record NewState(
            @Schema(examples = "acme") String organization,
            @Schema(examples = "network") String name) {}

    @POST
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @APIResponseSchema(value = Named.class, responseCode = "201")
    @Operation(operationId = "createState", summary = "Creates an empty state under a name. The caller owns it")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = NewState.class)))
    public Uni<RestResponse<Named>> create(byte @Nullable [] body) {
        Caller asking = caller.get();
        JsonBody json = JsonBody.of(body, NewState.class);
        String organization = json.text("organization");
        String name = Names.checked(json.text("name"), "name");
        return access.organization(asking, JsonBody.uuid(organization), organization)
                .map(found -> found.orElseThrow(() -> Problem.notFound("organization")))
                .chain(found -> states.create(found.id(), name, asking.userId(), most, clock.instant()))
                .map(this::created);
    }

    private RestResponse<Named> created(StateStore.Creation creation) {
        return switch (creation) {
            case StateStore.Creation.Created(Named state) ->
                Located.created("/api/v1/states/" + state.id(), state).build();
            case StateStore.Creation.Taken() ->
                throw Problem.of(409, "state_exists", "A state of this name exists in the organization.");
            case StateStore.Creation.Full() ->
                throw Problem.of(409, "quota_exceeded", "The organization has " + most + " states with a name.");
            case StateStore.Creation.NoOrganization() -> throw Problem.notFound("organization");
        };
    }

    @GET
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "listStates", summary = "Lists states with a name, newest first. Members see their own")
    public Uni<Page<Named>> list(
            @BeanParam ListParameters list,
            @QueryParam("organization") @Parameter(description = Filters.ORGANIZATION) @Nullable String organization,
            @QueryParam("status") @Parameter(description = Filters.STATUS) @Nullable String status,
            @QueryParam("owner") @Parameter(description = Filters.OWNER) @Nullable String owner,
            @QueryParam("label") @Parameter(description = Labels.FILTER) List<String> label,
            @QueryParam("since") @Parameter(description = Filters.SINCE) @Nullable String since) {
        PageRequest page = list.page();
        RowList.Query query = StateStore.query(
                Visibility.of(caller.get()),
                new StateStore.StateFilter(
                        Filters.text("organization", organization),
                        Filters.status(status, StateStore.STATUSES),
                        Filters.text("owner", owner),
                        Labels.selector(label),
                        Filters.since(since, clock.instant())));
        return states.list(query, page.after(), page.rows())
                .map(rows -> Page.of(page, rows, Named::id))
                .chain(found -> list.counted(found, () -> states.total(query)));
    }

    @GET
    @Path("{id}")
    @Produces(StateViews.BYTES)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @Operation(operationId = "readState", summary = "Downloads a state, byte for byte. Its ETag is its version")
    public Uni<RestResponse<byte[]>> read(
            @PathParam("id") String id, @HeaderParam("If-None-Match") @Nullable String ifNoneMatch) {
        return calls.read(calls.state(id), ifNoneMatch);
    }

    @PUT
    @Path("{id}")
    @UploadMark.Needed
    @Consumes(MediaType.WILDCARD)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @Operation(
            operationId = "writeState",
            summary =
                    "Uploads a state inside a mutation. What is not accepted is kept as a reject. force: serial and lineage are not compared")
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
        return calls.put(calls.state(id), body, headers, force);
    }

    @GET
    @Path("{id}/status")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "getStateStatus",
            summary = "Shows how far a state can be trusted, and the mutation that is open")
    public Uni<StateView> status(@PathParam("id") String id) {
        return calls.status(calls.state(id));
    }

    @POST
    @Path("{id}/mutations")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @APIResponseSchema(value = MutationView.class, responseCode = "201")
    @Operation(
            operationId = "beginStateMutation",
            summary = "Begins a mutation of a state: no one else changes it until it ends")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = NewMutation.class)))
    public Uni<RestResponse<MutationView>> begin(
            @PathParam("id") String id, @HeaderParam("Idempotency-Key") @Nullable String key, byte @Nullable [] body) {
        return mutations.begin(calls.state(id), key, body);
    }

    @GET
    @Path("{id}/versions")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "listStateVersions", summary = "Lists the versions of a state, newest first")
    public Uni<Page<VersionView>> versions(
            @PathParam("id") String id,
            @QueryParam("limit") @Nullable String limit,
            @QueryParam("after") @Nullable String after) {
        return calls.versions(calls.state(id), PageRequest.of(limit, after));
    }

    @GET
    @Path("{id}/versions/{version}")
    @Produces(StateViews.BYTES)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @Operation(operationId = "readStateVersion", summary = "Downloads a version of a state, byte for byte")
    public Uni<RestResponse<byte[]>> version(@PathParam("id") String id, @PathParam("version") String version) {
        return calls.version(calls.state(id), version);
    }

    @POST
    @Path("{id}/versions/{version}/restore")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @Operation(
            operationId = "restoreState",
            summary = "Makes an earlier version the current one, as a new version that is reliable")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = Reasoned.class)))
    public Uni<RestResponse<Written>> restore(
            @PathParam("id") String id, @PathParam("version") String version, byte @Nullable [] body) {
        return calls.restore(calls.state(id), version, body);
    }

    @POST
    @Path("{id}/acknowledge")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @Operation(
            operationId = "acknowledgeState",
            summary = "Says that the current version of a state is true, with a reason. It is reliable then")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = Reasoned.class)))
    public Uni<RestResponse<Written>> acknowledge(
            @PathParam("id") String id, @HeaderParam("If-Match") @Nullable String ifMatch, byte @Nullable [] body) {
        return calls.acknowledge(calls.state(id), ifMatch, body);
    }

    @GET
    @Path("{id}/rejects")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "listStateRejects",
            summary = "Lists the uploads that were kept and not accepted, newest first")
    public Uni<Page<RejectView>> rejects(
            @PathParam("id") String id,
            @QueryParam("limit") @Nullable String limit,
            @QueryParam("after") @Nullable String after) {
        return calls.rejects(calls.state(id), PageRequest.of(limit, after));
    }

    @GET
    @Path("{id}/rejects/{reject}")
    @Produces(StateViews.BYTES)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @Operation(operationId = "readStateReject", summary = "Downloads a kept upload, byte for byte")
    public Uni<RestResponse<byte[]>> reject(@PathParam("id") String id, @PathParam("reject") String reject) {
        return calls.reject(calls.state(id), reject);
    }

    @POST
    @Path("{id}/rejects/{reject}/promote")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @APIResponseSchema(value = Written.class, responseCode = "200")
    @Operation(operationId = "promoteStateReject", summary = "Makes a kept upload the current version")
    public Uni<RestResponse<Written>> promote(@PathParam("id") String id, @PathParam("reject") String reject) {
        return calls.promote(calls.state(id), reject);
    }

    @GET
    @Path("{id}/outputs")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "getStateOutputs",
            summary = "Shows the outputs of a state. Sensitive values are shown to its owner alone")
    public Uni<OutputsView> outputs(@PathParam("id") String id) {
        return outputs.ofState(calls.state(id));
    }

    @GET
    @Path("{id}/outputs/{name}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "getStateOutput", summary = "Shows one output of a state")
    public Uni<OutputView> output(@PathParam("id") String id, @PathParam("name") String name) {
        return outputs.ofState(calls.state(id), name);
    }

    @GET
    @Path("{id}/resources")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "listStateResources",
            summary =
                    "Lists the resources of the newest reliable version of a state, without attributes. Its ETag is the version")
    public Uni<RestResponse<Page<ResourceView>>> resources(
            @PathParam("id") String id,
            @QueryParam("name") @Nullable String name,
            @QueryParam("limit") @Nullable String limit,
            @QueryParam("after") @Nullable String after) {
        return resources.resources(calls.state(id), name, PageRequest.of(limit, after));
    }

    @GET
    @Path("{id}/resources/{address}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "getStateResource",
            summary = "Shows a resource of a state by its address, such as module.net.aws_vpc.main[0]")
    public Uni<RestResponse<ResourceView>> resource(@PathParam("id") String id, @PathParam("address") String address) {
        return resources.resource(calls.state(id), address);
    }

    @GET
    @Path("{id}/links")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "listStateLinks", summary = "Lists which resources of a state depend on which others")
    public Uni<RestResponse<Page<Link>>> links(
            @PathParam("id") String id,
            @QueryParam("limit") @Nullable String limit,
            @QueryParam("after") @Nullable String after) {
        return resources.links(calls.state(id), PageRequest.of(limit, after));
    }

    @GET
    @Path("{id}/labels")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "getStateLabels",
            summary = "Shows the labels of a state with a name. Their ETag is their version")
    public Uni<RestResponse<LabelsBody>> labels(@PathParam("id") String id) {
        return labels.of(calls.state(id));
    }

    @PUT
    @Path("{id}/labels")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = LabelsBody.class)))
    @Operation(
            operationId = "replaceStateLabels",
            summary = "Replaces all labels of a state with a name. If-Match is required")
    public Uni<RestResponse<LabelsBody>> replaceLabels(
            @PathParam("id") String id, byte @Nullable [] body, @HeaderParam("If-Match") @Nullable String ifMatch) {
        return labels.replace(calls.state(id), body, ifMatch);
    }

    @DELETE
    @Path("{id}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
    @Operation(
            operationId = "deleteState",
            summary = "Deletes a state that lists no resources; with force=true any state")
    public Uni<Void> delete(@PathParam("id") String id, @QueryParam("force") @Nullable String force) {
        return calls.delete(calls.state(id), force);
    }
}
