package dev.larder.state;

import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;

/**
 * A body that a tool or a person sent.
 *
 * @param mutation under which it was sent; empty: the sender named none
 * @param fence that the sender was given with the mutation; empty: the mutation's own counts
 * @param contentMd5 what the sender says the MD5 of the bytes is
 * @param force the rules of serial and lineage do not apply
 * @param user the person who sent it; empty for a job
 */
record Upload(
        UUID state,
        Optional<UUID> mutation,
        OptionalLong fence,
        byte[] bytes,
        String contentType,
        Optional<byte[]> contentMd5,
        boolean force,
        Optional<UUID> user) {}
