package dev.larder.claim;

import com.fasterxml.jackson.databind.JsonNode;
import dev.larder.claim.ChildStore.Attachment;
import dev.larder.claim.ChildStore.Child;
import dev.larder.claim.ChildStore.Dependencies;
import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
import dev.larder.http.Names;
import dev.larder.http.Problem;
import dev.larder.model.Caller;
import dev.larder.model.Role;
import dev.larder.model.Visibility;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.ExampleObject;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

/** Workspaces that stand on another one. */
@Path("/api/v1/workspaces/{id}/children")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "workspaces")
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME})
class ChildResource {

    private static final int DEPENDENCIES_MAX = 100;
    private static final int DEPENDENCY_MAX_CHARACTERS = 500;

    private final ChildStore store;
    private final WorkspaceStore workspaces;
    private final CurrentCaller caller;
    private final InstantSource clock;

    ChildResource(ChildStore store, WorkspaceStore workspaces, CurrentCaller caller, InstantSource clock) {
        this.store = store;
        this.workspaces = workspaces;
        this.caller = caller;
        this.clock = clock;
    }

    /** All children of a workspace, by name. */
    record Children(List<Child> items) {}

    /** The body that attaches a child. */
    @RegisterForReflection
    @Schema(name = "NewChild")
    record NewChild(
            @Schema(examples = "database") String name,
            @Nullable Dependencies dependencies) {}

    @GET
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "listWorkspaceChildren", summary = "Lists the workspaces that stand on this one")
    public Uni<Children> list(@PathParam("id") String id) {
        return found(id).chain(store::children).map(Children::new);
    }

    @PUT
    @Path("{child}")
    @Consumes(MediaType.APPLICATION_JSON)
    @RequestBody(
            required = true,
            content =
                    @Content(
                            schema = @Schema(implementation = NewChild.class),
                            examples =
                                    @ExampleObject(
                                            name = "database",
                                            value =
                                                    "{\"name\":\"database\",\"dependencies\":{\"resources\":[\"aws_vpc.main\"],\"children\":[]}}")))
    @APIResponse(responseCode = "204", description = "It stands on this one")
    @APIResponse(
            responseCode = "409",
            description =
                    "workspace_not_claimed, claimed_by_another, children_in_circle, other_parent, child_name_taken, children_too_deep, too_many_children")
    @Operation(
            operationId = "attachWorkspaceChild",
            summary =
                    "Says that a claimed workspace stands on this one, under a name. Again, it replaces name and dependencies")
    public Uni<Void> attach(@PathParam("id") String id, @PathParam("child") String child, byte @Nullable [] body) {
        JsonBody json = JsonBody.of(body, NewChild.class);
        String name = Names.checked(json.text("name"), "name");
        Dependencies dependencies = dependencies(json);
        Caller asking = caller.get();
        return store.attach(
                        uuid(id),
                        uuid(child),
                        name,
                        dependencies,
                        asking.userId(),
                        Visibility.of(asking),
                        clock.instant())
                .invoke(ChildResource::refuseUnlessAttached)
                .replaceWithVoid();
    }

    private static Dependencies dependencies(JsonBody json) {
        JsonNode node = json.optionalNode("dependencies").orElse(null);
        if (node == null) {
            return new Dependencies(List.of(), List.of());
        }
        for (var field : node.properties()) {
            if (!List.of("resources", "children").contains(field.getKey())) {
                throw Problem.badRequest(
                        "unknown_field",
                        "dependencies." + JsonBody.shown(field.getKey()),
                        "is not a field of this request.");
            }
        }
        if (!node.isObject()) {
            throw Problem.badRequest("wrong_type", "dependencies", "must be an object.");
        }
        return new Dependencies(texts(node, "resources"), texts(node, "children"));
    }

    private static List<String> texts(JsonNode dependencies, String field) {
        JsonNode list = dependencies.path(field);
        List<String> texts = new ArrayList<>();
        for (JsonNode text : list) {
            if (!text.isTextual()
                    || text.textValue().length() > DEPENDENCY_MAX_CHARACTERS
                    || text.textValue().indexOf('\0') >= 0) {
                throw wrong(field);
            }
            texts.add(text.textValue());
        }
        boolean given = !list.isMissingNode() && !list.isNull();
        if (given && (!list.isArray() || texts.size() > DEPENDENCIES_MAX)) {
            throw wrong(field);
        }
        return List.copyOf(texts);
    }

    private static Problem wrong(String field) {
        return Problem.badRequest(
                "wrong_type",
                "dependencies." + field,
                "must be a list of at most " + DEPENDENCIES_MAX + " texts of at most " + DEPENDENCY_MAX_CHARACTERS
                        + " characters.");
    }

    private static void refuseUnlessAttached(Attachment answer) {
        switch (answer) {
            case ATTACHED -> {}
            case NOT_FOUND -> throw Problem.notFound("workspace");
            case NOT_CLAIMED ->
                throw Problem.of(
                        409, "workspace_not_claimed", "One of the workspaces is not claimed, or is being deleted.");
            case OTHER_OWNER ->
                throw Problem.of(409, "claimed_by_another", "Different users have claimed the two workspaces.");
            case CIRCLE ->
                throw Problem.of(409, "children_in_circle", "The parent is the child, or stands on it already.");
            case OTHER_PARENT ->
                throw Problem.of(409, "other_parent", "The child stands on another workspace. Detach it there first.");
            case NAME_TAKEN -> throw Problem.of(409, "child_name_taken", "The parent has another child of this name.");
            case TOO_DEEP ->
                throw Problem.of(
                        409,
                        "children_too_deep",
                        "More than " + ChildStore.DEPTH_MAX + " workspaces would stand on each other.");
            case TOO_MANY ->
                throw Problem.of(
                        409, "too_many_children", "A workspace has at most " + ChildStore.CHILDREN_MAX + " children.");
        }
    }

    @DELETE
    @Path("{child}")
    @Operation(
            operationId = "detachWorkspaceChild",
            summary = "Says that a workspace no longer stands on this one. Both stay as they are. Idempotent")
    public Uni<Void> detach(@PathParam("id") String id, @PathParam("child") String child) {
        UUID detached = uuid(child);
        return found(id).chain(parent -> store.detach(parent, detached));
    }

    private Uni<UUID> found(String id) {
        return workspaces
                .find(uuid(id), Visibility.of(caller.get()))
                .map(found ->
                        found.orElseThrow(() -> Problem.notFound("workspace")).id());
    }

    private static UUID uuid(String id) {
        return JsonBody.uuid(id).orElseThrow(() -> Problem.notFound("workspace"));
    }
}
