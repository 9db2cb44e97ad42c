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
import dev.larder.webhooks.DeliveryReads.Filter;
import dev.larder.webhooks.DeliveryRequestStore.Asked;
import dev.larder.webhooks.WebhookViews.DeliveryDetail;
import dev.larder.webhooks.WebhookViews.DeliveryView;
import dev.larder.webhooks.WebhookViews.WebhookView;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.time.InstantSource;
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** What webhooks were sent, and what became of it. */
@Path("/api/v1/organizations")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "webhooks")
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME})
class DeliveryResource {

    private static final List<String> STATUSES = List.of("pending", "delivered", "failed");
    private static final String KIND = "delivery";

    private final WebhookStore webhooks;
    private final DeliveryReads reads;
    private final DeliveryRequestStore store;
    private final Access access;
    private final CurrentCaller caller;
    private final InstantSource clock;
    private final WebhookSettings settings;
    private final Sender sender;

    DeliveryResource(
            WebhookStore webhooks,
            DeliveryReads reads,
            DeliveryRequestStore store,
            Access access,
            CurrentCaller caller,
            InstantSource clock,
            WebhookSettings settings,
            Sender sender) {
        this.webhooks = webhooks;
        this.reads = reads;
        this.store = store;
        this.access = access;
        this.caller = caller;
        this.clock = clock;
        this.settings = settings;
        this.sender = sender;
    }

    @POST
    @Path("/{organization}/webhooks/{id}/test")
    @APIResponseSchema(value = DeliveryView.class, responseCode = "202")
    @Operation(operationId = "testWebhook", summary = "Sends an event of type webhook.test to an enabled webhook")
    public Uni<RestResponse<DeliveryView>> test(
            @PathParam("organization") String organization, @PathParam("id") String id) {
        UUID webhook = WebhookResource.id(id);
        return find(organization, webhook)
                .chain(found -> store.test(asked(found)))
                .map(made -> begun(organization, made.orElseThrow(DeliveryResource::disabled)));
    }

    @GET
    @Path("/{organization}/webhooks/{id}/deliveries")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.AUDITOR_NAME})
    @Operation(operationId = "listWebhookDeliveries", summary = "Lists the deliveries of a webhook, newest first")
    public Uni<Page<DeliveryView>> list(
            @PathParam("organization") String organization,
            @PathParam("id") String id,
            @QueryParam("status") @Nullable String status,
            @QueryParam("type") @Nullable String type,
            @QueryParam("limit") @Nullable String limit,
            @QueryParam("after") @Nullable String after) {
        UUID webhook = WebhookResource.id(id);
        PageRequest page = PageRequest.of(limit, after);
        Filter filter = filter(status, type);
        return find(organization, webhook)
                .chain(found -> reads.list(found.organizationId(), webhook, filter, page.after(), page.rows()))
                .map(rows -> Page.of(page, rows, DeliveryView::id));
    }

    private static Filter filter(@Nullable String status, @Nullable String type) {
        if (status != null && !STATUSES.contains(status)) {
            throw Problem.badRequest("unknown_status", "status", "must be one of " + String.join(", ", STATUSES) + ".");
        }
        if (type != null && !EventTypes.ALL.contains(type) && !type.equals(EventTypes.TEST)) {
            throw Problem.badRequest("unknown_event_type", "type", "must be a type such as workspace.claimed.");
        }
        return new Filter(status, type);
    }

    @GET
    @Path("/{organization}/webhooks/{id}/deliveries/{delivery}")
    @RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.AUDITOR_NAME})
    @Operation(
            operationId = "getWebhookDelivery",
            summary = "Shows a delivery: what is sent, and what each attempt came to")
    public Uni<DeliveryDetail> get(
            @PathParam("organization") String organization,
            @PathParam("id") String id,
            @PathParam("delivery") String delivery) {
        UUID webhook = WebhookResource.id(id);
        UUID wanted = delivery(delivery);
        return find(organization, webhook)
                .chain(found -> reads.find(found.organizationId(), webhook, wanted))
                .map(found -> found.orElseThrow(() -> Problem.notFound(KIND)));
    }

    @POST
    @Path("/{organization}/webhooks/{id}/deliveries/{delivery}/redeliver")
    @APIResponseSchema(value = DeliveryView.class, responseCode = "202")
    @Operation(
            operationId = "redeliverWebhookDelivery",
            summary = "Sends a delivery once more, with the same id, and tries it again as long as a new one")
    public Uni<RestResponse<DeliveryView>> redeliver(
            @PathParam("organization") String organization,
            @PathParam("id") String id,
            @PathParam("delivery") String delivery) {
        UUID webhook = WebhookResource.id(id);
        UUID wanted = delivery(delivery);
        return find(organization, webhook)
                .call(found -> reads.find(found.organizationId(), webhook, wanted)
                        .map(there -> there.orElseThrow(() -> Problem.notFound(KIND))))
                .chain(found -> store.again(asked(found), wanted))
                .map(again -> begun(organization, again.orElseThrow(DeliveryResource::disabled)));
    }

    private Asked asked(WebhookView webhook) {
        return new Asked(
                webhook.organizationId(), webhook.id(), caller.get().userId(), clock.instant(), settings.giveUpAfter());
    }

    private RestResponse<DeliveryView> begun(String organization, DeliveryView delivery) {
        sender.wakeIf(true);
        return Located.accepted(
                        "/api/v1/organizations/" + organization + "/webhooks/" + delivery.webhookId() + "/deliveries/"
                                + delivery.id(),
                        delivery)
                .build();
    }

    private static Problem disabled() {
        return Problem.of(409, "webhook_disabled", "The webhook is disabled: enable it first.");
    }

    private static UUID delivery(String id) {
        return JsonBody.uuid(id).orElseThrow(() -> Problem.notFound(KIND));
    }

    /** The webhook, of an organization that the caller may see. */
    private Uni<WebhookView> find(String organization, UUID webhook) {
        return access.organization(caller.get(), JsonBody.uuid(organization), organization)
                .map(found -> found.map(Organization::id).orElseThrow(() -> Problem.notFound("organization")))
                .chain(found -> webhooks.find(found, webhook, clock.instant()))
                .map(found -> found.orElseThrow(WebhookResource::missing));
    }
}
