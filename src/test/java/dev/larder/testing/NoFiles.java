package dev.larder.testing;

import dev.larder.model.FileContents;
import io.smallrye.mutiny.Uni;
import java.util.Optional;
import java.util.UUID;

/** No file was ever uploaded. */
public final class NoFiles implements FileContents {

    @Override
    public Uni<Optional<Content>> find(UUID organization, String digest) {
        return Uni.createFrom().item(Optional.empty());
    }
}
