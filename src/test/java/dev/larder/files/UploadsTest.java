package dev.larder.files;

import static dev.larder.files.FileRoom.PIECE;
import static dev.larder.files.FileRoom.broken;
import static dev.larder.files.FileRoom.bytes;
import static dev.larder.files.FileRoom.digest;
import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.files.Uploads.Outcome;
import dev.larder.http.Problem;
import dev.larder.objects.MemoryObjectStore;
import dev.larder.objects.ObjectStore;
import dev.larder.objects.PostgresObjectStore;
import dev.larder.objects.S3Stub;
import dev.larder.testing.CleanupTypes;
import dev.larder.testing.Stock;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Uploads become files, in rows and in a bucket alike. */
class UploadsTest {

    private enum Place {
        ROWS,
        MEMORY,
        S3
    }

    private final Stock stock = new Stock();
    private final S3Stub s3 = new S3Stub();

    @AfterEach
    void close() {
        s3.close();
        stock.close();
    }

    private FileRoom room(Place place) {
        return room(place, 64 << 20);
    }

    private FileRoom room(Place place, long organizationBytes) {
        ObjectStore store = switch (place) {
            case ROWS -> new PostgresObjectStore(stock.pool, stock.clock, 64 << 20);
            case MEMORY -> new MemoryObjectStore(stock.clock, 64 << 20);
            case S3 -> s3.store("");
        };
        return new FileRoom(stock, store, place != Place.ROWS, FileRoom.limits(8 * PIECE, organizationBytes));
    }

    private static void refused(String code, Runnable call) {
        assertThatThrownBy(call::run)
                .isInstanceOfSatisfying(
                        Problem.class, problem -> assertThat(problem.code()).isEqualTo(code));
    }

    @ParameterizedTest
    @EnumSource
    void a_file_is_there_after_its_last_byte_and_is_kept_once(Place place) {
        FileRoom room = room(place);
        byte[] bytes = bytes(5 * PIECE + 17, 1);

        assertThat(room.put(bytes))
                .isInstanceOfSatisfying(
                        Outcome.Created.class,
                        created -> assertThat(created.file().bytes()).isEqualTo(bytes.length));
        assertThat(room.put(bytes)).isInstanceOf(Outcome.Present.class);

        assertThat(room.read(digest(bytes))).isEqualTo(bytes);
        assertThat(stock.count("files")).isEqualTo(1);
        assertThat(stock.count("file_chunks WHERE object_key IS NOT NULL")).isEqualTo(place == Place.ROWS ? 0 : 5);
    }

    @ParameterizedTest
    @EnumSource
    void parts_make_the_same_file_as_one_body(Place place) {
        FileRoom room = room(place);
        byte[] bytes = bytes(3 * PIECE + 5, 2);

        assertThat(room.put(bytes, 0, 2 * PIECE)).isEqualTo(new Outcome.Incomplete(2 * PIECE));
        assertThat(room.read(digest(bytes))).as("a part is not served").isNull();
        assertThat(room.put(bytes, 2 * PIECE, bytes.length)).isInstanceOf(Outcome.Created.class);

        assertThat(room.read(digest(bytes))).isEqualTo(bytes);
    }

    @ParameterizedTest
    @EnumSource
    void after_a_broken_connection_the_client_goes_on_from_the_offset(Place place) {
        FileRoom room = room(place);
        byte[] bytes = bytes(4 * PIECE, 3);

        assertThatThrownBy(() -> await(room.uploads.receive(room.whole(bytes), broken(bytes, 2 * PIECE))))
                .hasMessageContaining("connection closed");

        FileView part =
                await(room.reads.touched(stock.organization, digest(bytes))).orElseThrow();
        assertThat(part.received()).isEqualTo(2 * PIECE);
        assertThat(part.storedAt()).isNull();
        refused("upload_offset_mismatch", () -> room.put(bytes, PIECE, bytes.length));
        assertThat(room.put(bytes, 2 * PIECE, bytes.length)).isInstanceOf(Outcome.Created.class);
        assertThat(room.read(digest(bytes))).isEqualTo(bytes);
    }

    @ParameterizedTest
    @EnumSource
    void a_whole_body_begins_a_part_anew(Place place) {
        FileRoom room = room(place);
        byte[] bytes = bytes(2 * PIECE, 4);
        assertThat(room.put(bytes, 0, PIECE)).isEqualTo(new Outcome.Incomplete(PIECE));

        assertThat(room.put(bytes)).isInstanceOf(Outcome.Created.class);

        assertThat(room.read(digest(bytes))).isEqualTo(bytes);
    }

    @ParameterizedTest
    @EnumSource
    void nothing_is_kept_of_bytes_with_another_digest(Place place) {
        FileRoom room = room(place);
        byte[] wanted = bytes(2 * PIECE, 5);
        byte[] other = bytes(2 * PIECE, 6);

        refused(
                "digest_mismatch",
                () -> await(room.uploads.receive(room.whole(wanted), FileRoom.body(other, 0, other.length))));

        assertThat(room.read(digest(wanted))).isNull();
        assertThat(stock.count("files")).isZero();
        assertThat(room.put(wanted)).isInstanceOf(Outcome.Created.class);
    }

    @ParameterizedTest
    @EnumSource
    void a_wrong_first_part_is_found_when_the_last_one_is_there(Place place) {
        FileRoom room = room(place);
        byte[] wanted = bytes(2 * PIECE, 7);
        byte[] other = bytes(2 * PIECE, 8);
        assertThat(await(room.uploads.receive(room.part(wanted, 0, PIECE), FileRoom.body(other, 0, PIECE))))
                .isEqualTo(new Outcome.Incomplete(PIECE));

        refused("digest_mismatch", () -> room.put(wanted, PIECE, 2 * PIECE));

        assertThat(stock.count("files")).isZero();
    }

    @ParameterizedTest
    @EnumSource
    void a_second_upload_of_the_same_file_waits_until_the_first_is_silent_for_a_minute(Place place) {
        FileRoom room = room(place);
        byte[] bytes = bytes(2 * PIECE, 9);
        CompletableFuture<byte[]> late = new CompletableFuture<>();
        CompletableFuture<Void> firstPieceStored = new CompletableFuture<>();
        Queue<Supplier<Uni<byte[]>>> body = new ArrayDeque<>();
        body.add(FileRoom.body(bytes, 0, PIECE));
        body.add(() -> {
            firstPieceStored.complete(null);
            return Uni.createFrom().completionStage(late);
        });
        CompletableFuture<Outcome> first = room.uploads
                .receive(room.whole(bytes), () -> body.remove().get())
                .subscribeAsCompletionStage();
        firstPieceStored.orTimeout(20, TimeUnit.SECONDS).join();

        refused("upload_in_progress", () -> room.put(bytes));
        stock.clock.forward(Duration.ofSeconds(61));
        assertThat(room.put(bytes)).isInstanceOf(Outcome.Created.class);

        late.complete(bytes(PIECE, 10));
        assertThatThrownBy(first::join).hasCauseInstanceOf(Problem.class);
        assertThat(room.read(digest(bytes))).isEqualTo(bytes);
    }

    @ParameterizedTest
    @EnumSource
    void what_is_too_large_is_refused_before_a_byte_is_read(Place place) {
        FileRoom room = room(place, 3 * PIECE);
        Supplier<Uni<byte[]>> never = () -> Uni.createFrom().failure(new AssertionError("read"));
        byte[] huge = bytes(8 * PIECE + 1, 11);
        byte[] half = bytes(2 * PIECE, 12);
        assertThat(room.put(half, 0, PIECE)).isInstanceOf(Outcome.Incomplete.class);

        refused("file_too_large", () -> await(room.uploads.receive(room.whole(huge), never)));
        refused("files_full", () -> await(room.uploads.receive(room.whole(bytes(2 * PIECE, 13)), never)));
        assertThat(room.put(bytes(PIECE, 14))).as("announced: 2 and 1 of 3").isInstanceOf(Outcome.Created.class);
    }

    @ParameterizedTest
    @EnumSource
    void parts_and_unused_files_go_a_day_after_they_were_touched(Place place) {
        FileRoom room = room(place);
        byte[] part = bytes(2 * PIECE, 15);
        byte[] file = bytes(PIECE, 16);
        byte[] asked = bytes(PIECE + 1, 17);
        assertThat(room.put(part, 0, PIECE)).isInstanceOf(Outcome.Incomplete.class);
        assertThat(room.put(file)).isInstanceOf(Outcome.Created.class);
        assertThat(room.put(asked)).isInstanceOf(Outcome.Created.class);

        stock.clock.forward(Duration.ofHours(23));
        assertThat(await(room.reads.touched(stock.organization, digest(asked)))).isPresent();
        assertThat(CleanupTypes.run(stock, "files", 100).deleted()).isZero();
        stock.clock.forward(Duration.ofHours(2));

        assertThat(CleanupTypes.run(stock, "files", 1).deleted()).isEqualTo(2);
        assertThat(room.read(digest(file))).isNull();
        assertThat(room.read(digest(asked))).isEqualTo(asked);
        assertThat(await(room.reads.list(
                        stock.organization, new FileReads.Filter(null, null, null), Optional.empty(), 10)))
                .extracting(FileView::digest)
                .containsExactly(digest(asked));
    }
}
