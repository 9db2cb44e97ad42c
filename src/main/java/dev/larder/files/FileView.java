package dev.larder.files;

import java.time.Instant;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * A file as the API shows it.
 *
 * @param bytes of the whole file, as the upload announced them
 * @param received how many of them are there, from the beginning
 * @param storedAt when all of it was there and its digest was verified; null for a part
 * @param touchedAt when it was last sent, asked for or declared
 * @param versions how many times versions of templates refer to it
 */
@Schema(name = "File")
record FileView(
        UUID id,
        String digest,
        long bytes,
        long received,
        @Nullable Instant storedAt,
        Instant createdAt,
        Instant touchedAt,
        int versions) {}
