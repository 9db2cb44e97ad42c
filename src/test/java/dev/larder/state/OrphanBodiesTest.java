package dev.larder.state;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.database.CleanupType;
import dev.larder.database.CleanupType.Batch;
import dev.larder.objects.Condition;
import dev.larder.objects.MemoryObjectStore;
import dev.larder.objects.ObjectInfo;
import dev.larder.objects.ObjectStore;
import dev.larder.objects.ObjectStoreException;
import dev.larder.objects.Owned;
import dev.larder.objects.S3Stub;
import dev.larder.testing.CleanupTypes;
import dev.larder.testing.Stock;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** S19, for the objects of a bucket: which bodies go, and what is counted. */
class OrphanBodiesTest {

    private static final String ORPHAN = "states/gone/00000000000000000001-upload-";

    private final Stock stock = new Stock();
    private final ObjectStore store = new MemoryObjectStore(stock.clock, 1 << 20);
    private final Given given = new Given(stock, store, 0);
    private final CleanupType type = over(store);

    @AfterEach
    void close() {
        stock.close();
    }

    private CleanupType over(ObjectStore bucket) {
        return OrphanBodyStore.of(bucket, Owned.by(stock.pool, bucket), true);
    }

    private Batch run() {
        return run(100);
    }

    private Batch run(int rows) {
        return CleanupTypes.run(stock, type, type.retention(), rows);
    }

    private void orphans(ObjectStore bucket, int count) {
        for (int i = 0; i < count; i++) {
            put(bucket, ORPHAN + i);
        }
    }

    private void put(ObjectStore bucket, String key) {
        byte[] body = "12345".getBytes(StandardCharsets.UTF_8);
        String etag = await(bucket.put(key, body, Condition.absent(), UUID.randomUUID()));
        assertThat(etag).isNotEmpty();
    }

    private List<String> bodies() {
        return await(store.list("states/").map(ObjectInfo::key).collect().asList());
    }

    @Test
    void an_orphan_goes_after_a_day_and_is_counted_as_an_object_and_no_row() {
        orphans(store, 3);
        stock.clock.forward(Duration.ofHours(24));
        assertThat(run()).isEqualTo(new Batch(3, 0, 0, 0, null));

        stock.clock.forward(Duration.ofSeconds(1));
        put(store, "states/young/1");

        assertThat(run()).isEqualTo(new Batch(4, 0, 15, 3, null));
        assertThat(bodies()).containsExactly("states/young/1");
        assertThat(run()).isEqualTo(new Batch(1, 0, 0, 0, null));
    }

    @Test
    void a_body_that_a_version_or_a_reject_names_stays_whatever_its_age() {
        UUID state = given.written(Given.body(1), Given.body(2));
        var lost = given.put(state, UUID.randomUUID(), Given.body(3));
        assertThat(lost).isInstanceOf(Promotion.Result.Rejected.class);
        orphans(store, 2);
        stock.clock.forward(Duration.ofDays(400));

        assertThat(run()).isEqualTo(new Batch(5, 0, 10, 2, null));

        assertThat(bodies()).hasSize(3).allMatch(key -> key.contains(state.toString()));
        assertThat(given.read(state, 1)).isEqualTo(Given.body(1));
    }

    @Test
    void the_body_of_a_removed_row_is_an_orphan() {
        UUID state = given.written(Given.body(1), Given.body(2));
        stock.clock.forward(Duration.ofDays(2));
        stock.sql("DELETE FROM state_versions WHERE state_id = $1 AND version = 1", state);

        assertThat(run().objects()).isEqualTo(1);
        assertThat(given.read(state, 2)).isEqualTo(Given.body(2));
    }

    @Test
    void every_page_of_the_bucket_is_examined_once_and_other_objects_are_none_of_its_business() {
        UUID state = given.written(Given.body(1), Given.body(2));
        orphans(store, 9);
        put(store, "statesman");
        put(store, "instances/i");
        stock.clock.forward(Duration.ofDays(2));

        assertThat(run(2)).isEqualTo(new Batch(11, 0, 45, 9, null));

        assertThat(bodies()).hasSize(2).allMatch(key -> key.contains(state.toString()));
        assertThat(await(store.head("statesman")).size()).isEqualTo(5);
        assertThat(await(store.head("instances/i")).size()).isEqualTo(5);
    }

    @Test
    void the_bucket_of_another_deployment_is_not_swept() {
        orphans(store, 2);
        stock.clock.forward(Duration.ofDays(2));
        await(Owned.by(stock.pool, store).verify());
        stock.sql("UPDATE settings SET deployment_id = gen_random_uuid()");

        assertThatThrownBy(this::run).hasMessageContaining("belongs to another deployment");

        assertThat(bodies()).hasSize(2);
    }

    @Test
    void nothing_goes_while_the_database_may_be_older_than_its_bucket() {
        orphans(store, 2);
        stock.clock.forward(Duration.ofDays(2));
        stock.sql("UPDATE settings SET suspect_since = now(), suspect_reason = 'claims_missing'");

        assertThat(run()).isEqualTo(new Batch(2, 0, 0, 0, null));

        stock.sql("UPDATE settings SET suspect_since = NULL, suspect_reason = NULL");
        assertThat(run().objects()).isEqualTo(2);
    }

    @Test
    void a_bucket_that_is_gone_fails_the_batch_and_is_swept_later() {
        try (S3Stub stub = new S3Stub()) {
            ObjectStore bucket = stub.store("here/");
            orphans(bucket, 2);
            stub.ageAll(Duration.ofDays(20_000));
            CleanupType swept = over(bucket);
            stub.dropBucket(true);

            assertThatThrownBy(() -> CleanupTypes.run(stock, swept, swept.retention(), 10))
                    .isInstanceOf(ObjectStoreException.class);

            stub.dropBucket(false);
            assertThat(CleanupTypes.run(stock, swept, swept.retention(), 10).objects())
                    .isEqualTo(2);
            assertThat(stub.keys()).containsExactly("here/larder-deployment");
        }
    }

    @Test
    void without_a_bucket_there_is_nothing_to_examine() {
        CleanupType none = OrphanBodyStore.of(store, Owned.by(stock.pool, store), false);
        orphans(store, 1);
        stock.clock.forward(Duration.ofDays(2));

        assertThat(CleanupTypes.run(stock, none, none.retention(), 10)).isEqualTo(new Batch(0, 0, 0, 0, null));
    }
}
