package dev.larder.provision;

import dev.larder.http.CurrentCaller;
import dev.larder.pool.Role;
import dev.larder.store.QueueReader;
import dev.larder.store.QueueReader.Group;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** How much there is to do, and for how long already (design, section 4). */
@Path("/api/v1/queue")
@Tag(name = "jobs")
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.AUDITOR_NAME})
class QueueResource {

    private final QueueReader reader;
    private final CurrentCaller caller;

    QueueResource(QueueReader reader, CurrentCaller caller) {
        this.reader = reader;
        this.caller = caller;
    }

    /** @param items none of a kind of which there are no jobs */
    record Queue(List<Group> items) {}

    @GET
    @Operation(
            summary = "Counts the jobs that are not over, and says since when the oldest of each kind is in its state")
    public Uni<Queue> get() {
        return reader.queue(caller.get().organization()).map(Queue::new);
    }
}
