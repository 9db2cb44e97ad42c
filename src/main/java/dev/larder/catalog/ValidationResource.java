package dev.larder.catalog;

import dev.larder.catalog.ValidationStore.Validation;
import dev.larder.http.CurrentCaller;
import dev.larder.http.Filters;
import dev.larder.http.JsonBody;
import dev.larder.http.Located;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.Problem;
import dev.larder.model.Caller;
import dev.larder.model.Declaration;
import dev.larder.model.Refusal;
import dev.larder.model.Role;
import io.smallrye.common.annotation.Blocking;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** Checks declarations as an import does, and applies none. */
@Path("/api/v1/validations")
@Produces(MediaType.APPLICATION_JSON)
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
@Tag(name = "catalog")
class ValidationResource {

    private final ValidationStore store;
    private final CatalogReads catalog;
    private final CurrentCaller caller;

    ValidationResource(ValidationStore store, CatalogReads catalog, CurrentCaller caller) {
        this.store = store;
        this.catalog = catalog;
        this.caller = caller;
    }

    /** Blocking: reading a megabyte of YAML would delay all other requests of the event loop. */
    @POST
    @Consumes({"application/json", "application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})
    @Blocking
    @APIResponseSchema(value = Validation.class, responseCode = "201")
    @Operation(
            operationId = "validateDeclaration",
            summary = "Checks a declaration as an import does, and applies nothing. Every finding is in the answer")
    @RequestBody(
            required = true,
            description = "The declaration: backend, files, tags, startTimeout, parameters, presets",
            content = {
                @Content(mediaType = "application/json", schema = @Schema(type = SchemaType.OBJECT)),
                @Content(mediaType = "application/yaml", schema = @Schema(type = SchemaType.OBJECT))
            })
    public Uni<RestResponse<Validation>> validate(
            @QueryParam("organization")
                    @Parameter(
                            description =
                                    "Whose uploaded files the declaration refers to; default: the caller's organization")
                    @Nullable
                    String organization,
            @HeaderParam(HttpHeaders.CONTENT_TYPE) @Nullable String contentType,
            byte @Nullable [] body) {
        Caller asking = caller.get();
        ParsedDeclaration parsed =
                DeclarationParser.parse(body == null ? new byte[0] : body, contentType == null ? "" : contentType);
        return organization(asking, Filters.text("organization", organization))
                .chain(whose -> saved(asking, parsed, whose))
                .map(ValidationResource::created);
    }

    private Uni<Optional<UUID>> organization(Caller asking, Optional<String> named) {
        return named.isEmpty()
                ? Uni.createFrom().item(asking.organization())
                : catalog.organization(asking, named.get())
                        .map(found -> Optional.of(found.orElseThrow(() -> Problem.notFound("organization"))));
    }

    private Uni<Validation> saved(Caller asking, ParsedDeclaration parsed, Optional<UUID> whose) {
        return switch (parsed) {
            case ParsedDeclaration.Accepted(var declaration) ->
                fileFaults(declaration, whose)
                        .chain(faults -> store.save(
                                asking,
                                Optional.of(declaration.backend()).filter(backend -> faults.isEmpty()),
                                faults));
            case ParsedDeclaration.Refused(var refusals) -> store.save(asking, Optional.empty(), refusals);
            case ParsedDeclaration.Malformed(String detail) ->
                store.save(asking, Optional.empty(), List.of(new Refusal("malformed_body", "body", detail)));
            case ParsedDeclaration.UnknownType() ->
                throw Problem.of(415, "unsupported_media_type", "A declaration is application/json or yaml.");
        };
    }

    private Uni<List<Refusal>> fileFaults(Declaration declaration, Optional<UUID> whose) {
        return declaration.uploads().isEmpty()
                ? Uni.createFrom().item(List.of())
                : store.fileFaults(
                        whose.orElseThrow(() -> Problem.badRequest(
                                "missing_field",
                                "organization",
                                "is required of deployment-wide users where a declaration refers to uploaded files.")),
                        declaration);
    }

    private static RestResponse<Validation> created(Validation validation) {
        return Located.created("/api/v1/validations/" + validation.id(), validation)
                .build();
    }

    @GET
    @Operation(operationId = "listValidations", summary = "Lists validations of declarations, newest first")
    public Uni<Page<Validation>> list(
            @QueryParam("limit") @Nullable String limit, @QueryParam("after") @Nullable String after) {
        PageRequest page = PageRequest.of(limit, after);
        return store.list(caller.get(), page.after(), page.rows()).map(rows -> Page.of(page, rows, Validation::id));
    }

    @GET
    @Path("{id}")
    @Operation(operationId = "getValidation", summary = "Shows a validation with its findings")
    public Uni<Validation> one(@PathParam("id") String id) {
        return store.find(JsonBody.uuid(id).orElseThrow(ValidationResource::missing), caller.get())
                .map(found -> found.orElseThrow(ValidationResource::missing));
    }

    private static Problem missing() {
        return Problem.notFound("validation");
    }
}
