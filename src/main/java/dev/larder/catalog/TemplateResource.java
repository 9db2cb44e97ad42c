package dev.larder.catalog;

import dev.larder.catalog.CatalogStore.Promoted;
import dev.larder.catalog.CatalogStore.TemplateName;
import dev.larder.catalog.DeclarationParser.Parsed;
import dev.larder.http.CurrentCaller;
import dev.larder.http.ETags;
import dev.larder.http.JsonBody;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.Problem;
import dev.larder.model.Declaration;
import dev.larder.model.Role;
import dev.larder.wakeup.Channel;
import dev.larder.wakeup.WakeUps;
import io.smallrye.common.annotation.Blocking;
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
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** Templates of one organization: declare, look, promote, deprecate, invalidate, pause, delete. */
@Path("/api/v1/organizations/{organization}/templates")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Catalog")
class TemplateResource {

    private static final int REASON_MAX_CHARACTERS = 1_000;

    private final CatalogStore catalog;
    private final CurrentCaller caller;
    private final WakeUps bell;
    private final InstantSource clock;

    TemplateResource(CatalogStore catalog, CurrentCaller caller, WakeUps bell, InstantSource clock) {
        this.catalog = catalog;
        this.caller = caller;
        this.bell = bell;
        this.clock = clock;
    }

    /**
     * What a declaration came to.
     *
     * @param version the number of the version that holds it
     * @param versionCreated false where the same had been declared already
     */
    public record AppliedAnswer(TemplateView template, int version, boolean versionCreated, List<PresetView> presets) {}

    /** The body that promotes a version. */
    @Schema(requiredProperties = "version")
    record PromoteBody(int version) {}

    /** The body that deprecates a template. */
    @Schema(requiredProperties = "reason")
    record DeprecateBody(String reason) {}

    /** @param version the active one; null where none was ever promoted, and then there are no presets */
    public record TemplateAnswer(
            TemplateView template, @Nullable VersionView version, List<PresetView> presets) {}

    public record VersionAnswer(VersionView version, List<PresetView> presets) {}

    /**
     * Makes the template stand as the body declares; the same body again changes nothing.
     *
     * <p>Blocking, since reading a megabyte of YAML would hold up everybody else on the event loop.
     *
     * @param promote {@code false} only imports the version
     */
    @PUT
    @Path("/{template}")
    @Consumes({"application/json", "application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Blocking
    @Operation(
            operationId = "applyTemplate",
            summary = "Makes a template stand as declared; the same again changes nothing")
    @RequestBody(
            required = true,
            description = "The declaration: backend, files, tags, startTimeout, parameters, presets",
            content = {
                @Content(mediaType = "application/json", schema = @Schema(type = SchemaType.OBJECT)),
                @Content(mediaType = "application/yaml", schema = @Schema(type = SchemaType.OBJECT))
            })
    public Uni<RestResponse<AppliedAnswer>> apply(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            @QueryParam("promote") @Nullable String promote,
            @HeaderParam(HttpHeaders.IF_MATCH) @Nullable String ifMatch,
            @HeaderParam(HttpHeaders.CONTENT_TYPE) @Nullable String contentType,
            byte @Nullable [] body) {
        if (!DeclarationReader.NAME.matcher(template).matches()) {
            throw Problem.unprocessable("invalid_name", "name", "must be up to 63 lower-case letters, digits and '-'.");
        }
        Declaration declaration =
                declaration(body == null ? new byte[0] : body, contentType == null ? "" : contentType);
        CatalogStore.Application application = new CatalogStore.Application(
                caller.get(),
                organization,
                template,
                declaration,
                Canonical.of(declaration),
                promote(promote),
                ETags.ifMatchTag(ifMatch));
        return catalog.apply(application).map(this::answer);
    }

    private static Declaration declaration(byte[] body, String contentType) {
        return switch (DeclarationParser.parse(body, contentType)) {
            case Parsed.Accepted(Declaration declaration) -> declaration;
            case Parsed.Refused(var refusals) -> throw Problem.unprocessable(refusals);
            case Parsed.Malformed(String detail) -> throw Problem.of(400, "malformed_body", detail);
            case Parsed.UnknownType() ->
                throw Problem.of(415, "unsupported_media_type", "A declaration is application/json or yaml.");
        };
    }

    private static boolean promote(@Nullable String text) {
        if (text == null || text.equals("true")) {
            return true;
        }
        if (text.equals("false")) {
            return false;
        }
        throw Problem.badRequest("wrong_type", "promote", "must be true or false.");
    }

    private RestResponse<AppliedAnswer> answer(Applied applied) {
        return switch (applied) {
            case Applied.NoOrganization() -> throw Problem.notFound("organization");
            case Applied.Stale() ->
                throw Problem.of(412, "precondition_failed", "The template is not the one that If-Match names.");
            case Applied.Done done -> {
                if (done.changed()) {
                    bell.ring(Channel.RECONCILE);
                    bell.ring(Channel.WAITING);
                }
                yield RestResponse.ResponseBuilder.create(
                                done.templateCreated() ? RestResponse.Status.CREATED : RestResponse.Status.OK,
                                new AppliedAnswer(
                                        done.template(), done.version(), done.versionCreated(), done.presets()))
                        .header(HttpHeaders.ETAG, ETags.format(done.template().tag()))
                        .build();
            }
        };
    }

    @GET
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "listTemplates", summary = "Templates of an organization, oldest first")
    public Uni<Page<TemplateView>> list(
            @PathParam("organization") String organization,
            @QueryParam("limit") @Nullable String limit,
            @QueryParam("after") @Nullable String after) {
        PageRequest page = PageRequest.of(limit, after);
        return catalog.templates(caller.get(), organization, page.after(), page.rows())
                .map(rows -> rows.orElseThrow(() -> Problem.notFound("organization")))
                .map(rows -> Page.of(page, rows, TemplateView::id));
    }

    /** With its active version and presets. */
    @GET
    @Path("/{template}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "getTemplate", summary = "One template with its active version and presets")
    public Uni<RestResponse<TemplateAnswer>> one(
            @PathParam("organization") String organization, @PathParam("template") String template) {
        TemplateName name = new TemplateName(caller.get(), organization, template);
        return catalog.template(name)
                .map(TemplateResource::found)
                .chain(view -> withVersion(name, view))
                .map(answer -> tagged(answer, answer.template()));
    }

    private Uni<TemplateAnswer> withVersion(TemplateName name, TemplateView template) {
        Integer active = template.activeVersion();
        if (active == null) {
            return Uni.createFrom().item(new TemplateAnswer(template, null, List.of()));
        }
        return catalog.version(name, active)
                .map(TemplateResource::found)
                .chain(version ->
                        catalog.presetsOf(version.id()).map(presets -> new TemplateAnswer(template, version, presets)));
    }

    /** Newest first. */
    @GET
    @Path("/{template}/versions")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "listVersions", summary = "Versions of a template, newest first")
    public Uni<Page<VersionView>> versions(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            @QueryParam("limit") @Nullable String limit,
            @QueryParam("after") @Nullable String after) {
        PageRequest page = PageRequest.of(limit, after);
        TemplateName name = new TemplateName(caller.get(), organization, template);
        return catalog.template(name)
                .map(TemplateResource::found)
                .chain(known -> catalog.versions(name, page.after(), page.rows()))
                .map(rows -> Page.of(page, rows, VersionView::id));
    }

    @GET
    @Path("/{template}/versions/{number}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "getVersion", summary = "One version with its presets")
    public Uni<VersionAnswer> version(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            @PathParam("number") String number) {
        if (!number.matches("[1-9][0-9]{0,8}")) {
            throw Problem.notFound("version");
        }
        return catalog.version(new TemplateName(caller.get(), organization, template), Integer.parseInt(number))
                .map(found -> found.orElseThrow(() -> Problem.notFound("version")))
                .chain(version -> catalog.presetsOf(version.id()).map(presets -> new VersionAnswer(version, presets)));
    }

    /** Body: {@code {"version": 3}}. Also an older version; its presets take over the pauses of those they replace. */
    @POST
    @Path("/{template}/promote")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(operationId = "promoteVersion", summary = "Makes a version the active one, also an older one")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = PromoteBody.class)))
    public Uni<RestResponse<TemplateView>> promote(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            byte @Nullable [] body) {
        int version = json(body, "version").integer("version");
        return catalog.promote(new TemplateName(caller.get(), organization, template), version)
                .map(this::answer);
    }

    private RestResponse<TemplateView> answer(Promoted promoted) {
        return switch (promoted) {
            case Promoted.NoTemplate() -> throw Problem.notFound("template");
            case Promoted.NoVersion() ->
                throw Problem.unprocessable("unknown_version", "version", "The template has no such version.");
            case Promoted.Done(TemplateView template, boolean changed) -> {
                if (changed) {
                    bell.ring(Channel.RECONCILE);
                    bell.ring(Channel.WAITING);
                }
                yield tagged(template, template);
            }
        };
    }

    /** Body: {@code {"reason": "…"}}. Nothing is created of it any more, and its prebuilds are deleted. */
    @POST
    @Path("/{template}/deprecate")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(operationId = "deprecateTemplate", summary = "Creates nothing of it any more and deletes its prebuilds")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = DeprecateBody.class)))
    public Uni<RestResponse<TemplateView>> deprecate(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            byte @Nullable [] body) {
        String reason = json(body, "reason").text("reason");
        if (reason.isBlank() || reason.length() > REASON_MAX_CHARACTERS) {
            throw Problem.unprocessable(
                    "out_of_range", "reason", "must have 1 to " + REASON_MAX_CHARACTERS + " characters.");
        }
        TemplateName name = new TemplateName(caller.get(), organization, template);
        return changed(name, catalog.deprecate(name, reason));
    }

    /** Takes the deprecation back. */
    @DELETE
    @Path("/{template}/deprecate")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(operationId = "undeprecateTemplate", summary = "Takes a deprecation back")
    public Uni<RestResponse<TemplateView>> undeprecate(
            @PathParam("organization") String organization, @PathParam("template") String template) {
        TemplateName name = new TemplateName(caller.get(), organization, template);
        return changed(name, catalog.undeprecate(name));
    }

    /** Every prebuild of the active version that was created before now is expired. */
    @POST
    @Path("/{template}/invalidate")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(operationId = "invalidateTemplate", summary = "Lets every prebuild that was created before now expire")
    public Uni<RestResponse<TemplateView>> invalidate(
            @PathParam("organization") String organization, @PathParam("template") String template) {
        TemplateName name = new TemplateName(caller.get(), organization, template);
        return changed(name, catalog.invalidate(name));
    }

    /** Body: {@code {"scope": "create" | "all", "until": instant?}}. Claims go on. */
    @POST
    @Path("/{template}/pause")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(operationId = "pauseTemplate", summary = "Holds the reconciler back for this template; claims go on")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = Pauses.PauseBody.class)))
    public Uni<RestResponse<TemplateView>> pause(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            byte @Nullable [] body) {
        TemplateName name = new TemplateName(caller.get(), organization, template);
        return changed(name, catalog.pause(name, Pauses.read(body, clock.instant())));
    }

    @POST
    @Path("/{template}/resume")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(operationId = "resumeTemplate", summary = "Lifts the pause of this template")
    public Uni<RestResponse<TemplateView>> resume(
            @PathParam("organization") String organization, @PathParam("template") String template) {
        TemplateName name = new TemplateName(caller.get(), organization, template);
        return changed(name, catalog.pause(name, null));
    }

    /** Its prebuilds are deleted, and its name may be declared anew. */
    @DELETE
    @Path("/{template}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(
            operationId = "deleteTemplate",
            summary = "Deletes a template and its prebuilds; its name may be declared anew")
    public Uni<RestResponse<Void>> delete(
            @PathParam("organization") String organization, @PathParam("template") String template) {
        return catalog.delete(new TemplateName(caller.get(), organization, template))
                .invoke(this::ringIfFound)
                .map(found -> RestResponse.noContent());
    }

    private Uni<RestResponse<TemplateView>> changed(TemplateName name, Uni<Boolean> change) {
        return change.invoke(this::ringIfFound)
                .chain(found -> catalog.template(name))
                .map(TemplateResource::found)
                .map(template -> tagged(template, template));
    }

    private void ringIfFound(boolean found) {
        if (!found) {
            throw Problem.notFound("template");
        }
        bell.ring(Channel.RECONCILE);
        bell.ring(Channel.WAITING);
    }

    private static <T> T found(Optional<T> template) {
        return template.orElseThrow(() -> Problem.notFound("template"));
    }

    private static <T> RestResponse<T> tagged(T answer, TemplateView template) {
        return RestResponse.ResponseBuilder.ok(answer)
                .header(HttpHeaders.ETAG, ETags.format(template.tag()))
                .build();
    }

    private static JsonBody json(byte @Nullable [] body, String... fields) {
        return JsonBody.of(body == null ? new byte[0] : body, fields);
    }
}
