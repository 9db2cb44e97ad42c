package dev.larder.audit;

import dev.larder.audit.AuditStore.AuditEntry;
import dev.larder.audit.AuditStore.Notification;
import dev.larder.database.RowList;
import dev.larder.http.CurrentCaller;
import dev.larder.http.Filters;
import dev.larder.http.ListParameters;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.model.Role;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.time.InstantSource;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

/** Shows the audit log and the notifications of template admins, newest first. */
@Path("/api/v1")
@Produces(MediaType.APPLICATION_JSON)
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.AUDITOR_NAME})
@Tag(name = "audit")
class AuditResource {

    private final AuditStore audit;
    private final CurrentCaller caller;
    private final InstantSource clock;

    AuditResource(AuditStore audit, CurrentCaller caller, InstantSource clock) {
        this.audit = audit;
        this.caller = caller;
        this.clock = clock;
    }

    @GET
    @Path("/notifications")
    @Operation(operationId = "listNotifications", summary = "Lists notifications to template admins, newest first")
    public Uni<Page<Notification>> notifications(
            @BeanParam ListParameters list,
            @QueryParam("organization") @Parameter(description = Filters.ORGANIZATION) @Nullable String organization,
            @QueryParam("since") @Parameter(description = Filters.SINCE) @Nullable String since) {
        PageRequest page = list.page();
        RowList.Query query = AuditStore.notifications(
                caller.get().organization(),
                Filters.text("organization", organization),
                Filters.since(since, clock.instant()));
        return audit.notifications(query, page.after(), page.rows())
                .map(rows -> Page.of(page, rows, Notification::id))
                .chain(found -> list.counted(found, () -> audit.total(query)));
    }

    @GET
    @Path("/audit")
    @Operation(operationId = "listAudit", summary = "Lists who changed what, newest first")
    public Uni<Page<AuditEntry>> audit(
            @BeanParam ListParameters list,
            @QueryParam("organization") @Parameter(description = Filters.ORGANIZATION) @Nullable String organization,
            @QueryParam("owner") @Parameter(description = "Only changes by this user, by name or id") @Nullable
                    String owner,
            @QueryParam("since") @Parameter(description = Filters.SINCE) @Nullable String since) {
        PageRequest page = list.page();
        RowList.Query query = AuditStore.audit(
                caller.get().organization(),
                Filters.text("organization", organization),
                Filters.text("owner", owner),
                Filters.since(since, clock.instant()));
        return audit.audit(query, page.after(), page.rows())
                .map(rows -> Page.of(page, rows, AuditEntry::id))
                .chain(found -> list.counted(found, () -> audit.total(query)));
    }
}
