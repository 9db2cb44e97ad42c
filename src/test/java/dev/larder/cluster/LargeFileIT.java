package dev.larder.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import dev.larder.testing.LarderTestResource;
import dev.larder.testing.Server;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * An uploaded file passes through a server with a heap of 256 MiB. {@code -Dlarder.files.megabytes=600} makes the file
 * larger than the heap.
 */
class LargeFileIT {

    private static final int MEGABYTE = 1024 * 1024;
    private static final int MEGABYTES = Integer.getInteger("larder.files.megabytes", 48);

    private final Database database = Databases.fresh();
    private final HttpClient client = HttpClient.newHttpClient();

    @AfterEach
    void close() {
        database.close();
    }

    /** The same bytes each time, without holding them. */
    private static final class Bytes extends InputStream {

        private final Random random = new Random(42);
        private long left = (long) MEGABYTES * MEGABYTE;

        @Override
        public int read() {
            throw new UnsupportedOperationException("one byte");
        }

        @Override
        public int read(byte[] into, int offset, int length) {
            if (left == 0) {
                return -1;
            }
            byte[] piece = new byte[(int) Math.min(left, Math.min(length, 4_096) / 4 * 4)];
            random.nextBytes(piece);
            System.arraycopy(piece, 0, into, offset, piece.length);
            left -= piece.length;
            return piece.length;
        }
    }

    private static String digest(InputStream bytes) throws IOException, NoSuchAlgorithmException {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        byte[] piece = new byte[64 * 1024];
        for (int read = bytes.read(piece, 0, piece.length); read >= 0; read = bytes.read(piece, 0, piece.length)) {
            digest.update(piece, 0, read);
        }
        return "sha256:" + HexFormat.of().formatHex(digest.digest());
    }

    @Test
    void a_file_is_never_whole_in_the_memory_of_a_server() throws Exception {
        LarderTestResource.insertOwner(database);
        String digest = digest(new Bytes());
        try (Server server = Server.start("large-file", database, Map.of("LARDER_WORKER_ENABLED", "false"))) {
            Server ready = server.awaitReady();
            HttpRequest.Builder request = HttpRequest.newBuilder(
                            ready.uri("/api/v1/organizations/default/files/" + digest))
                    .header("Authorization", "Bearer " + LarderTestResource.OWNER_TOKEN);
            HttpRequest made = HttpRequest.newBuilder(ready.uri("/api/v1/organizations"))
                    .header("Authorization", "Bearer " + LarderTestResource.OWNER_TOKEN)
                    .header("Content-Type", "application/json")
                    .POST(BodyPublishers.ofString("{\"name\":\"default\"}"))
                    .build();
            assertThat(client.send(made, BodyHandlers.ofString()).statusCode()).isIn(201, 409);
            long began = System.nanoTime();

            var put = client.send(
                    request.copy()
                            .PUT(BodyPublishers.fromPublisher(
                                    BodyPublishers.ofInputStream(Bytes::new), (long) MEGABYTES * MEGABYTE))
                            .build(),
                    BodyHandlers.ofString());
            long uploaded = System.nanoTime();
            var got = client.send(request.copy().GET().build(), BodyHandlers.ofInputStream());

            assertThat(put.statusCode()).as(put.body()).isEqualTo(201);
            assertThat(digest(got.body())).isEqualTo(digest);
            System.out.printf(
                    "%d MiB up in %d ms, down in %d ms, %s%n",
                    MEGABYTES,
                    (uploaded - began) / 1_000_000,
                    (System.nanoTime() - uploaded) / 1_000_000,
                    Files.readString(Path.of("/proc/" + server.pid() + "/status"))
                            .lines()
                            .filter(line -> line.startsWith("VmHWM"))
                            .findFirst()
                            .orElse("")
                            .replaceAll("\\s+", " "));
            assertThat(server.said()).doesNotContain("OutOfMemoryError");
        }
    }
}
