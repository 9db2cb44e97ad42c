package dev.larder.provision;

import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import dev.larder.pool.Scope;
import dev.larder.store.JobReader;
import io.smallrye.mutiny.Uni;
import jakarta.ws.rs.NameBinding;
import jakarta.ws.rs.core.UriInfo;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.util.Optional;
import java.util.UUID;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.server.ServerRequestFilter;

/**
 * Refuses to follow the log of a job that the caller cannot see. A stream of events writes its 200 before its first event,
 * after which there is no way left to say 404.
 */
class JobExists {

    private final JobReader reads;
    private final CurrentCaller caller;

    JobExists(JobReader reads, CurrentCaller caller) {
        this.reads = reads;
        this.caller = caller;
    }

    /** On a call whose {@code id} must be that of a job. */
    @NameBinding
    @Retention(RetentionPolicy.RUNTIME)
    @Target(ElementType.METHOD)
    @interface Needed {}

    @Needed
    @ServerRequestFilter
    public Uni<RestResponse<Void>> refuseUnknown(UriInfo address) {
        UUID id = JsonBody.uuid(address.getPathParameters().getFirst("id")).orElseThrow(() -> Problem.notFound("job"));
        return reads.find(id, Scope.of(caller.get())).chain(JobExists::goOnOrRefuse);
    }

    private static Uni<RestResponse<Void>> goOnOrRefuse(Optional<JobReader.Seen> found) {
        return found.isPresent()
                ? Uni.createFrom().nullItem()
                : Uni.createFrom().failure(Problem.notFound("job"));
    }
}
