package dev.larder.jobs;

import dev.larder.http.CurrentCaller;
import dev.larder.jobs.JobLimitStore.Touched;
import dev.larder.jobs.QueueReads.Group;
import dev.larder.model.Role;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.security.RolesAllowed;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** How much there is to do, and for how long already (design, section 4). */
@Path("/api/v1/queue")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "jobs")
@RolesAllowed({Role.OWNER_NAME, Role.TEMPLATE_ADMIN_NAME, Role.AUDITOR_NAME})
class QueueResource {

    private final QueueReads reader;
    private final JobLimitStore limits;
    private final CurrentCaller caller;

    QueueResource(QueueReads reader, JobLimitStore limits, CurrentCaller caller) {
        this.reader = reader;
        this.limits = limits;
        this.caller = caller;
    }

    /**
     * @param items none of a kind of which there are no jobs
     * @param limits those that have jobs in flight, the fullest first: what waits although there are workers
     */
    record Queue(List<Group> items, List<Touched> limits) {}

    @GET
    @Operation(operationId = "getQueue", summary = "Counts the unfinished jobs by status, with the age of the oldest")
    public Uni<Queue> get() {
        Optional<UUID> organization = caller.get().organization();
        return reader.queue(organization)
                .chain(items -> limits.touched(organization).map(touched -> new Queue(items, touched)));
    }
}
