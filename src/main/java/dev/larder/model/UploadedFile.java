package dev.larder.model;

import java.nio.file.Path;
import java.util.Optional;

/**
 * A file that was uploaded to an organization, as a version refers to it.
 *
 * @param digest {@code sha256:} and 64 hexadecimal digits in lower case
 * @param bytes its size
 * @param path where the worker has it; empty until the worker has fetched it
 */
public record UploadedFile(String digest, long bytes, Optional<Path> path) {

    public UploadedFile(String digest, long bytes) {
        this(digest, bytes, Optional.empty());
    }

    /** The same, at hand. */
    public UploadedFile at(Path fetched) {
        return new UploadedFile(digest, bytes, Optional.of(fetched));
    }
}
