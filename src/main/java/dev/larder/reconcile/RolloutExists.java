package dev.larder.reconcile;

import dev.larder.http.CurrentCaller;
import dev.larder.http.StreamGuard;
import io.smallrye.mutiny.Uni;
import jakarta.ws.rs.NameBinding;
import jakarta.ws.rs.core.UriInfo;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.time.InstantSource;
import java.util.Optional;
import java.util.UUID;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.server.ServerRequestFilter;

/** Refuses to stream a rollout that the caller cannot see. */
class RolloutExists {

    private final RolloutReads reads;
    private final CurrentCaller caller;
    private final InstantSource clock;

    RolloutExists(RolloutReads reads, CurrentCaller caller, InstantSource clock) {
        this.reads = reads;
        this.caller = caller;
        this.clock = clock;
    }

    /** On a call whose {@code id} must be that of a rollout. */
    @NameBinding
    @Retention(RetentionPolicy.RUNTIME)
    @Target(ElementType.METHOD)
    @interface Needed {}

    @Needed
    @ServerRequestFilter
    public Uni<RestResponse<Void>> refuseUnknown(UriInfo address) {
        Optional<UUID> organization = caller.get().organization();
        return StreamGuard.refuseUnknown(address, "rollout", id -> reads.find(id, organization, clock.instant()));
    }
}
