package dev.larder.cli.client;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Gives a declaration the files beside it. A short text becomes a part of the declaration. Another file is uploaded
 * once per organization, under the digest of its content, and the declaration refers to it.
 */
final class Uploads {

    /** Bytes of a text that stands in the declaration. */
    private static final long SHORT_MAX = 64 << 10;

    /** Bytes of all of them; the server reads a body of 2 MiB. */
    private static final long SHORT_SUM_MAX = 512 << 10;

    /** An upload may take a second more for each of these bytes. */
    private static final long BYTES_PER_SECOND_LEAST = 256 << 10;

    private static final int TRIES = 3;

    private final ApiClient api;
    private final String organization;

    Uploads(ApiClient api, String organization) {
        this.api = api;
        this.organization = organization;
    }

    /** Takes a file that is not a short text. */
    interface Taking {

        /** @return the digest under which the declaration refers to it */
        String digest(Path file, long size) throws IOException;
    }

    /** The declaration as it is sent, after what it refers to was uploaded. */
    ObjectNode body(Declared declared) {
        return body(declared, this::uploaded);
    }

    /** The declaration with the files beside it: short texts as they are, the digests of the others. */
    static ObjectNode body(Declared declared, Taking others) {
        ObjectNode body = declared.body().deepCopy();
        if (declared.files().isEmpty()) {
            return body;
        }
        if (body.has("files") && !body.path("files").isObject()) {
            throw Failure.of(ExitCode.USAGE, "files: must be an object");
        }
        ObjectNode files = body.withObjectProperty("files");
        long sum = 0;
        for (Map.Entry<String, Path> file : declared.files().entrySet()) {
            if (files.has(file.getKey())) {
                throw Failure.of(
                        ExitCode.USAGE, "files: " + file.getKey() + " stands in the declaration and in the folder");
            }
            try {
                long size = Files.size(file.getValue());
                String text = size <= SHORT_MAX && sum + size <= SHORT_SUM_MAX ? text(file.getValue()) : null;
                if (text == null) {
                    files.putObject(file.getKey()).put("digest", others.digest(file.getValue(), size));
                } else {
                    sum += size;
                    files.put(file.getKey(), text);
                }
            } catch (IOException unreadable) {
                throw Failure.of(ExitCode.USAGE, file.getValue() + " cannot be read: " + unreadable.getMessage());
            }
        }
        return body;
    }

    /** Null where the file is no text in UTF-8, or holds what the server takes in no text. */
    private static @Nullable String text(Path file) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        try {
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
            return text.indexOf('\0') >= 0 ? null : text;
        } catch (CharacterCodingException binary) {
            return null;
        }
    }

    /** @return the digest under which the server has it */
    private String uploaded(Path file, long size) throws IOException {
        String digest = digest(file);
        String path = Paths.of("organizations", organization, "files", digest);
        for (int attempt = 1; ; attempt++) {
            try {
                upload(path, file, size);
                return digest;
            } catch (Failure broken) {
                if (attempt == TRIES || broken.exit() != ExitCode.UNREACHABLE) {
                    throw broken;
                }
            }
        }
    }

    private void upload(String path, Path file, long size) throws IOException {
        Answer held = api.head(path);
        if (held.status() < 300) {
            return;
        }
        long offset = held.headers().firstValueAsLong("Upload-Offset").orElse(0);
        // A part that is as long as the file and is no file has other bytes: it is sent anew.
        long from = offset < size ? offset : 0;
        Map<String, String> range = from == 0
                ? Map.of("Content-Type", "application/octet-stream")
                : Map.of(
                        "Content-Type",
                        "application/octet-stream",
                        "Content-Range",
                        "bytes " + from + "-" + (size - 1) + "/" + size);
        var unused = api.call(
                "PUT",
                path,
                BodyPublishers.fromPublisher(BodyPublishers.ofInputStream(() -> at(file, from)), size - from),
                range,
                Duration.ofSeconds(size / BYTES_PER_SECOND_LEAST));
    }

    private static InputStream at(Path file, long from) {
        try {
            InputStream stream = Files.newInputStream(file);
            stream.skipNBytes(from);
            return stream;
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    static String digest(Path file) throws IOException {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            try (InputStream stream = new DigestInputStream(Files.newInputStream(file), digest)) {
                stream.transferTo(OutputStream.nullOutputStream());
            }
            return "sha256:" + HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
