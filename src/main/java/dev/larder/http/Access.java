package dev.larder.http;

import dev.larder.model.Caller;
import io.smallrye.mutiny.Uni;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;

/** What the other rooms ask of the room that knows who may do what. */
public interface Access {

    /** What {@code /organizations} shows. */
    record Organization(UUID id, String name, Instant createdAt) {}

    /** Whether the token that a caller came with still opens, in the same role: for answers that last. */
    Uni<Boolean> stillOpens(Caller caller);

    /**
     * One organization by id or name; empty where there is none or the caller does not see it.
     *
     * @param idOrName never ambiguous: a name that reads as an id is refused when it is made
     */
    Uni<Optional<Organization>> organization(Caller caller, Optional<UUID> id, String idOrName);
}
