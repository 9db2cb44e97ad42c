package dev.larder.events;

import dev.larder.http.CurrentCaller;
import dev.larder.http.Problem;
import dev.larder.http.StreamGuard;
import dev.larder.model.Visibility;
import io.smallrye.mutiny.Uni;
import jakarta.ws.rs.NameBinding;
import jakarta.ws.rs.core.UriInfo;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.util.OptionalLong;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.server.ServerRequestFilter;

/**
 * Refuses to stream a partition whose subject the caller cannot see: a stream sends its 200 before its first event, so
 * a request filter looks first.
 */
class PartitionSeen {

    private static final String KIND = "partition";

    private final EventReads reads;
    private final CurrentCaller caller;

    PartitionSeen(EventReads reads, CurrentCaller caller) {
        this.reads = reads;
        this.caller = caller;
    }

    /** On a call whose {@code partition} must be one that the caller can see. */
    @NameBinding
    @Retention(RetentionPolicy.RUNTIME)
    @Target(ElementType.METHOD)
    @interface Needed {}

    @Needed
    @ServerRequestFilter
    public Uni<RestResponse<Void>> refuseUnknown(UriInfo address) {
        Partition partition =
                Partition.of(address.getPathParameters().getFirst("partition")).orElseThrow(PartitionSeen::notFound);
        return StreamGuard.refuseUnless(
                reads.newest(partition, Visibility.of(caller.get())).map(OptionalLong::isPresent), KIND);
    }

    static Problem notFound() {
        return Problem.notFound(KIND);
    }

    /** The number of the newest event, of a partition that is seen. */
    static long seen(OptionalLong newest) {
        return newest.orElseThrow(PartitionSeen::notFound);
    }
}
