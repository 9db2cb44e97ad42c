package dev.larder.http;

import dev.larder.model.Caller;
import dev.larder.model.LevelPause;
import io.smallrye.mutiny.Uni;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** The port through which the other rooms ask about callers and organizations. */
public interface Access {

    /**
     * An organization as {@code /organizations} shows it.
     *
     * @param pauses of the deployment and its own, as they were set; one may have ended since
     */
    record Organization(UUID id, String name, Instant createdAt, List<LevelPause> pauses) {}

    /** The caller that an API token stands for; empty where the text is none, or the token opens nothing any more. */
    Uni<Optional<Caller>> caller(String token);

    /** Whether the caller's token is still valid with the same role. Asked again and again during a stream. */
    Uni<Boolean> stillOpens(Caller caller);

    /**
     * Finds an organization by id or name. Empty where it does not exist or the caller may not see it.
     *
     * @param idOrName never ambiguous: a name that reads as an id is refused when it is made
     */
    Uni<Optional<Organization>> organization(Caller caller, Optional<UUID> id, String idOrName);
}
