package dev.larder.audit;

import dev.larder.audit.AuditStore.AuditEntry;
import dev.larder.audit.AuditStore.Notification;
import dev.larder.http.CurrentCaller;
import dev.larder.http.Page;
import dev.larder.http.PageRequest;
import dev.larder.model.Role;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import org.eclipse.microprofile.openapi.annotations.Operation;
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

    AuditResource(AuditStore audit, CurrentCaller caller) {
        this.audit = audit;
        this.caller = caller;
    }

    @GET
    @Path("/notifications")
    @Operation(operationId = "listNotifications", summary = "Lists notifications to template admins, newest first")
    public Uni<Page<Notification>> notifications(
            @QueryParam("limit") @Nullable String limit, @QueryParam("after") @Nullable String after) {
        PageRequest page = PageRequest.of(limit, after);
        return audit.notifications(caller.get().organization(), page.after(), page.rows())
                .map(rows -> Page.of(page, rows, Notification::id));
    }

    @GET
    @Path("/audit")
    @Operation(operationId = "listAudit", summary = "Lists who changed what, newest first")
    public Uni<Page<AuditEntry>> audit(
            @QueryParam("limit") @Nullable String limit, @QueryParam("after") @Nullable String after) {
        PageRequest page = PageRequest.of(limit, after);
        return audit.audit(caller.get().organization(), page.after(), page.rows())
                .map(rows -> Page.of(page, rows, AuditEntry::id));
    }
}
