package dev.larder.inventory;

import dev.larder.http.Problem;
import jakarta.ws.rs.container.ContainerRequestContext;
import org.jboss.resteasy.reactive.server.ServerRequestFilter;

/**
 * Refuses claims while the database may be older than the answers that servers have given from it:
 * {@link RestoreGuard}.
 */
class SuspectDatabaseFilter {

    private static final String CLAIMS = "/api/v1/claims";

    private final RestoreGuard guard;

    SuspectDatabaseFilter(RestoreGuard guard) {
        this.guard = guard;
    }

    @ServerRequestFilter
    public void refuse(ContainerRequestContext request) {
        if (!guard.up()
                && request.getMethod().equals("POST")
                && request.getUriInfo().getPath().replaceFirst("/+$", "").equals(CLAIMS)) {
            throw Problem.of(503, "database_suspect", "No claim is answered: " + guard.detail() + ".");
        }
    }
}
