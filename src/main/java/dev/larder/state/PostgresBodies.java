package dev.larder.state;

import dev.larder.state.Envelope.Place;
import io.smallrye.mutiny.Uni;
import java.util.Optional;

/** Bodies lie in their rows: the statement that writes or reads the row has the body with it. */
class PostgresBodies implements StateBodies {

    @Override
    public Uni<Stored> keep(Place place, byte[] sealed) {
        return Uni.createFrom().item(new Stored(sealed, null));
    }

    @Override
    public Uni<Optional<byte[]>> fetch(Stored stored) {
        return Uni.createFrom().item(Optional.ofNullable(stored.inline()));
    }
}
