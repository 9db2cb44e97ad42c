package dev.larder.objects;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.model.Ids;
import dev.larder.objects.ObjectStoreException.Reason;
import dev.larder.testing.Database;
import dev.larder.testing.Databases;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What the look at a store finds, and what this process makes of it. */
class StoreProbeTest {

    private final InstantSource clock = InstantSource.system();
    private final Ids ids = new Ids(clock);
    private final ObjectStore memory = new MemoryObjectStore(clock, 1 << 20);
    private final S3Stub stub = new S3Stub();
    private final StoreHealth health = new StoreHealth(true);
    private final Database database = Databases.fresh();

    @AfterEach
    void close() {
        stub.close();
        database.close();
    }

    private static <T> T await(Uni<T> call) {
        return call.await().atMost(Duration.ofSeconds(30));
    }

    private List<String> faults(ObjectStore store) {
        return await(StoreProbe.faults(store, ids::next, 3));
    }

    private void look(ObjectStore store) {
        await(StoreUpkeep.look(store, new StoreOwner(store, new DeploymentReads(database.pool())), health, ids));
    }

    @Test
    void a_store_that_keeps_conditions_has_no_fault_and_nothing_is_left_in_it() {
        S3ObjectStore bucket = stub.store("p/", 1 << 20);

        assertThat(faults(memory)).isEmpty();
        assertThat(faults(new PostgresObjectStore(database.pool(), clock, 1 << 20)))
                .isEmpty();
        assertThat(faults(bucket)).isEmpty();
        assertThat(stub.keys()).isEmpty();
        assertThat(await(memory.list("").collect().asList())).isEmpty();
    }

    @Test
    void a_store_that_ignores_conditions_is_named_and_used_all_the_same() {
        stub.conditionsIgnored = true;
        S3ObjectStore bucket = stub.store("", 1 << 20);

        assertThat(faults(bucket)).containsExactly("If-None-Match is ignored", "If-Match is ignored");

        look(bucket);
        assertThat(health.up()).isTrue();
        assertThat(health.unproven()).isFalse();
        assertThat(health.detail()).isEqualTo(bucket.place() + ", If-None-Match is ignored, If-Match is ignored");
    }

    /** As stores do that read, compare and write without a lock. */
    @Test
    void a_store_that_compares_before_it_writes_is_not_atomic() {
        ObjectStore hasty = new Hasty(memory);

        assertThat(faults(hasty))
                .hasSize(2)
                .anyMatch(fault -> fault.matches("If-None-Match is not atomic: \\d+ of 16 writers won"))
                .anyMatch(fault -> fault.matches("If-Match is not atomic: \\d+ of 16 writers won"));
    }

    private static final class Hasty extends Over {

        Hasty(ObjectStore store) {
            super(store);
        }

        @Override
        public Uni<String> put(String key, byte[] body, Condition condition, UUID writer) {
            Uni<Boolean> holds = store.head(key)
                    .map(info -> condition instanceof Condition.Matches(String etag) && etag.equals(info.etag()))
                    .onFailure(ObjectStoreException.class)
                    .recoverWithItem(condition instanceof Condition.Absent);
            return holds.onItem()
                    .delayIt()
                    .by(Duration.ofMillis(20))
                    .chain(held -> held
                            ? overwritten(key, body, writer)
                            : Uni.createFrom().failure(ObjectStoreException.failedPrecondition(key)));
        }

        private Uni<String> overwritten(String key, byte[] body, UUID writer) {
            return store.delete(key)
                    .chain(() -> store.put(key, body, Condition.absent(), writer))
                    .onFailure(ObjectStoreException.class)
                    .recoverWithItem("\"lost\"");
        }
    }

    /** Another store, whose writes are a test's. */
    private abstract static class Over implements ObjectStore {

        final ObjectStore store;

        Over(ObjectStore store) {
            this.store = store;
        }

        static Uni<String> unavailable(String key) {
            return Uni.createFrom().failure(new ObjectStoreException(Reason.STORE_UNAVAILABLE, "PUT " + key + ": 500"));
        }

        @Override
        public String place() {
            return "over " + store.place();
        }

        @Override
        public Uni<StoredObject> get(String key) {
            return store.get(key);
        }

        @Override
        public Uni<ObjectInfo> head(String key) {
            return store.head(key);
        }

        @Override
        public Uni<Void> delete(String key) {
            return store.delete(key);
        }

        @Override
        public Multi<ObjectInfo> list(String prefix, String after) {
            return store.list(prefix, after);
        }
    }

    /** A write that comes while another one is under way is answered 500. */
    private static final class Crowded extends Over {

        private final AtomicBoolean busy = new AtomicBoolean();

        Crowded(ObjectStore store) {
            super(store);
        }

        @Override
        public Uni<String> put(String key, byte[] body, Condition condition, UUID writer) {
            return Uni.createFrom()
                    .deferred(() -> busy.compareAndSet(false, true)
                            ? slowly(store.put(key, body, condition, writer))
                            : unavailable(key));
        }

        private Uni<String> slowly(Uni<String> write) {
            return Uni.createFrom()
                    .voidItem()
                    .onItem()
                    .delayIt()
                    .by(Duration.ofMillis(20))
                    .chain(() -> write)
                    .onTermination()
                    .invoke(() -> busy.set(false));
        }
    }

    /** Keeps each object as a file. */
    private static final class Files extends Over {

        Files(ObjectStore store) {
            super(store);
        }

        @Override
        public Uni<String> put(String key, byte[] body, Condition condition, UUID writer) {
            return store.list("")
                    .filter(there ->
                            key.startsWith(there.key() + "/") || there.key().startsWith(key + "/"))
                    .collect()
                    .asList()
                    .chain(inTheWay -> inTheWay.isEmpty() ? store.put(key, body, condition, writer) : unavailable(key));
        }
    }

    /** So many writes are done, and none after them. */
    private static final class Leaving extends Over {

        private final AtomicInteger left;

        Leaving(ObjectStore store, int writes) {
            super(store);
            left = new AtomicInteger(writes);
        }

        @Override
        public Uni<String> put(String key, byte[] body, Condition condition, UUID writer) {
            return left.getAndDecrement() > 0 ? store.put(key, body, condition, writer) : unavailable(key);
        }
    }

    /** As a store of files does that answers 500 to all but one of its writers. */
    @Test
    void a_store_that_fails_when_writers_come_at_once_is_named_and_used_all_the_same() {
        ObjectStore crowded = new Crowded(memory);

        assertThat(faults(crowded))
                .hasSize(2)
                .anyMatch(fault -> fault.matches(
                        "If-None-Match fails when writers come at once: \\d+ of 16 writers were not served"))
                .anyMatch(fault ->
                        fault.matches("If-Match fails when writers come at once: \\d+ of 16 writers were not served"));

        look(crowded);
        assertThat(health.up()).isTrue();
        assertThat(health.unproven()).isFalse();
        assertThat(health.detail()).startsWith("over memory, If-None-Match fails when writers come at once");
        assertThatThrownBy(() -> await(ClaimsByVersion.over(crowded, ids, clock)))
                .hasMessageContaining("cannot arbitrate claims: If-None-Match fails when writers come at once");
    }

    /** Where {@code a} is an object, {@code a/b} cannot be written. */
    @Test
    void the_probe_needs_no_object_below_another_one() {
        assertThat(faults(new Files(memory))).isEmpty();
    }

    /** In the middle of the races the store goes away for good. That says nothing of its conditions. */
    @Test
    void a_store_that_goes_away_during_the_races_is_not_proven() {
        ObjectStore leaving = new Leaving(memory, 40);

        assertThatThrownBy(() -> faults(leaving))
                .isInstanceOfSatisfying(
                        ObjectStoreException.class,
                        gone -> assertThat(gone.reason()).isEqualTo(Reason.STORE_UNAVAILABLE));
    }

    /** In the first race two answers are lost, that of the winner among them, and these two writers ask again. */
    @Test
    void a_write_whose_answer_was_lost_is_counted_once() {
        S3ObjectStore bucket = stub.store("", 1 << 20);
        S3Stub.Fault lost = new S3Stub.Fault.DoneAndReset();
        S3Stub.Fault none = new S3Stub.Fault.None();
        // One writer tries the conditions with four writes before the first race.
        stub.next("PUT", none, none, none, none, lost, lost);

        assertThat(faults(bucket)).isEmpty();
    }

    @Test
    void a_process_is_not_ready_before_the_bucket_was_looked_at() {
        assertThat(health.up()).isFalse();

        look(stub.store("", 1 << 20));

        assertThat(health.up()).isTrue();
        assertThat(stub.keys()).containsExactly(StoreOwner.KEY);
    }

    @Test
    void a_missing_bucket_makes_the_process_not_ready_until_it_is_there() {
        stub.bucketIsThere = false;
        S3ObjectStore bucket = stub.store("", 1 << 20);

        look(bucket);
        assertThat(health.up()).isFalse();
        assertThat(health.detail()).isEqualTo("store_misconfigured");
        assertThat(health.unproven()).isTrue();

        stub.bucketIsThere = true;
        look(bucket);
        assertThat(health.up()).isTrue();
    }

    @Test
    void refused_credentials_make_the_process_not_ready_and_one_good_call_does_not_mend_that() {
        S3ObjectStore bucket = stub.store("", 1 << 20);
        look(bucket);

        health.note(new ObjectStoreException(Reason.AUTHENTICATION_FAILED, "GET a: the store answered 403"));
        health.note(ObjectStoreException.notFound("a"));
        assertThat(health.up()).isFalse();
        assertThat(health.detail()).isEqualTo("authentication_failed");
        assertThat(health.unproven()).isTrue();

        look(bucket);
        assertThat(health.up()).isTrue();
    }

    @Test
    void wrong_credentials_make_the_process_not_ready() {
        look(S3Stub.store(stub.settings("AKIAWRONG", Duration.ofSeconds(5)), "", 1 << 20));

        assertThat(health.up()).isFalse();
        assertThat(health.detail()).isEqualTo("authentication_failed");
    }

    @Test
    void a_bucket_that_cannot_be_reached_leaves_the_process_ready_and_is_looked_at_again() {
        S3ObjectStore gone = stub.store("", 1 << 20);
        stub.close();

        look(gone);

        assertThat(health.up()).isTrue();
        assertThat(health.unproven()).isTrue();
    }

    @Test
    void a_bucket_of_another_deployment_is_refused() {
        S3ObjectStore bucket = stub.store("", 1 << 20);
        look(bucket);
        look(bucket);
        assertThat(health.up()).isTrue();

        database.pool()
                .query("UPDATE settings SET deployment_id = gen_random_uuid()")
                .executeAndAwait();
        look(bucket);

        assertThat(health.up()).isFalse();
        assertThat(health.detail()).isEqualTo("store_misconfigured");
        assertThatThrownBy(() -> await(new StoreOwner(bucket, new DeploymentReads(database.pool())).verify()))
                .hasMessageContaining("belongs to another deployment");
        look(stub.store("other/", 1 << 20));
        assertThat(health.up()).isTrue();
    }

    @Test
    void without_a_bucket_nothing_is_looked_at() {
        StoreHealth none = new StoreHealth(false);

        assertThat(none.up()).isTrue();
        assertThat(none.unproven()).isFalse();
        assertThat(none.detail()).isEqualTo("postgres");
    }
}
