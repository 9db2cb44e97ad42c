package dev.larder.model;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** The content of one file of a version, as a backend reads it. */
public sealed interface FileContent {

    /** The text that the declaration has in itself. */
    record Text(String text) implements FileContent {

        @Override
        public long bytes() {
            return text.getBytes(StandardCharsets.UTF_8).length;
        }

        @Override
        public InputStream open() {
            return new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
        }
    }

    /**
     * An uploaded file, which the worker has fetched and verified. Other jobs may read the same path at the same time:
     * it is not to be written.
     *
     * @param path stays as it is until the job has ended
     */
    record OnDisk(Path path, long bytes) implements FileContent {

        @Override
        public InputStream open() throws IOException {
            return Files.newInputStream(path);
        }
    }

    /** How many bytes it has. */
    long bytes();

    /** The bytes from the beginning. The caller closes the stream. */
    InputStream open() throws IOException;
}
