package dev.larder.state;

import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Optional;
import java.util.UUID;

/** Bodies lie in their rows: the statement that writes or reads the row has the body with it. */
@ApplicationScoped
class PostgresBodies implements StateBodies {

    @Override
    public Uni<Stored> keep(UUID state, byte[] sealed) {
        return Uni.createFrom().item(new Stored(sealed, null));
    }

    @Override
    public Uni<Optional<byte[]>> fetch(Stored stored) {
        return Uni.createFrom().item(Optional.ofNullable(stored.inline()));
    }
}
