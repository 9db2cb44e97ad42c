package dev.larder.catalog;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.larder.database.RowList;
import dev.larder.http.CurrentCaller;
import dev.larder.http.ETags;
import dev.larder.http.Filters;
import dev.larder.http.ListParameters;
import dev.larder.http.Names;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.Problem;
import dev.larder.model.Declaration;
import dev.larder.model.Role;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.smallrye.common.annotation.Blocking;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.ExampleObject;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/**
 * Declares, shows and deletes templates of one organization. {@link PromotionResource} promotes their versions,
 * {@link TemplateControlResource} does the rest.
 */
@Path("/api/v1/organizations/{organization}/templates")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "catalog")
class TemplateResource {

    private static final String DECLARATION = """
            {"backend": "exec",
             "files": {"start.sh": "./build.sh > $LARDER_OUTPUTS"},
             "presets": [{"name": "small", "prebuilds": {"instances": 2, "ttl": "P1D"}}]}""";

    private final CatalogStore catalog;
    private final CatalogControlStore controls;
    private final CatalogReads reads;
    private final NamedTemplates templates;
    private final CurrentCaller caller;
    private final WakeUps wakeUps;
    private final InstantSource clock;

    TemplateResource(
            CatalogStore catalog,
            CatalogControlStore controls,
            CatalogReads reads,
            NamedTemplates templates,
            CurrentCaller caller,
            WakeUps wakeUps,
            InstantSource clock) {
        this.catalog = catalog;
        this.controls = controls;
        this.reads = reads;
        this.templates = templates;
        this.caller = caller;
        this.wakeUps = wakeUps;
        this.clock = clock;
    }

    /**
     * The answer to a declaration.
     *
     * @param version the number of the version that holds it
     * @param versionCreated false where a version declared the same already
     * @param preview of a dry run alone
     */
    public record AppliedAnswer(
            TemplateView template,
            int version,
            boolean versionCreated,
            List<PresetView> presets,

            @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable
            Preview preview) {

        static AppliedAnswer of(Applied.Done done, @Nullable Preview preview) {
            return new AppliedAnswer(done.template(), done.version(), done.versionCreated(), done.presets(), preview);
        }
    }

    /** @param version the active one; null where no version was ever promoted: then there are no presets */
    public record TemplateAnswer(
            TemplateView template, @Nullable VersionView version, List<PresetView> presets) {}

    public record VersionAnswer(VersionView version, List<PresetView> presets) {}

    /**
     * Creates or updates a template as the body declares. Idempotent.
     *
     * <p>Blocking: reading a megabyte of YAML would delay all other requests of the event loop.
     *
     * @param promote {@code false} only imports the version
     */
    @PUT
    @Path("/{template}")
    @Consumes({"application/json", "application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Blocking
    @APIResponse(
            responseCode = "201",
            description = "The template is new",
            content = @Content(schema = @Schema(implementation = AppliedAnswer.class)))
    @APIResponse(
            responseCode = "200",
            description = "The template has been there before",
            content = @Content(schema = @Schema(implementation = AppliedAnswer.class)))
    @Operation(operationId = "applyTemplate", summary = "Creates or updates a template as declared. Idempotent")
    @RequestBody(
            required = true,
            description = "The declaration: backend, files, tags, startTimeout, parameters, presets",
            content = {
                @Content(
                        mediaType = "application/json",
                        schema = @Schema(type = SchemaType.OBJECT),
                        examples = @ExampleObject(name = "stocked", value = DECLARATION)),
                @Content(mediaType = "application/yaml", schema = @Schema(type = SchemaType.OBJECT))
            })
    public Uni<RestResponse<AppliedAnswer>> apply(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            @QueryParam("promote") @Nullable String promote,
            @QueryParam("dryRun")
                    @Parameter(
                            description =
                                    "true: writes nothing, and says what would change; ids of new things do not exist")
                    @Nullable
                    String dryRun,
            @HeaderParam(HttpHeaders.IF_MATCH) @Nullable String ifMatch,
            @HeaderParam(HttpHeaders.CONTENT_TYPE) @Nullable String contentType,
            byte @Nullable [] body) {
        if (!Names.isName(template)) {
            throw Problem.unprocessable("invalid_name", "name", "must be up to 63 lower-case letters, digits and '-'.");
        }
        Declaration declaration =
                declaration(body == null ? new byte[0] : body, contentType == null ? "" : contentType);
        Canonical.Forms canonical = Canonical.of(declaration);
        CatalogStore.Application application = new CatalogStore.Application(
                caller.get(),
                organization,
                template,
                declaration,
                canonical.whole(),
                canonical.byDigests(),
                promote(promote),
                ETags.ifMatchTag(ifMatch));
        return Filters.flag("dryRun", dryRun)
                ? catalog.preview(application).map(result -> previewed(result, declaration))
                : catalog.apply(application).map(applied -> answer(applied, declaration));
    }

    private static Declaration declaration(byte[] body, String contentType) {
        return switch (DeclarationParser.parse(body, contentType)) {
            case ParsedDeclaration.Accepted(Declaration declaration) -> declaration;
            case ParsedDeclaration.Refused(var refusals) -> throw Problem.unprocessable(refusals);
            case ParsedDeclaration.Malformed(String detail) -> throw Problem.of(400, "malformed_body", detail);
            case ParsedDeclaration.UnknownType() ->
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

    private RestResponse<AppliedAnswer> answer(Applied applied, Declaration declaration) {
        Applied.Done done = done(applied, declaration);
        if (done.changed()) {
            wakeUps.changed(Change.TEMPLATE);
        }
        return RestResponse.ResponseBuilder.create(
                        done.templateCreated() ? RestResponse.Status.CREATED : RestResponse.Status.OK,
                        AppliedAnswer.of(done, null))
                .header(HttpHeaders.ETAG, ETags.format(done.template().tag()))
                .build();
    }

    private static RestResponse<AppliedAnswer> previewed(CatalogStore.Previewed result, Declaration declaration) {
        return RestResponse.ok(AppliedAnswer.of(
                done(result.applied(), declaration), result.preview().orElse(null)));
    }

    private static Applied.Done done(Applied applied, Declaration declaration) {
        return switch (applied) {
            case Applied.NoOrganization() -> throw Problem.notFound("organization");
            case Applied.Stale() ->
                throw Problem.of(412, "precondition_failed", "The template is not the one that If-Match names.");
            case Applied.FilesMissing(var digests) ->
                throw Problem.unprocessable(FileReferences.missing(declaration.uploads(), digests));
            case Applied.FilesUnreadable(var refusals) -> throw Problem.unprocessable(refusals);
            case Applied.Done done -> done;
        };
    }

    @GET
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "listTemplates", summary = "Lists the templates of an organization, newest first")
    public Uni<Page<TemplateView>> list(
            @PathParam("organization") String organization,
            @BeanParam ListParameters list,
            @QueryParam("template") @Parameter(description = "Only the one of this name") @Nullable String name,
            @QueryParam("since") @Parameter(description = Filters.SINCE) @Nullable String since) {
        PageRequest page = list.page();
        Optional<String> named = Filters.text("template", name);
        Optional<Instant> from = Filters.since(since, clock.instant());
        return reads.organization(caller.get(), organization)
                .map(found -> found.orElseThrow(() -> Problem.notFound("organization")))
                .map(found -> CatalogReads.templatesOf(found, named, from))
                .chain(query -> page(list, page, query));
    }

    private Uni<Page<TemplateView>> page(ListParameters list, PageRequest page, RowList.Query query) {
        return reads.templates(query, page.after(), page.rows())
                .map(rows -> Page.of(page, rows, TemplateView::id))
                .chain(found -> list.counted(found, () -> reads.total(query)));
    }

    /** With its active version and presets. */
    @GET
    @Path("/{template}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "getTemplate", summary = "Shows a template with its active version and presets")
    public Uni<RestResponse<TemplateAnswer>> one(
            @PathParam("organization") String organization, @PathParam("template") String template) {
        TemplateName name = new TemplateName(caller.get(), organization, template);
        return templates
                .find(name)
                .chain(view -> withVersion(name, view))
                .map(answer -> tagged(answer, answer.template()));
    }

    private Uni<TemplateAnswer> withVersion(TemplateName name, TemplateView template) {
        Integer active = template.versions().activeVersion();
        if (active == null) {
            return Uni.createFrom().item(new TemplateAnswer(template, null, List.of()));
        }
        return reads.version(name, active)
                .map(found -> found.orElseThrow(() -> Problem.notFound("version")))
                .chain(version ->
                        reads.presetsOf(version.id()).map(presets -> new TemplateAnswer(template, version, presets)));
    }

    /** Newest first. */
    @GET
    @Path("/{template}/versions")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "listVersions", summary = "Lists the versions of a template, newest first")
    public Uni<Page<VersionView>> versions(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            @QueryParam("limit") @Nullable String limit,
            @QueryParam("after") @Nullable String after) {
        PageRequest page = PageRequest.of(limit, after);
        TemplateName name = new TemplateName(caller.get(), organization, template);
        return templates
                .find(name)
                .chain(known -> reads.versions(name, page.after(), page.rows()))
                .map(rows -> Page.of(page, rows, VersionView::id));
    }

    @GET
    @Path("/{template}/versions/{number}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.MEMBER_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "getVersion", summary = "Shows a version with its presets")
    public Uni<VersionAnswer> version(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            @PathParam("number") String number) {
        if (!number.matches("[1-9][0-9]{0,8}")) {
            throw Problem.notFound("version");
        }
        TemplateName name = new TemplateName(caller.get(), organization, template);
        return templates
                .find(name)
                .chain(known -> reads.version(name, Integer.parseInt(number)))
                .map(found -> found.orElseThrow(() -> Problem.notFound("version")))
                .chain(version -> reads.presetsOf(version.id()).map(presets -> new VersionAnswer(version, presets)));
    }

    /** The reconciler deletes its prebuilds, and its name is free. */
    @DELETE
    @Path("/{template}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(
            operationId = "deleteTemplate",
            summary = "Deletes a template and its prebuilds. Its name may be used again")
    public Uni<RestResponse<Void>> delete(
            @PathParam("organization") String organization, @PathParam("template") String template) {
        TemplateName name = new TemplateName(caller.get(), organization, template);
        return controls.delete(name)
                .chain(found -> templates.refuseUnless(found, name))
                .invoke(() -> wakeUps.changed(Change.TEMPLATE))
                .map(found -> RestResponse.noContent());
    }

    static <T> RestResponse<T> tagged(T answer, TemplateView template) {
        return RestResponse.ResponseBuilder.ok(answer)
                .header(HttpHeaders.ETAG, ETags.format(template.tag()))
                .build();
    }
}
