package dev.larder.http;

import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import jakarta.ws.rs.core.UriInfo;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;
import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.RestResponse;

/**
 * Answers 404 for a stream of something that the caller cannot see. A stream of events sends its 200 before its
 * first event, so a request filter looks first. It also logs why a stream ended early: Quarkus REST logs a
 * client that closed its connection as an error, as it does a fault, so its logger is off.
 */
public final class StreamGuard {

    private static final Logger LOG = Logger.getLogger(StreamGuard.class);

    private StreamGuard() {}

    /**
     * Lets the request pass where the {@code id} of the path is found; else 404.
     *
     * @param what as {@link Problem#notFound} names it
     */
    public static <T> Uni<RestResponse<Void>> refuseUnknown(
            UriInfo address, String what, Function<UUID, Uni<Optional<T>>> find) {
        UUID id = JsonBody.uuid(address.getPathParameters().getFirst("id")).orElseThrow(() -> Problem.notFound(what));
        return refuseUnless(find.apply(id).map(Optional::isPresent), what);
    }

    /**
     * Lets the request pass where this is found; else 404.
     *
     * @param what as {@link Problem#notFound} names it
     */
    public static Uni<RestResponse<Void>> refuseUnless(Uni<Boolean> found, String what) {
        return found.chain(
                is -> is ? Uni.createFrom().nullItem() : Uni.createFrom().failure(Problem.notFound(what)));
    }

    /**
     * The same stream; a failure of it is logged. A client that goes away is none.
     *
     * @param what for people: {@code claim events}
     */
    public static <T> Multi<T> logged(String what, Multi<T> stream) {
        return stream.onFailure().invoke(cause -> LOG.warnf("stream ended early what=%s cause=%s", what, cause));
    }
}
