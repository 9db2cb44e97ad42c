package dev.larder.objects;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.larder.model.Ids;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** S15 on a real bucket, or on a server that speaks as S3 does: {@link RealBucket} says how it is named. */
class BucketTrial extends ObjectStoreContract {

    private static final Optional<RealBucket> BUCKET = RealBucket.ofProperties();

    /** What a store that keeps objects as files does not take, or takes for another key. */
    private static final List<String> NOT_IN_FILES = List.of("a/b/c//d", "ends/", ".hidden/..dots", "x".repeat(900));

    private final Optional<S3ObjectStore> store = BUCKET.map(RealBucket::store);

    @BeforeEach
    void needs_a_bucket() {
        if (BUCKET.isEmpty()) {
            System.err.println("SKIPPED " + getClass().getSimpleName() + ": -Dlarder.s3.endpoint= names no server");
        }
        assumeTrue(BUCKET.isPresent(), "-Dlarder.s3.endpoint= names no server");
    }

    @AfterEach
    void empty() {
        store.ifPresent(RealBucket::empty);
    }

    @Override
    ObjectStore store() {
        return store.orElseThrow();
    }

    @Override
    List<String> oddKeys() {
        boolean files = Boolean.getBoolean("larder.s3.files");
        return ODD.stream().filter(key -> !files || !NOT_IN_FILES.contains(key)).toList();
    }

    private static void needsAtomic() {
        assumeTrue(BUCKET.orElseThrow().isAtomic(), "-Dlarder.s3.atomic=false");
    }

    @Override
    @Test
    void of_16_writers_on_one_etag_one_wins() {
        needsAtomic();
        super.of_16_writers_on_one_etag_one_wins();
    }

    @Test
    void the_probe_finds_no_fault_in_an_atomic_store_and_names_those_of_another_one() {
        List<String> faults = await(StoreProbe.faults(store(), new Ids(InstantSource.system())::next, 100));

        System.out.println("probe of 100 rounds found " + faults);
        assertThat(faults.isEmpty()).isEqualTo(BUCKET.orElseThrow().isAtomic());
    }
}
