package dev.larder.objects;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.objects.ObjectStoreException.Reason;
import dev.larder.objects.S3Stub.Fault;
import dev.larder.testing.CanIgnoreReturnValue;
import io.smallrye.mutiny.Uni;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** S14: what each answer of a bucket, or its absence, is reduced to. */
class StoreFaultsTest {

    private static final Fault LOST = new Fault.DoneAndReset();
    private static final Fault SILENCE = new Fault.Silence();

    private final S3Stub stub = new S3Stub();
    private final S3ObjectStore store = stub.store("", 1 << 20);

    @AfterEach
    void close() {
        stub.close();
    }

    @CanIgnoreReturnValue
    private static <T> T await(Uni<T> call) {
        return call.await().atMost(Duration.ofSeconds(20));
    }

    private Uni<String> put(String key, String body) {
        return store.put(key, body.getBytes(StandardCharsets.UTF_8), Condition.absent(), UUID.randomUUID());
    }

    private static ObjectStoreException refusal(Uni<?> call) {
        try {
            throw new AssertionError("succeeded with " + await(call));
        } catch (ObjectStoreException refused) {
            return refused;
        }
    }

    private static Reason refused(Uni<?> call) {
        return refusal(call).reason();
    }

    /** So often that no repetition comes through. */
    private void always(String method, Fault fault) {
        stub.next(method, Collections.nCopies(12, fault).toArray(Fault[]::new));
    }

    @ParameterizedTest
    @CsvSource({
        "404, NoSuchKey, OBJECT_NOT_FOUND",
        "404, NoSuchBucket, STORE_MISCONFIGURED",
        "404, '', STORE_UNAVAILABLE",
        "404, Unheard, STORE_UNAVAILABLE",
        "403, AccessDenied, AUTHENTICATION_FAILED",
        "400, ExpiredToken, AUTHENTICATION_FAILED",
        "403, InvalidAccessKeyId, AUTHENTICATION_FAILED",
        "403, SignatureDoesNotMatch, AUTHENTICATION_FAILED",
        "403, RequestTimeTooSkewed, AUTHENTICATION_FAILED",
        "403, '', AUTHENTICATION_FAILED",
        "401, '', AUTHENTICATION_FAILED",
        "503, SlowDown, RATE_LIMITED",
        "429, '', RATE_LIMITED",
        "503, ServiceUnavailable, STORE_UNAVAILABLE",
        "503, '', STORE_UNAVAILABLE",
        "500, InternalError, STORE_UNAVAILABLE",
        "409, OperationAborted, STORE_UNAVAILABLE",
        "301, PermanentRedirect, STORE_MISCONFIGURED",
        "400, AuthorizationHeaderMalformed, STORE_MISCONFIGURED",
        "501, NotImplemented, STORE_MISCONFIGURED",
        "418, '', STORE_UNAVAILABLE"
    })
    void an_answer_to_a_read_a_list_or_a_deletion_has_one_meaning(int status, String code, Reason reason) {
        always("GET", S3Stub.answer(status, code));
        always("DELETE", S3Stub.answer(status, code));

        assertThat(refused(store.get("a"))).isEqualTo(reason);
        assertThat(refused(store.list("").collect().asList()))
                .isEqualTo(reason == Reason.OBJECT_NOT_FOUND ? Reason.OBJECT_NOT_FOUND : reason);
        if (reason != Reason.OBJECT_NOT_FOUND) {
            assertThat(refused(store.delete("a"))).isEqualTo(reason);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "412, PreconditionFailed, PRECONDITION_FAILED",
        "412, '', PRECONDITION_FAILED",
        "409, ConditionalRequestConflict, STORE_UNAVAILABLE",
        "404, NoSuchBucket, STORE_MISCONFIGURED",
        "403, AccessDenied, AUTHENTICATION_FAILED",
        "503, SlowDown, RATE_LIMITED",
        "500, InternalError, STORE_UNAVAILABLE",
        "400, EntityTooLarge, OBJECT_TOO_LARGE",
        "400, BadDigest, STORE_UNAVAILABLE"
    })
    void an_answer_to_a_write_has_one_meaning(int status, String code, Reason reason) {
        always("PUT", S3Stub.answer(status, code));

        assertThat(refused(put("a", "x"))).isEqualTo(reason);
        assertThat(stub.keys()).isEmpty();
    }

    /** HEAD has no body that could tell one absence from the other. */
    @Test
    void a_bare_404_to_head_is_an_absent_object_only_where_there_is_a_bucket() {
        assertThat(refused(store.head("a"))).isEqualTo(Reason.OBJECT_NOT_FOUND);

        stub.bucketIsThere = false;
        assertThat(refused(store.head("a"))).isEqualTo(Reason.STORE_MISCONFIGURED);
    }

    @Test
    void a_bare_403_to_head_is_a_refusal() {
        always("HEAD", S3Stub.answer(403, ""));

        assertThat(refused(store.head("a"))).isEqualTo(Reason.AUTHENTICATION_FAILED);
    }

    @Test
    void a_missing_bucket_is_never_a_missing_object() {
        stub.bucketIsThere = false;

        assertThat(refused(store.get("a"))).isEqualTo(Reason.STORE_MISCONFIGURED);
        assertThat(refused(put("a", "x"))).isEqualTo(Reason.STORE_MISCONFIGURED);
        assertThat(refused(store.delete("a"))).isEqualTo(Reason.STORE_MISCONFIGURED);
        assertThat(refused(store.list("").collect().asList())).isEqualTo(Reason.STORE_MISCONFIGURED);
    }

    @Test
    void wrong_credentials_are_a_refusal_and_neither_they_nor_the_words_of_the_store_are_told() {
        S3ObjectStore wrong = S3Stub.store(stub.settings("AKIAWRONG", Duration.ofSeconds(5)), "", 1 << 20);

        ObjectStoreException refused = refusal(wrong.get("a"));

        assertThat(refused.reason()).isEqualTo(Reason.AUTHENTICATION_FAILED);
        assertThat(refused)
                .hasMessage("GET a: the store answered 403 InvalidAccessKeyId")
                .hasNoCause();
        assertThat(refused(wrong.head("a"))).isEqualTo(Reason.AUTHENTICATION_FAILED);
    }

    @Test
    void what_passes_is_repeated() {
        stub.next("PUT", S3Stub.answer(409, "ConditionalRequestConflict"), S3Stub.answer(503, "SlowDown"));
        stub.next("GET", S3Stub.answer(500, "InternalError"), S3Stub.answer(503, ""));

        await(put("a", "x"));
        assertThat(await(store.get("a")).body()).isEqualTo(new byte[] {'x'});
        assertThat(stub.seen()).containsExactly("PUT", "PUT", "PUT", "GET", "GET", "GET");
    }

    @Test
    void what_does_not_pass_is_asked_once() {
        always("GET", S3Stub.answer(403, "AccessDenied"));

        assertThat(refused(store.get("a"))).isEqualTo(Reason.AUTHENTICATION_FAILED);
        assertThat(stub.seen()).containsExactly("GET");
    }

    @Test
    void a_write_whose_answer_was_lost_is_a_success() {
        stub.next("PUT", LOST);

        String etag = await(put("a", "x"));

        assertThat(stub.seen()).containsExactly("PUT", "PUT", "GET");
        assertThat(await(store.head("a")).etag()).isEqualTo(etag);
    }

    @Test
    void a_replacement_whose_answer_was_lost_is_a_success() {
        String first = await(put("a", "x"));
        stub.next("PUT", LOST);

        String second = await(store.put("a", new byte[] {'y'}, Condition.matches(first), UUID.randomUUID()));

        assertThat(second).isNotEqualTo(first);
        assertThat(await(store.get("a")).info().etag()).isEqualTo(second);
    }

    @Test
    void a_write_whose_answers_were_all_lost_is_a_success() {
        stub.next("PUT", LOST, LOST, LOST);

        assertThat(await(put("a", "x"))).isEqualTo(await(store.head("a")).etag());
    }

    @Test
    void another_writers_object_is_no_success() {
        await(put("a", "theirs"));
        stub.next("PUT", LOST);

        assertThat(refused(put("a", "ours"))).isEqualTo(Reason.PRECONDITION_FAILED);
        assertThat(new String(await(store.get("a")).body(), StandardCharsets.UTF_8))
                .isEqualTo("theirs");
    }

    @Test
    void a_refused_write_of_which_the_store_does_not_tell_whose_object_it_is_is_undecided() {
        stub.next("PUT", LOST);
        always("GET", S3Stub.answer(503, ""));

        assertThat(refused(put("a", "x"))).isEqualTo(Reason.STORE_UNAVAILABLE);
    }

    @Test
    void a_store_that_does_not_answer_is_given_up_after_its_time() {
        S3ObjectStore impatient = S3Stub.store(stub.settings(S3Stub.ACCESS_KEY, Duration.ofMillis(300)), "", 1 << 20);
        always("GET", SILENCE);
        always("PUT", SILENCE);
        always("HEAD", SILENCE);

        assertThat(refused(impatient.get("a"))).isEqualTo(Reason.STORE_UNAVAILABLE);
        assertThat(refused(impatient.head("a"))).isEqualTo(Reason.STORE_UNAVAILABLE);
        assertThat(refused(impatient.put("a", new byte[0], Condition.absent(), UUID.randomUUID())))
                .isEqualTo(Reason.STORE_UNAVAILABLE);
    }

    @Test
    void a_store_that_is_not_there_is_unavailable() {
        URI nowhere = stub.endpoint();
        stub.close();
        S3ObjectStore gone =
                S3Stub.store(BucketSettings.of(nowhere, "b", "k", "s", Duration.ofSeconds(5)), "", 1 << 20);

        assertThat(refused(gone.get("a"))).isEqualTo(Reason.STORE_UNAVAILABLE);
    }

    @Test
    void a_body_that_ends_in_the_middle_is_asked_for_again_and_is_never_a_body() {
        await(put("a", "a body of some length"));
        stub.next("GET", new Fault.Truncated());
        assertThat(new String(await(store.get("a")).body(), StandardCharsets.UTF_8))
                .isEqualTo("a body of some length");

        always("GET", new Fault.Truncated());
        assertThat(refused(store.get("a"))).isEqualTo(Reason.STORE_UNAVAILABLE);
    }

    @Test
    void a_body_with_a_bit_changed_is_damage() {
        await(put("a", "a body"));
        stub.next("GET", new Fault.Flipped());

        assertThat(refused(store.get("a"))).isEqualTo(Reason.OBJECT_DAMAGED);
    }

    @Test
    void an_object_that_larder_did_not_write_is_damage() {
        stub.put("short", new byte[] {1, 2, 3});
        stub.put("long", new byte[1_000]);
        stub.put("none", new byte[0]);

        for (String key : List.of("short", "long", "none")) {
            assertThat(refused(store.get(key))).as(key).isEqualTo(Reason.OBJECT_DAMAGED);
            assertThat(refused(put(key, "x"))).as(key).isEqualTo(Reason.PRECONDITION_FAILED);
        }
    }

    @Test
    void an_object_larger_than_the_bound_is_not_read() {
        stub.put("large", new byte[(1 << 20) + Frame.BYTES + 1]);

        assertThat(refused(store.get("large"))).isEqualTo(Reason.OBJECT_TOO_LARGE);
    }

    @Test
    void credentials_that_are_nowhere_to_be_found_are_a_refusal() {
        Throwable none = new java.util.concurrent.CompletionException(
                new ObjectStoreException(Reason.AUTHENTICATION_FAILED, "none"));

        assertThat(S3Faults.of("GET a", none).reason()).isEqualTo(Reason.AUTHENTICATION_FAILED);
        assertThatThrownBy(() -> Frame.body("a", new byte[0])).isInstanceOf(ObjectStoreException.class);
    }
}
