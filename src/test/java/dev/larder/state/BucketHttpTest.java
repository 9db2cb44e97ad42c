package dev.larder.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.objects.S3Stub;
import dev.larder.state.Tf.Answer;
import dev.larder.testing.Api;
import dev.larder.testing.Eventually;
import dev.larder.testing.LarderTestResource;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import java.util.Random;
import java.util.UUID;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** S12 and S14 over HTTP: what a client is told while the bucket does not give the body of a state. */
@QuarkusTest
@WithTestResource(LarderTestResource.class)
class BucketHttpTest {

    private static final String LOCK = "the-lock";

    @SuppressWarnings("NullAway.Init")
    S3Stub bucket;

    @SuppressWarnings("NullAway.Init")
    private String state;

    @BeforeEach
    void write() {
        String name = "org-" + UUID.randomUUID().toString().substring(0, 13);
        Api.Answer organization = Api.owner().post("/api/v1/organizations", "{\"name\":\"" + name + "\"}");
        assertThat(organization.status()).isEqualTo(201);
        state = Api.owner()
                .post("/api/v1/states", "{\"organization\":\"%s\",\"name\":\"box\"}".formatted(name))
                .body()
                .path("id")
                .asText();
        assertThat(tf().lock(Tf.info(LOCK)).status()).isEqualTo(200);
        Answer written = tf().post(LOCK, large(1));
        assertThat(written.status()).as(written.toString()).isEqualTo(200);
        assertThat(bucket.keys()).anyMatch(key -> key.contains(state));
    }

    @AfterEach
    void mend() {
        bucket.dropBucket(false);
        bucket.refuseCredentials(false);
        Eventually.see(this::readiness, ready -> ready.status() == 200);
    }

    private Api.Answer readiness() {
        return Api.owner().get("/q/health/ready");
    }

    private Tf tf() {
        return new Tf("/tf/v1/states/" + state, "anyone", LarderTestResource.OWNER_TOKEN);
    }

    /** Too large for a row, however well it is compressed. */
    private static String large(int serial) {
        String filler = new Random(serial)
                .ints(20_000, 'a', 'z' + 1)
                .mapToObj(Character::toString)
                .collect(Collectors.joining());
        return Tf.state(serial).replace("test://x", filler);
    }

    private void is(int status, String code) {
        Answer tool = tf().get();
        assertThat(tool.status()).as(tool.toString()).isEqualTo(status);
        assertThat(tool.code()).isEqualTo(code);
        Api.Answer person = Api.owner().get("/api/v1/states/" + state + "/versions/1");
        assertThat(person.status()).as(person.toString()).isEqualTo(status);
    }

    @Test
    void a_body_object_that_was_deleted_is_a_fault_of_the_server() {
        bucket.keys().stream().filter(key -> key.contains(state)).forEach(bucket::drop);

        is(500, "state_body_missing");
    }

    @Test
    void a_bucket_that_was_dropped_is_misconfigured_and_takes_the_server_out_of_traffic() {
        bucket.dropBucket(true);

        is(503, "store_misconfigured");
        Api.Answer down = Eventually.see(this::readiness, ready -> ready.status() == 503);
        assertThat(down.toString())
                .contains("object-store", "store_misconfigured")
                .doesNotContain(S3Stub.SECRET);
    }

    @Test
    void wrong_credentials_are_a_bad_gateway_and_take_the_server_out_of_traffic() {
        bucket.refuseCredentials(true);

        is(502, "store_authentication_failed");
        Api.Answer down = Eventually.see(this::readiness, ready -> ready.status() == 503);
        assertThat(down.toString()).contains("authentication_failed").doesNotContain(S3Stub.ACCESS_KEY);
    }

    @Test
    void a_bucket_that_is_back_gives_the_body_again() {
        bucket.dropBucket(true);
        is(503, "store_misconfigured");
        bucket.dropBucket(false);

        assertThat(tf().get().text()).isEqualTo(large(1));
    }

    @Test
    void an_upload_that_the_bucket_does_not_take_is_answered_so_that_the_tool_tries_again() {
        bucket.dropBucket(true);

        Answer refused = tf().post(LOCK, large(2));

        assertThat(refused.status()).isEqualTo(503);
        assertThat(refused.code()).isEqualTo("store_misconfigured");
        bucket.dropBucket(false);
        assertThat(tf().post(LOCK, large(2)).status()).isEqualTo(200);
    }
}
