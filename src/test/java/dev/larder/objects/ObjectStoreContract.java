package dev.larder.objects;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.objects.ObjectStoreException.Reason;
import dev.larder.testing.CanIgnoreReturnValue;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** S15: what every store of objects does alike. */
abstract class ObjectStoreContract {

    static final int BYTES_MAX = 33 << 20;

    /** An empty one, with bodies of up to {@link #BYTES_MAX} bytes. */
    abstract ObjectStore store();

    @CanIgnoreReturnValue
    final String put(String key, String body, Condition condition) {
        return put(key, body, condition, UUID.randomUUID());
    }

    @CanIgnoreReturnValue
    private String put(String key, String body, Condition condition, UUID writer) {
        return await(store().put(key, bytes(body), condition, writer));
    }

    private Reason refused(Uni<?> call) {
        try {
            return failed("succeeded with " + await(call));
        } catch (ObjectStoreException refused) {
            return refused.reason();
        }
    }

    private Reason refused(String key, String body, Condition condition) {
        return refused(store().put(key, bytes(body), condition, UUID.randomUUID()));
    }

    private static Reason failed(String why) {
        throw new AssertionError(why);
    }

    private String read(String key) {
        return new String(await(store().get(key)).body(), StandardCharsets.UTF_8);
    }

    private List<String> keys(String prefix) {
        return await(store().list(prefix).map(ObjectInfo::key).collect().asList());
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @CanIgnoreReturnValue
    static <T> T await(Uni<T> call) {
        return call.await().atMost(java.time.Duration.ofMinutes(1));
    }

    @Test
    void an_object_is_read_back_with_its_size_and_the_etag_that_its_writer_got() {
        String etag = put("a/b", "hello", Condition.absent());

        StoredObject stored = await(store().get("a/b"));

        assertThat(stored.body()).isEqualTo(bytes("hello"));
        assertThat(stored.info().key()).isEqualTo("a/b");
        assertThat(stored.info().size()).isEqualTo(5);
        assertThat(stored.info().etag()).isEqualTo(etag).startsWith("\"").endsWith("\"");
        assertThat(await(store().head("a/b"))).isEqualTo(stored.info());
    }

    @Test
    void an_object_is_created_once() {
        put("once", "first", Condition.absent());

        assertThat(refused("once", "second", Condition.absent())).isEqualTo(Reason.PRECONDITION_FAILED);
        assertThat(refused("once", "first", Condition.absent())).isEqualTo(Reason.PRECONDITION_FAILED);
        assertThat(read("once")).isEqualTo("first");
    }

    @Test
    void a_stale_etag_does_not_pass() {
        String first = put("stale", "a", Condition.absent());
        String second = put("stale", "b", Condition.matches(first));

        assertThat(second).isNotEqualTo(first);
        assertThat(refused("stale", "c", Condition.matches(first))).isEqualTo(Reason.PRECONDITION_FAILED);
        assertThat(read("stale")).isEqualTo("b");
        put("stale", "c", Condition.matches(second));
        assertThat(read("stale")).isEqualTo("c");
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"foreign\"", "\"1\"", "1", "*", "\"d41d8cd98f00b204e9800998ecf8427e\""})
    void an_etag_of_another_make_does_not_pass(String etag) {
        put("foreign", "a", Condition.absent());
        put("foreign", "b", Condition.matches(await(store().head("foreign")).etag()));

        assertThat(refused("foreign", "c", Condition.matches(etag))).isEqualTo(Reason.PRECONDITION_FAILED);
        assertThat(read("foreign")).isEqualTo("b");
    }

    @Test
    void an_etag_on_an_absent_object_writes_nothing() {
        String etag = put("gone", "a", Condition.absent());
        await(store().delete("gone"));

        assertThat(refused("gone", "b", Condition.matches(etag))).isEqualTo(Reason.OBJECT_NOT_FOUND);
        assertThat(refused("never", "b", Condition.matches(etag))).isEqualTo(Reason.OBJECT_NOT_FOUND);
        assertThat(keys("")).isEmpty();
    }

    @Test
    void a_body_that_comes_back_does_not_bring_its_etag_back() {
        String first = put("aba", "A", Condition.absent());
        String second = put("aba", "B", Condition.matches(first));
        String third = put("aba", "A", Condition.matches(second));

        assertThat(third).isNotEqualTo(first);
        assertThat(refused("aba", "C", Condition.matches(first))).isEqualTo(Reason.PRECONDITION_FAILED);

        await(store().delete("aba"));
        put("aba", "A", Condition.absent());
        assertThat(refused("aba", "C", Condition.matches(third))).isEqualTo(Reason.PRECONDITION_FAILED);
    }

    @Test
    void a_writer_that_repeats_its_write_is_told_of_its_success() {
        UUID writer = UUID.randomUUID();
        String first = put("repeated", "a", Condition.absent(), writer);
        assertThat(put("repeated", "a", Condition.absent(), writer)).isEqualTo(first);

        UUID other = UUID.randomUUID();
        String second = put("repeated", "b", Condition.matches(first), other);
        assertThat(put("repeated", "b", Condition.matches(first), other)).isEqualTo(second);

        assertThat(refused(store().put("repeated", bytes("a"), Condition.absent(), writer)))
                .isEqualTo(Reason.PRECONDITION_FAILED);
        assertThat(read("repeated")).isEqualTo("b");
    }

    @Test
    void a_failed_condition_tells_the_etag_that_the_object_has() {
        String etag = put("told", "a", Condition.absent());

        assertThatThrownBy(() -> put("told", "b", Condition.absent()))
                .isInstanceOfSatisfying(
                        ObjectStoreException.class,
                        failed -> assertThat(failed.etag()).contains(etag));
    }

    @Test
    void an_absent_object_is_not_found_and_can_be_deleted_again_and_again() {
        assertThat(refused(store().get("absent"))).isEqualTo(Reason.OBJECT_NOT_FOUND);
        assertThat(refused(store().head("absent"))).isEqualTo(Reason.OBJECT_NOT_FOUND);
        put("deleted", "a", Condition.absent());

        await(store().delete("deleted"));
        await(store().delete("deleted"));
        await(store().delete("absent"));

        assertThat(refused(store().get("deleted"))).isEqualTo(Reason.OBJECT_NOT_FOUND);
        put("deleted", "b", Condition.absent());
        assertThat(read("deleted")).isEqualTo("b");
    }

    @Test
    void more_than_a_thousand_objects_are_listed_each_once() {
        List<String> made = IntStream.range(0, 2_001).mapToObj(i -> "many/" + i).toList();
        await(Multi.createFrom()
                .iterable(made)
                .onItem()
                .transformToUni(key -> store().put(key, bytes("x"), Condition.absent(), UUID.randomUUID()))
                .merge(16)
                .collect()
                .asList());

        assertThat(keys("many/")).containsExactlyInAnyOrderElementsOf(made);
        assertThat(keys("many/199"))
                .containsExactlyInAnyOrder(
                        "many/199",
                        "many/1990",
                        "many/1991",
                        "many/1992",
                        "many/1993",
                        "many/1994",
                        "many/1995",
                        "many/1996",
                        "many/1997",
                        "many/1998",
                        "many/1999");
        assertThat(await(store().list("many/").select().first(3).collect().asList()))
                .hasSize(3);
    }

    @Test
    void a_list_is_in_the_order_of_bytes_and_goes_on_after_a_key() {
        List<String> ordered = List.of("p/+", "p/-", "p/1", "p/10", "p/2", "p/A", "p/a", "p/ä", "p/日", "p/🙂");
        List.of(3, 9, 0, 7, 1, 8, 4, 2, 6, 5).forEach(i -> put(ordered.get(i), "x", Condition.absent()));
        put("q", "x", Condition.absent());

        assertThat(keys("p/")).containsExactlyElementsOf(ordered);
        for (int i = 0; i < ordered.size(); i++) {
            assertThat(await(store().list("p/", ordered.get(i))
                            .map(ObjectInfo::key)
                            .collect()
                            .asList()))
                    .containsExactlyElementsOf(ordered.subList(i + 1, ordered.size()));
        }
        assertThat(await(store().list("p/", "z").collect().asList())).isEmpty();
        assertThat(await(store().list("p/", "p/15")
                        .map(ObjectInfo::key)
                        .collect()
                        .first()))
                .isEqualTo("p/2");
    }

    static final List<String> ODD = List.of(
            "with space",
            "plus+and%20percent%",
            "umlaut-ä/€/日本/🙂",
            "a/b/c//d",
            "_%_\\like[a-z]*?",
            "quote'\"<&>",
            "tilde~!@#$^()=;:,{}|`",
            "ends/",
            ".hidden/..dots",
            "x".repeat(900));

    @Test
    void odd_keys_are_kept_as_they_are_given() {
        for (String key : oddKeys()) {
            put(key, key, Condition.absent());
        }

        for (String key : oddKeys()) {
            assertThat(read(key)).isEqualTo(key);
            assertThat(await(store().head(key)).size()).isEqualTo(bytes(key).length);
            assertThat(refused(key, "again", Condition.absent())).isEqualTo(Reason.PRECONDITION_FAILED);
        }
        assertThat(keys("")).containsExactlyInAnyOrderElementsOf(oddKeys());
        oddKeys().forEach(key -> await(store().delete(key)));
        assertThat(keys("")).isEmpty();
    }

    /** A store on a file system cannot keep all of them. */
    List<String> oddKeys() {
        return ODD;
    }

    @ParameterizedTest
    @ValueSource(strings = {"with space", "plus+", "umlaut-ä/", "_%_", "quote'\"<", "tilde~!@#$^(", "x"})
    void a_prefix_is_taken_literally(String prefix) {
        put(prefix + "1", "a", Condition.absent());
        put(prefix + "2/3", "b", Condition.absent());
        put("~" + prefix, "c", Condition.absent());
        put("ANYTHING", "d", Condition.absent());

        assertThat(keys(prefix)).containsExactlyInAnyOrder(prefix + "1", prefix + "2/3");
        assertThat(keys(prefix + "4")).isEmpty();
        assertThat(keys("")).hasSize(4);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a\nb", "a\u0000b", "half \uD83D of a pair"})
    void a_key_that_not_every_store_keeps_is_refused(String key) {
        assertThatThrownBy(() -> await(store().get(key))).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> put(key, "a", Condition.absent())).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> await(store().delete(key))).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void bodies_of_no_byte_and_of_32_mib_are_kept() {
        byte[] large = new byte[32 << 20];
        new Random(7).nextBytes(large);
        await(store().put("empty", new byte[0], Condition.absent(), UUID.randomUUID()));
        await(store().put("large", large, Condition.absent(), UUID.randomUUID()));

        assertThat(await(store().get("empty")).body()).isEmpty();
        assertThat(await(store().head("empty")).size()).isZero();
        assertThat(Arrays.equals(await(store().get("large")).body(), large)).isTrue();
        assertThat(await(store().head("large")).size()).isEqualTo(large.length);
    }

    @Test
    void a_body_of_the_bound_is_kept_and_one_byte_more_is_refused() {
        await(store().put("bound", new byte[BYTES_MAX], Condition.absent(), UUID.randomUUID()));

        assertThat(refused(store().put("more", new byte[BYTES_MAX + 1], Condition.absent(), UUID.randomUUID())))
                .isEqualTo(Reason.OBJECT_TOO_LARGE);
        assertThat(keys("")).containsExactly("bound");
    }

    @Test
    void of_16_creators_one_wins() {
        for (int round = 0; round < 10; round++) {
            String key = "race/" + round;
            assertThat(winners(key, Condition.absent())).isOne();
        }
    }

    @Test
    void of_16_writers_on_one_etag_one_wins() {
        String etag = put("race", "start", Condition.absent());
        for (int round = 0; round < 10; round++) {
            assertThat(winners("race", Condition.matches(etag))).isOne();
            etag = await(store().head("race")).etag();
        }
    }

    private long winners(String key, Condition condition) {
        List<Uni<Boolean>> writers = IntStream.range(0, 16)
                .mapToObj(i -> store().put(key, bytes("writer " + i), condition, UUID.randomUUID())
                        .map(etag -> true)
                        .onFailure(failure -> failure instanceof ObjectStoreException refused
                                && refused.reason() == Reason.PRECONDITION_FAILED)
                        .recoverWithItem(false))
                .toList();
        return await(Uni.join().all(writers).andFailFast()).stream()
                .filter(won -> won)
                .count();
    }
}
