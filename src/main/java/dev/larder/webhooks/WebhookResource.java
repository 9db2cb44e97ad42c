package dev.larder.webhooks;

import dev.larder.http.Access;
import dev.larder.http.Access.Organization;
import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
import dev.larder.http.Located;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.http.Problem;
import dev.larder.model.Role;
import dev.larder.webhooks.WebhookBodies.NewWebhookBody;
import dev.larder.webhooks.WebhookBodies.RotationBody;
import dev.larder.webhooks.WebhookBodies.WebhookChangeBody;
import dev.larder.webhooks.WebhookStore.NewWebhook;
import dev.larder.webhooks.WebhookStore.WebhookChange;
import dev.larder.webhooks.WebhookViews.WebhookView;
import dev.larder.webhooks.WebhookViews.WithSecret;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.PATCH;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.security.SecureRandom;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** The webhooks of an organization. A secret is in one answer only. */
@Path("/api/v1/organizations")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "webhooks")
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
class WebhookResource {

    private static final byte[] NOTHING = {'{', '}'};

    private final WebhookStore store;
    private final Access access;
    private final CurrentCaller caller;
    private final InstantSource clock;
    private final WebhookSettings settings;
    private final Networks networks;
    private final SecureRandom random = new SecureRandom();

    WebhookResource(
            WebhookStore store,
            Access access,
            CurrentCaller caller,
            InstantSource clock,
            WebhookSettings settings,
            Networks networks) {
        this.store = store;
        this.access = access;
        this.caller = caller;
        this.clock = clock;
        this.settings = settings;
        this.networks = networks;
    }

    @POST
    @Path("/{organization}/webhooks")
    @Consumes(MediaType.APPLICATION_JSON)
    @APIResponseSchema(value = WithSecret.class, responseCode = "201")
    @Operation(
            operationId = "createWebhook",
            summary = "Sends events of the organization to an address from now on, and shows the secret once")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = NewWebhookBody.class)))
    public Uni<RestResponse<WithSecret>> create(@PathParam("organization") String organization, byte[] bytes) {
        JsonBody body = JsonBody.of(bytes, NewWebhookBody.class);
        var address = WebhookBodies.address(body, settings.http(), networks).orElseThrow(() -> missing("url"));
        List<String> events = WebhookBodies.events(body).orElseThrow(() -> missing("events"));
        String description = WebhookBodies.description(body).orElse("");
        boolean enabled = body.optionalBoolean("enabled").orElse(true);
        Secret secret = WebhookBodies.secret(body).orElseGet(this::generated);
        return find(organization)
                .map(found -> new NewWebhook(found.id(), address, events, description, enabled, secret))
                .chain(wanted -> store.create(
                        wanted, settings.perOrganization(), caller.get().userId(), clock.instant()))
                .map(made -> made.orElseThrow(this::tooMany))
                .map(made -> Located.created(path(made), new WithSecret(made, secret.reveal()))
                        .header("Cache-Control", "no-store")
                        .build());
    }

    private static Problem missing(String field) {
        return Problem.badRequest("missing_field", field, "is required.");
    }

    private Secret generated() {
        byte[] bytes = new byte[Secret.BYTES];
        random.nextBytes(bytes);
        return Secret.of(bytes);
    }

    private Problem tooMany() {
        return Problem.of(
                409,
                "too_many_webhooks",
                "The organization has " + settings.perOrganization() + " webhooks; delete one first.");
    }

    private static String path(WebhookView webhook) {
        return "/api/v1/organizations/" + webhook.organizationId() + "/webhooks/" + webhook.id();
    }

    @GET
    @Path("/{organization}/webhooks")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "listWebhooks", summary = "Lists the webhooks of an organization, newest first")
    public Uni<Page<WebhookView>> list(
            @PathParam("organization") String organization,
            @QueryParam("limit") @Nullable String limit,
            @QueryParam("after") @Nullable String after) {
        PageRequest page = PageRequest.of(limit, after);
        return find(organization)
                .chain(found -> store.list(found.id(), page.after(), page.rows(), clock.instant()))
                .map(rows -> Page.of(page, rows, WebhookView::id));
    }

    @GET
    @Path("/{organization}/webhooks/{id}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "getWebhook", summary = "Shows a webhook, without its secret")
    public Uni<WebhookView> get(@PathParam("organization") String organization, @PathParam("id") String id) {
        UUID webhook = id(id);
        return find(organization)
                .chain(found -> store.find(found.id(), webhook, clock.instant()))
                .map(WebhookResource::found);
    }

    @PATCH
    @Path("/{organization}/webhooks/{id}")
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            operationId = "changeWebhook",
            summary = "Changes a webhook, or disables or enables it. What happens while it is disabled is not sent")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = WebhookChangeBody.class)))
    public Uni<WebhookView> change(
            @PathParam("organization") String organization, @PathParam("id") String id, byte[] bytes) {
        UUID webhook = id(id);
        JsonBody body = JsonBody.of(bytes, WebhookChangeBody.class);
        WebhookChange change = new WebhookChange(
                WebhookBodies.address(body, settings.http(), networks).orElse(null),
                WebhookBodies.events(body).orElse(null),
                WebhookBodies.description(body).orElse(null),
                body.optionalBoolean("enabled").orElse(null));
        return find(organization)
                .chain(found ->
                        store.change(found.id(), webhook, change, caller.get().userId(), clock.instant()))
                .map(WebhookResource::found);
    }

    @POST
    @Path("/{organization}/webhooks/{id}/rotate")
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            operationId = "rotateWebhookSecret",
            summary = "Replaces the secret of a webhook and shows the new one once. Both sign for a while")
    @RequestBody(required = true, content = @Content(schema = @Schema(implementation = RotationBody.class)))
    public Uni<RestResponse<WithSecret>> rotate(
            @PathParam("organization") String organization, @PathParam("id") String id, byte[] bytes) {
        UUID webhook = id(id);
        JsonBody body = JsonBody.of(bytes.length == 0 ? NOTHING : bytes, RotationBody.class);
        Secret secret = WebhookBodies.secret(body).orElseGet(this::generated);
        Instant now = clock.instant();
        Instant until = now.plus(WebhookBodies.overlap(body));
        return find(organization)
                .chain(found -> store.rotate(
                        found.id(), webhook, secret, until, caller.get().userId(), now))
                .map(WebhookResource::found)
                .map(rotated -> RestResponse.ResponseBuilder.ok(new WithSecret(rotated, secret.reveal()))
                        .header("Cache-Control", "no-store")
                        .build());
    }

    @DELETE
    @Path("/{organization}/webhooks/{id}")
    @Operation(operationId = "deleteWebhook", summary = "Deletes a webhook. Nothing more is sent to it")
    @APIResponse(responseCode = "204", description = "Deleted")
    public Uni<Void> delete(@PathParam("organization") String organization, @PathParam("id") String id) {
        UUID webhook = id(id);
        return find(organization)
                .chain(found -> store.delete(found.id(), webhook, caller.get().userId(), clock.instant()))
                .invoke(WebhookResource::refuseUnless)
                .replaceWithVoid();
    }

    private static void refuseUnless(boolean deleted) {
        if (!deleted) {
            throw missing();
        }
    }

    static Problem missing() {
        return Problem.notFound("webhook");
    }

    static UUID id(String id) {
        return JsonBody.uuid(id).orElseThrow(WebhookResource::missing);
    }

    private static WebhookView found(Optional<WebhookView> webhook) {
        return webhook.orElseThrow(WebhookResource::missing);
    }

    private Uni<Organization> find(String organization) {
        return access.organization(caller.get(), JsonBody.uuid(organization), organization)
                .map(found -> found.orElseThrow(() -> Problem.notFound("organization")));
    }
}
