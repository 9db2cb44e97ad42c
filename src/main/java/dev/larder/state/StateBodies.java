package dev.larder.state;

import dev.larder.state.Envelope.Place;
import io.smallrye.mutiny.Uni;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Where sealed bodies lie: in their row, or in a store of objects. PostgreSQL arbitrates either way: a body
 * counts only once a row names it, is never overwritten, and is never read without its row.
 */
interface StateBodies {

    /**
     * What a row says of its body; at most one of the two is there.
     *
     * @param inline the body itself
     * @param objectKey where it lies otherwise
     */
    record Stored(byte @Nullable [] inline, @Nullable String objectKey) {}

    /** Stores a body under a name that no other body ever has, before the row that names it is written. */
    Uni<Stored> keep(Place place, byte[] sealed);

    /**
     * The body of a row. Empty where it is missing; fails where the store cannot be reached, which says
     * nothing of the body, and with {@link DamagedException}.
     */
    Uni<Optional<byte[]>> fetch(Stored stored);
}
