package dev.larder.catalog;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.larder.database.Worked;
import dev.larder.http.CurrentCaller;
import dev.larder.http.ETags;
import dev.larder.http.Filters;
import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import dev.larder.lifecycle.PromotionOutlook;
import dev.larder.model.Forecast;
import dev.larder.model.Role;
import dev.larder.wakeup.Change;
import dev.larder.wakeup.WakeUps;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** Makes versions of templates the active ones, or says what that would do. */
@Path("/api/v1/organizations/{organization}/templates")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "catalog")
class PromotionResource {

    private static final String DRY_RUN =
            "true: writes nothing, and says what the promotion would do to each preset, where builds take the usual time"
                    + " and no client claims";

    private final CatalogStore catalog;
    private final PromotionOutlook outlook;
    private final NamedTemplates templates;
    private final CurrentCaller caller;
    private final WakeUps wakeUps;

    PromotionResource(
            CatalogStore catalog,
            PromotionOutlook outlook,
            NamedTemplates templates,
            CurrentCaller caller,
            WakeUps wakeUps) {
        this.catalog = catalog;
        this.outlook = outlook;
        this.templates = templates;
        this.caller = caller;
        this.wakeUps = wakeUps;
    }

    /** The body that promotes a version. */
    @RegisterForReflection
    record PromoteBody(int version) {}

    /**
     * The template, as it is when the version is active.
     *
     * @param forecast of a dry run alone: by preset, in order of their names
     */
    public record PromotedAnswer(
            @JsonUnwrapped TemplateView template,

            @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable
            List<Forecast.OfPreset> forecast) {}

    /**
     * Body: {@code {"version": 3}}. Also an older version; its presets take over the pauses of the presets
     * they replace.
     */
    @POST
    @Path("/{template}/promote")
    @Consumes(MediaType.APPLICATION_JSON)
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
    @Operation(operationId = "promoteVersion", summary = "Makes a version the active one. It may be an older one")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = PromoteBody.class)))
    public Uni<RestResponse<PromotedAnswer>> promote(
            @PathParam("organization") String organization,
            @PathParam("template") String template,
            @QueryParam("dryRun") @Parameter(description = DRY_RUN) @Nullable String dryRun,
            byte @Nullable [] body) {
        int version = JsonBody.of(body, PromoteBody.class).integer("version");
        TemplateName name = new TemplateName(caller.get(), organization, template);
        return Filters.flag("dryRun", dryRun)
                ? catalog.preview(name, version, outlook)
                        .call(preview -> refuseUnlessFound(preview.promoted(), name))
                        .chain(PromotionResource::previewed)
                : catalog.promote(name, version)
                        .call(promoted -> refuseUnlessFound(promoted, name))
                        .map(this::answer);
    }

    private Uni<Boolean> refuseUnlessFound(Promoted promoted, TemplateName name) {
        return templates.refuseUnless(!(promoted instanceof Promoted.NoTemplate), name);
    }

    private static Uni<RestResponse<PromotedAnswer>> previewed(PromotionPreview preview) {
        TemplateView template = done(preview.promoted()).template();
        return Worked.off(preview.forecasts())
                .map(forecasts -> RestResponse.ok(new PromotedAnswer(template, forecasts)));
    }

    private RestResponse<PromotedAnswer> answer(Promoted promoted) {
        Promoted.Done done = done(promoted);
        if (done.changed()) {
            wakeUps.changed(Change.TEMPLATE);
        }
        return RestResponse.ResponseBuilder.ok(new PromotedAnswer(done.template(), null))
                .header(HttpHeaders.ETAG, ETags.format(done.template().tag()))
                .build();
    }

    private static Promoted.Done done(Promoted promoted) {
        return switch (promoted) {
            case Promoted.NoTemplate() -> throw Problem.notFound("template");
            case Promoted.NoVersion() ->
                throw Problem.unprocessable("unknown_version", "version", "The template has no such version.");
            case Promoted.Done done -> done;
        };
    }
}
