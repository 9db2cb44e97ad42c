package dev.larder.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.files.FileRoom;
import dev.larder.model.UploadedFile;
import dev.larder.testing.SettableClock;
import dev.larder.testing.Stock;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Fetched files on the disk of a worker. */
class FileCacheTest {

    private static final byte[] ONE = "one".getBytes(StandardCharsets.UTF_8);
    private static final byte[] TWO = "two".getBytes(StandardCharsets.UTF_8);

    private final SettableClock clock = new SettableClock(Stock.NOON);
    private final Path root;
    private final FileCache cache;

    FileCacheTest(@TempDir Path folder) {
        root = folder.resolve("files");
        cache = new FileCache(root, 5, clock);
    }

    private static UploadedFile file(byte[] bytes) {
        return new UploadedFile(FileRoom.digest(bytes), bytes.length);
    }

    private Path fetch(UploadedFile file, byte[]... pieces) throws IOException {
        try (FileCache.Incoming incoming = cache.fetch(file)) {
            for (byte[] piece : pieces) {
                incoming.write(piece);
            }
            return incoming.done();
        }
    }

    private List<Path> in(String folder) throws IOException {
        try (Stream<Path> paths = Files.list(root.resolve(folder))) {
            return paths.toList();
        }
    }

    @Test
    void a_file_is_fetched_once_and_each_job_has_a_link_of_its_own() throws IOException {
        assertThat(cache.link(file(ONE))).isEmpty();
        Path first = fetch(file(ONE), new byte[] {'o'}, new byte[] {'n', 'e'});
        Path second = cache.link(file(ONE)).orElseThrow();

        assertThat(first).hasBinaryContent(ONE).isNotEqualTo(second);
        cache.release(first);
        assertThat(second).hasBinaryContent(ONE);
        cache.release(second);
        assertThat(in("use")).isEmpty();
        assertThat(in("cache")).hasSize(1);
    }

    @Test
    void other_bytes_than_were_uploaded_are_not_kept() throws IOException {
        assertThatThrownBy(() -> fetch(file(ONE), TWO)).hasMessageContaining("has not the bytes");
        assertThatThrownBy(() -> fetch(file(ONE), new byte[] {'o'})).hasMessageContaining("has not the bytes");
        assertThatThrownBy(() -> fetch(file(ONE), ONE, ONE)).hasMessageContaining("is longer");

        assertThat(in("use")).isEmpty();
        assertThat(in("cache")).isEmpty();
    }

    @Test
    void a_file_that_was_changed_on_the_disk_is_fetched_again() throws IOException {
        cache.release(fetch(file(ONE), ONE));
        Path changed = Files.write(in("cache").getFirst(), TWO);

        assertThat(cache.link(file(ONE))).isEmpty();
        assertThat(changed).doesNotExist();
        assertThat(fetch(file(ONE), ONE)).hasBinaryContent(ONE);
    }

    @Test
    void the_file_that_was_used_longest_ago_makes_room_also_while_a_job_uses_it() throws IOException {
        Path used = fetch(file(ONE), ONE);
        clock.forward(Duration.ofMinutes(1));

        cache.release(fetch(file(TWO), TWO));

        assertThat(in("cache")).as("3 and 3 bytes of 5").hasSize(1);
        assertThat(cache.link(file(ONE))).isEmpty();
        assertThat(used).hasBinaryContent(ONE);
    }

    @Test
    void the_link_of_a_killed_worker_goes_after_two_days() throws IOException {
        Path left = fetch(file(ONE), ONE);
        clock.forward(Duration.ofDays(2).plusSeconds(1));

        cache.release(fetch(file(TWO), TWO));

        assertThat(left).doesNotExist();
    }
}
