package dev.larder.state;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.objects.MemoryObjectStore;
import dev.larder.objects.ObjectStoreException;
import dev.larder.objects.ObjectStoreException.Reason;
import dev.larder.objects.S3Stub;
import dev.larder.state.Promotion.Result;
import dev.larder.testing.Stock;
import io.smallrye.mutiny.Uni;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Bodies in a bucket: the members of S12 that a bucket has, and S3. */
class BucketBodiesTest {

    private final Stock stock = new Stock();
    private final S3Stub stub = new S3Stub();
    private final Given given = new Given(stock, stub.store("here/"), 0);

    @SuppressWarnings("NullAway.Init")
    private UUID state;

    @BeforeEach
    void write() {
        state = given.written(Given.body(1), Given.body(2));
    }

    @AfterEach
    void close() {
        stub.close();
        stock.close();
    }

    /** A server that has no opened body in its memory. */
    private Given another() {
        return new Given(stock, stub.store("here/"), 0);
    }

    private String key(long version) {
        return stub.keys().stream()
                .filter(key -> key.startsWith("here/states/%s/%020d-".formatted(state, version)))
                .findFirst()
                .orElseThrow();
    }

    private Reason fails(Given server) {
        try {
            throw new AssertionError("read: " + server.read(state, 2));
        } catch (ObjectStoreException failed) {
            return failed.reason();
        }
    }

    @Test
    void a_body_lies_in_the_bucket_and_is_read_from_there() {
        assertThat(another().read(state, 1)).isEqualTo(Given.body(1));
        assertThat(another().read(state, 2)).isEqualTo(Given.body(2));
        assertThat(stub.keys()).hasSize(2).allMatch(key -> key.startsWith("here/states/" + state + "/"));
        assertThat(given.longs("SELECT count(body) AS n FROM state_versions WHERE state_id = $1", state))
                .containsExactly(0L);
    }

    @Test
    void a_body_object_that_was_deleted_is_never_no_state() {
        stub.drop(key(2));

        assertThat(another().refused(state, 2)).isEqualTo("state_body_missing");
        assertThat(given.status(state)).isEqualTo("corrupt(state_body_missing)");
        assertThat(another().read(state, 1)).isEqualTo(Given.body(1));
    }

    @Test
    void a_body_object_with_a_bit_changed_is_never_shown() {
        stub.flip(key(2));

        assertThat(another().refused(state, 2)).isEqualTo("state_corrupt");
        assertThat(given.status(state)).isEqualTo("corrupt(state_corrupt)");
    }

    /** A bucket that is gone for a moment says nothing of the state: its trust stays. */
    @Test
    void a_bucket_that_was_dropped_is_never_no_state_and_no_damage() {
        stub.dropBucket(true);

        assertThat(fails(another())).isEqualTo(Reason.STORE_MISCONFIGURED);
        assertThat(given.status(state)).isEqualTo("reliable");

        stub.dropBucket(false);
        assertThat(another().read(state, 2)).isEqualTo(Given.body(2));
    }

    @Test
    void wrong_credentials_are_never_no_state_and_no_damage() {
        stub.refuseCredentials(true);

        assertThat(fails(another())).isEqualTo(Reason.AUTHENTICATION_FAILED);
        assertThat(given.status(state)).isEqualTo("reliable");
    }

    @Test
    void a_server_with_another_bucket_or_none_does_not_look_for_the_body_there() {
        assertThat(fails(new Given(stock, stub.store("there/"), 0))).isEqualTo(Reason.STORE_MISCONFIGURED);
        assertThat(fails(new Given(stock, new MemoryObjectStore(stock.clock, 1 << 20), Long.MAX_VALUE)))
                .isEqualTo(Reason.STORE_MISCONFIGURED);
        assertThat(given.status(state)).isEqualTo("reliable");
    }

    @Test
    void an_upload_that_the_bucket_does_not_take_moves_no_head() {
        UUID mutation = given.mutation(state);
        stub.dropBucket(true);

        assertThatThrownBy(() -> given.put(state, mutation, Given.body(3))).isInstanceOf(ObjectStoreException.class);

        assertThat(given.look(state).version()).isEqualTo(2);
        stub.dropBucket(false);
        assertThat(given.put(state, mutation, Given.body(3))).isEqualTo(new Result.Promoted(3));
    }

    @Test
    void small_bodies_lie_in_their_rows_and_rejects_in_the_bucket_like_versions() {
        Given large = new Given(stock, stub.store("here/"), 1 << 20);
        UUID small = large.written(Given.body(1));
        assertThat(stub.keys()).hasSize(2);
        assertThat(another().read(small, 1)).isEqualTo(Given.body(1));

        Result lost = given.put(state, UUID.randomUUID(), Given.body(3));

        assertThat(stub.keys()).hasSize(3);
        UUID reject = ((Result.Rejected) lost).reject();
        assertThat(new String(await(another().states.reject(reject)).bytes(), StandardCharsets.UTF_8))
                .isEqualTo(Given.body(3));
    }

    /** S3. Each upload has an object of its own, so that none overwrites another one's. */
    @Test
    void of_32_uploads_on_the_same_version_one_is_promoted_and_31_are_kept() {
        UUID mutation = given.mutation(state);
        List<Uni<Result>> uploads = LongStream.range(0, 32)
                .mapToObj(i -> given.states.put(Given.onVersion(state, mutation, 2, Given.body(3 + i))))
                .toList();

        List<Result> results = await(Uni.join().all(uploads).andFailFast());

        assertThat(results).filteredOn(new Result.Promoted(3)::equals).hasSize(1);
        assertThat(results).filteredOn(Result.Rejected.class::isInstance).hasSize(31);
        assertThat(given.versions(state)).containsExactly(1L, 2L, 3L);
        Set<String> keys = new HashSet<>(stub.keys());
        assertThat(keys).hasSizeGreaterThanOrEqualTo(34);
        assertThat(another().read(state, 3)).contains("\"serial\": ");
    }
}
