package dev.larder.model;

import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import java.util.Optional;
import java.util.UUID;

/** Reads uploaded files. Only whole files, whose digest was verified, are found. */
public interface FileContents {

    /**
     * A file.
     *
     * @param pieces its bytes in order, at most 1 MiB in each piece. A piece is read when it is asked for
     */
    record Content(long bytes, Multi<byte[]> pieces) {}

    /** The file of this organization with this digest. Empty where there is none. */
    Uni<Optional<Content>> find(UUID organization, String digest);
}
