package dev.larder.state;

import dev.larder.http.CurrentCaller;
import dev.larder.http.JsonBody;
import io.smallrye.mutiny.Uni;
import jakarta.ws.rs.NameBinding;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.UriInfo;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.util.Optional;
import java.util.UUID;
import org.jboss.resteasy.reactive.server.ServerRequestFilter;

/**
 * Marks an upload by the API as failed before its body is read, as the http backend does with an upload of a tool
 * ({@link Uploads}). A body that breaks off never reaches the resource.
 */
class UploadMark {

    private final OpenMutationStore mutations;
    private final CurrentCaller caller;

    UploadMark(OpenMutationStore mutations, CurrentCaller caller) {
        this.mutations = mutations;
        this.caller = caller;
    }

    /** On a call that uploads a state. Its {@code id} is that of the state or of its workspace. */
    @NameBinding
    @Retention(RetentionPolicy.RUNTIME)
    @Target(ElementType.METHOD)
    @interface Needed {}

    @Needed
    @ServerRequestFilter
    public Uni<Void> mark(UriInfo called, HttpHeaders headers) {
        Optional<UUID> mutation =
                Optional.ofNullable(headers.getHeaderString("Mutation-Id")).flatMap(JsonBody::uuid);
        Optional<UUID> address =
                Optional.ofNullable(called.getPathParameters().getFirst("id")).flatMap(JsonBody::uuid);
        // What cannot be read is refused by the resource.
        return mutation.isPresent() && address.isPresent()
                ? mutations.announceWrite(mutation.get(), caller.get().userId(), address.get())
                : Uni.createFrom().voidItem();
    }
}
