package dev.larder.claim;

import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
import dev.larder.http.Problem;
import dev.larder.pool.Scope;
import dev.larder.store.ClaimReads;
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
 * Refuses to stream a claim that the caller cannot see. A stream of events writes its 200 before its first event, after
 * which there is no way left to say 404.
 */
class ClaimExists {

    private final ClaimReads reads;
    private final CurrentCaller caller;

    ClaimExists(ClaimReads reads, CurrentCaller caller) {
        this.reads = reads;
        this.caller = caller;
    }

    /** On a call whose {@code id} must be that of a claim. */
    @NameBinding
    @Retention(RetentionPolicy.RUNTIME)
    @Target(ElementType.METHOD)
    @interface Needed {}

    @Needed
    @ServerRequestFilter
    public Uni<RestResponse<Void>> refuseUnknown(UriInfo address) {
        UUID id =
                JsonBody.uuid(address.getPathParameters().getFirst("id")).orElseThrow(() -> Problem.notFound("claim"));
        return reads.find(id, Scope.of(caller.get())).chain(ClaimExists::goOnOrRefuse);
    }

    private static Uni<RestResponse<Void>> goOnOrRefuse(Optional<ClaimReads.Claim> found) {
        return found.isPresent()
                ? Uni.createFrom().nullItem()
                : Uni.createFrom().failure(Problem.notFound("claim"));
    }
}
