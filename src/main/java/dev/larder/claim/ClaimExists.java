package dev.larder.claim;

import dev.larder.http.CurrentCaller;
import dev.larder.http.StreamGuard;
import dev.larder.model.Visibility;
import io.smallrye.mutiny.Uni;
import jakarta.ws.rs.NameBinding;
import jakarta.ws.rs.core.UriInfo;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.server.ServerRequestFilter;

/** Refuses to stream a claim that the caller cannot see. */
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
        Visibility scope = Visibility.of(caller.get());
        return StreamGuard.refuseUnknown(address, "claim", id -> reads.find(id, scope));
    }
}
