package dev.larder.http;

import io.smallrye.mutiny.Uni;
import jakarta.ws.rs.core.UriInfo;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;
import org.jboss.resteasy.reactive.RestResponse;

/**
 * Refuses to stream what the caller cannot see. A stream of events writes its 200 before its first event, after which there
 * is no way left to say 404; so a request filter asks first.
 */
public final class StreamGuard {

    private StreamGuard() {}

    /**
     * Goes on where what the path's {@code id} names is found; else 404.
     *
     * @param what as {@link Problem#notFound} names it
     */
    public static <T> Uni<RestResponse<Void>> refuseUnknown(
            UriInfo address, String what, Function<UUID, Uni<Optional<T>>> find) {
        UUID id = JsonBody.uuid(address.getPathParameters().getFirst("id")).orElseThrow(() -> Problem.notFound(what));
        return find.apply(id)
                .chain(found -> found.isPresent() ? goOn() : Uni.createFrom().failure(Problem.notFound(what)));
    }

    private static Uni<RestResponse<Void>> goOn() {
        return Uni.createFrom().nullItem();
    }
}
