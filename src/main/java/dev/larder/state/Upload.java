package dev.larder.state;

import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;

/**
 * A body that a tool or a person sent.
 *
 * @param mutation under which it was sent; empty: the sender named none
 * @param fence that the sender was given with the mutation; empty: the mutation's own counts
 * @param user the person who sent it; empty for a job
 */
record Upload(
        UUID state,
        Optional<UUID> mutation,
        OptionalLong fence,
        byte[] bytes,
        String contentType,
        Conditions conditions,
        Optional<UUID> user) {

    /**
     * What the sender says of the upload.
     *
     * @param contentMd5 the MD5 of the bytes
     * @param version the current version that the state must have; 0: nothing was ever written
     * @param force the rules of serial and lineage do not apply
     */
    record Conditions(Optional<byte[]> contentMd5, OptionalLong version, boolean force) {

        static final Conditions NONE = new Conditions(Optional.empty(), OptionalLong.empty(), false);
    }
}
