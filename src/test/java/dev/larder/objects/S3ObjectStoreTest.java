package dev.larder.objects;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** S15 on a store that speaks as S3 does, below a prefix. */
class S3ObjectStoreTest extends ObjectStoreContract {

    private final S3Stub stub = new S3Stub();
    private final S3ObjectStore store = stub.store("pre fix+/", BYTES_MAX);

    @AfterEach
    void close() {
        stub.close();
    }

    @Override
    ObjectStore store() {
        return store;
    }

    @Test
    void objects_lie_below_the_prefix_and_others_are_not_seen() {
        stub.put("elsewhere", bytes("x"));
        put("a", "b", Condition.absent());

        assertThat(stub.keys()).containsExactly("elsewhere", "pre fix+/a");
        assertThat(await(store.list("").collect().asList()))
                .extracting(ObjectInfo::key)
                .containsExactly("a");
        assertThat(store.place()).isEqualTo("s3://" + S3Stub.BUCKET + "/pre fix+");
    }
}
