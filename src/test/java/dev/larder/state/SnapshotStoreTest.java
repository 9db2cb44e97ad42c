package dev.larder.state;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.http.PageRequest;
import dev.larder.state.Promotion.Result;
import dev.larder.state.Versions.Outputs;
import dev.larder.state.Versions.Reject;
import dev.larder.state.Versions.Version;
import dev.larder.testing.OpenTransaction;
import dev.larder.testing.Stock;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.SqlConnection;
import io.vertx.mutiny.sqlclient.Transaction;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.UUID;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** S3, S4 and S16 on PostgreSQL; invariants I1, I3, I4, I5, I7 and I8 of versions and rejects. */
class SnapshotStoreTest {

    private final Stock stock = new Stock();
    private final Given given = new Given(stock);
    private final UUID state = given.state();
    private final UUID owner = stock.owner.userId();

    @AfterEach
    void close() {
        stock.close();
    }

    @Test
    void an_accepted_upload_is_the_next_version_and_is_read_back_byte_for_byte() {
        UUID mutation = given.mutation(state);

        assertThat(given.put(state, mutation, Given.body(1))).isEqualTo(new Result.Promoted(1));
        assertThat(given.put(state, mutation, Given.body(5))).isEqualTo(new Result.Promoted(2));

        assertThat(given.read(state, 1)).isEqualTo(Given.body(1));
        assertThat(given.read(state, 2)).isEqualTo(Given.body(5));
        assertThat(given.look(state).version()).isEqualTo(2);
        assertThat(given.look(state).serial()).hasValue(5);
        assertThat(given.look(state).lineage()).isEqualTo(Given.LINEAGE);
        assertThat(given.look(state).status()).isEqualTo("in_flight");
        assertThat(given.mutationRow(mutation).getInteger("writes")).isEqualTo(2);
    }

    /** I4: another connection sees the version as soon as the upload is answered. */
    @Test
    void an_upload_is_answered_after_its_commit() {
        UUID mutation = given.mutation(state);
        for (long serial = 1; serial <= 5; serial++) {
            assertThat(given.put(state, mutation, Given.body(serial))).isEqualTo(new Result.Promoted(serial));
            assertThat(given.versions(state)).hasSize((int) serial);
        }
    }

    @Test
    void a_repeated_upload_is_one_version() {
        UUID mutation = given.mutation(state);

        assertThat(given.put(state, mutation, Given.body(1))).isEqualTo(new Result.Promoted(1));
        assertThat(given.put(state, mutation, Given.body(1))).isEqualTo(new Result.Same(1));
        given.end(mutation, "reliable");
        assertThat(given.put(state, mutation, Given.body(1))).isEqualTo(new Result.Same(1));

        assertThat(given.versions(state)).containsExactly(1L);
        assertThat(given.rejects(state)).isEmpty();
    }

    /** S3, I1, I5: with the same serial, and with a serial each. */
    @Test
    void of_32_uploads_on_one_base_one_is_promoted_and_31_are_rejected() {
        UUID mutation = given.mutation(state);

        List<Result> results = race(
                mutation,
                IntStream.range(0, 32)
                        .mapToObj(i -> Given.body(1, Given.LINEAGE, "writer " + i))
                        .toList());

        assertThat(results).filteredOn(Result.Promoted.class::isInstance).containsExactly(new Result.Promoted(1));
        assertThat(results)
                .filteredOn(Result.Rejected.class::isInstance)
                .hasSize(31)
                .allMatch(result -> ((Result.Rejected) result).code().equals("serial_conflict"));
        assertThat(given.versions(state)).containsExactly(1L);
        assertThat(given.rejects(state)).hasSize(VersionStore.REJECTS_MAX);
        assertThat(given.mutationRow(mutation).getInteger("failed_writes")).isPositive();
    }

    @Test
    void of_32_equal_uploads_one_is_promoted_and_31_are_the_same() {
        UUID mutation = given.mutation(state);

        List<Result> results = race(
                mutation, IntStream.range(0, 32).mapToObj(i -> Given.body(1)).toList());

        assertThat(results).filteredOn(Result.Promoted.class::isInstance).hasSize(1);
        assertThat(results).filteredOn(new Result.Same(1)::equals).hasSize(31);
        assertThat(given.rejects(state)).isEmpty();
    }

    @Test
    void versions_are_contiguous_and_serials_rise_however_uploads_race() {
        UUID mutation = given.mutation(state);

        List<Result> results = race(
                mutation, IntStream.rangeClosed(1, 32).mapToObj(Given::body).toList());

        long promoted =
                results.stream().filter(Result.Promoted.class::isInstance).count();
        assertThat(promoted).isPositive();
        assertThat(given.versions(state))
                .containsExactlyElementsOf(
                        LongStream.rangeClosed(1, promoted).boxed().toList());
        assertThat(given.longs("SELECT serial AS n FROM state_versions WHERE state_id = $1 ORDER BY version", state))
                .isSorted();
        assertThat(results)
                .filteredOn(Result.Rejected.class::isInstance)
                .extracting(result -> ((Result.Rejected) result).code())
                .isSubsetOf("serial_regression", "write_conflict");
    }

    /** S4: 16 writers, each with so many increments; all 50 with {@code -Dlarder.state.increments=50}. */
    @Test
    void of_16_writers_that_read_again_after_a_conflict_no_increment_is_lost() {
        int increments = Integer.getInteger("larder.state.increments", 5);
        UUID mutation = given.mutation(state);
        given.put(state, mutation, Given.body(1, Given.LINEAGE, "0 by no writer"));

        List<Uni<Integer>> writers = IntStream.range(0, 16)
                .mapToObj(writer -> incremented(mutation, writer, increments))
                .toList();
        var done = Uni.join().all(writers).andFailFast().await().atMost(Duration.ofMinutes(5));

        long version = given.look(state).version();
        assertThat(done).containsOnly(0);
        assertThat(counter(given.read(state, version))).isEqualTo(16 * increments);
        assertThat(version).isEqualTo(16L * increments + 1);
    }

    private Uni<Integer> incremented(UUID mutation, int writer, int left) {
        return left == 0
                ? Uni.createFrom().item(0)
                : increment(mutation, writer)
                        .chain(written -> incremented(mutation, writer, written ? left - 1 : left));
    }

    private Uni<Boolean> increment(UUID mutation, int writer) {
        return given.states.find(state).chain(head -> {
            long version = head.orElseThrow().version();
            return given.states.read(state, version).chain(body -> {
                int next = counter(new String(body.bytes(), StandardCharsets.UTF_8)) + 1;
                String text = Given.body(version + 1, Given.LINEAGE, next + " by " + writer);
                return given.states.put(Given.upload(state, mutation, text)).map(Result.Promoted.class::isInstance);
            });
        });
    }

    private static int counter(String body) {
        return Integer.parseInt(body.replaceAll("(?s).*\"url\": \\{\"value\": \"([0-9]+) by .*", "$1"));
    }

    private List<Result> race(UUID mutation, List<String> bodies) {
        List<Uni<Result>> uploads = bodies.stream()
                .map(body -> given.states.put(Given.upload(state, mutation, body)))
                .toList();
        return await(Uni.join().all(uploads).andFailFast());
    }

    /** Each is the right one for itself; without the condition in the statement, all of them would be promoted. */
    @Test
    void of_uploads_that_name_the_same_current_version_one_is_promoted_and_the_others_are_kept() {
        UUID mutation = given.mutation(state);
        given.put(state, mutation, Given.body(1));
        List<Uni<Result>> uploads = LongStream.rangeClosed(2, 9)
                .mapToObj(serial -> given.states.put(Given.onVersion(state, mutation, 1, Given.body(serial))))
                .toList();

        List<Result> results = await(Uni.join().all(uploads).andFailFast());

        assertThat(given.versions(state)).containsExactly(1L, 2L);
        assertThat(results).filteredOn(new Result.Promoted(2)::equals).hasSize(1);
        assertThat(results)
                .filteredOn(Result.Rejected.class::isInstance)
                .hasSize(7)
                .allSatisfy(result -> {
                    assertThat(((Result.Rejected) result).code()).isEqualTo("version_conflict");
                    assertThat(((Result.Rejected) result).current()).isEqualTo(2);
                });
    }

    /** The other writer's statement is between this one's look at the version and its own statement. */
    @Test
    void a_writer_that_passes_between_the_look_and_the_statement_is_seen() {
        UUID mutation = given.mutation(state);
        given.put(state, mutation, Given.body(1));
        try (OpenTransaction passing = new OpenTransaction(stock)) {
            passing.does("UPDATE states SET current_version = 2, serial = 2 WHERE id = $1", state);
            var upload = given.states
                    .put(Given.onVersion(state, mutation, 1, Given.body(9)))
                    .subscribeAsCompletionStage();
            passing.isWaitedForBy(1);
            passing.commits();

            assertThat(upload.join()).isInstanceOfSatisfying(Result.Rejected.class, rejected -> {
                assertThat(rejected.code()).isEqualTo("version_conflict");
                assertThat(rejected.current()).isEqualTo(2);
            });
        }
        assertThat(given.look(state).version()).isEqualTo(2);
        assertThat(given.rejects(state)).containsExactly("version_conflict");
    }

    @Test
    void an_acknowledgement_that_names_a_version_is_of_that_version_alone() {
        UUID written = given.written(Given.body(1));
        stock.sql("UPDATE states SET status = 'unreliable', status_reason = 'worker_lost' WHERE id = $1", written);

        assertThat(problem(given.states.acknowledge(written, OptionalLong.of(7), owner, "looked")))
                .isEqualTo("version_conflict");
        assertThat(await(given.states.acknowledge(written, OptionalLong.of(1), owner, "looked")))
                .isEqualTo(new Result.Promoted(2));
    }

    /** A newer tool writes it: what it lists cannot be counted, and which outputs are secret cannot be told. */
    @Test
    void a_state_of_another_format_is_kept_byte_for_byte_and_neither_promoted_nor_read() {
        UUID mutation = given.mutation(state);
        String next = Given.body(1).replace("\"version\": 4", "\"version\": 5");

        Result result = given.put(state, mutation, next);

        assertThat(result).isInstanceOfSatisfying(Result.Rejected.class, rejected -> {
            assertThat(rejected.code()).isEqualTo("unsupported_state_format");
            assertThat(rejected.detail()).contains("format 5");
            assertThat(await(given.states.reject(rejected.reject())).bytes()).isEqualTo(bytes(next));
            given.end(mutation, "unreliable");
            assertThat(problem(given.states.promote(rejected.reject(), owner))).isEqualTo("unsupported_state_format");
        });
        assertThat(given.look(state).version()).isZero();
        assertThat(StateOutputs.of(1, bytes(next)).outputs()).isEmpty();
        assertThat(StateOutputs.of(1, bytes(next)).readable()).isFalse();
    }

    /** I5, I7, S8. */
    @Test
    void an_upload_without_the_right_to_write_is_kept_as_a_reject_and_changes_nothing() {
        UUID earlier = given.mutation(state);
        given.end(earlier, "reliable");
        UUID open = given.mutation(state);
        UUID elsewhere = given.mutation(given.state());

        assertThat(code(Given.upload(state, Optional.empty(), bytes(Given.body(1)))))
                .isEqualTo("mutation_required");
        assertThat(code(Given.upload(state, earlier, Given.body(2)))).isEqualTo("mutation_superseded");
        assertThat(code(Given.upload(state, elsewhere, Given.body(3)))).isEqualTo("mutation_superseded");
        assertThat(code(Given.upload(state, UUID.randomUUID(), Given.body(4)))).isEqualTo("mutation_superseded");
        assertThat(code(fenced(open, 1))).isEqualTo("mutation_superseded");

        assertThat(given.look(state).version()).isZero();
        assertThat(given.rejects(state)).hasSize(5);
        assertThat(await(given.states.put(fenced(open, 2)))).isEqualTo(new Result.Promoted(1));
    }

    private Upload fenced(UUID mutation, long fence) {
        return new Upload(
                state,
                Optional.of(mutation),
                OptionalLong.of(fence),
                bytes(Given.body(9)),
                Given.JSON,
                Upload.Conditions.NONE,
                Optional.empty());
    }

    @Test
    void a_mutation_whose_lease_has_ended_writes_nothing_unless_a_lock_is_held() {
        UUID leased = given.mutation(state);
        UUID other = given.state();
        UUID locked = given.mutation(other);
        stock.sql("UPDATE state_mutations SET lock_id = 'x' WHERE id = $1", locked);
        given.after(Duration.ofHours(1));

        assertThat(code(Given.upload(state, leased, Given.body(1)))).isEqualTo("mutation_superseded");
        assertThat(given.put(other, locked, Given.body(1))).isEqualTo(new Result.Promoted(1));
    }

    /** S13, the half that is known here. */
    @Test
    void a_failed_write_is_outstanding_until_the_next_accepted_one() {
        UUID mutation = given.mutation(state);
        given.put(state, mutation, Given.body(3));

        assertThat(code(Given.upload(state, mutation, Given.body(2)))).isEqualTo("serial_regression");
        assertThat(code(Given.upload(state, mutation, "{}"))).isEqualTo("malformed_state");
        assertThat(given.mutationRow(mutation).getInteger("failed_writes")).isEqualTo(2);

        given.put(state, mutation, Given.body(4));
        assertThat(given.mutationRow(mutation).getInteger("failed_writes")).isZero();
    }

    @Test
    void a_body_with_another_md5_than_was_sent_is_kept_as_a_reject() {
        UUID mutation = given.mutation(state);
        Upload damaged = new Upload(
                state,
                Optional.of(mutation),
                OptionalLong.empty(),
                bytes(Given.body(1)),
                Given.JSON,
                new Upload.Conditions(Optional.of(new byte[16]), OptionalLong.empty(), true),
                Optional.of(owner));

        assertThat(code(damaged)).isEqualTo("md5_mismatch");
        assertThat(given.rejects(state)).containsExactly("md5_mismatch");
    }

    @Test
    void a_body_above_the_limit_is_a_reject_and_one_above_the_hard_limit_is_not_kept() {
        Given small = new Given(stock, "", new Vault.Sizes(2_000, 4_000));
        UUID mutation = given.mutation(state);
        String padded = Given.body(1, Given.LINEAGE, "x".repeat(2_000));

        assertThat(small.put(state, mutation, padded))
                .isInstanceOfSatisfying(
                        Result.Rejected.class,
                        rejected -> assertThat(rejected.code()).isEqualTo("state_too_large"));
        assertThatThrownBy(() -> small.put(state, mutation, Given.body(1, Given.LINEAGE, "x".repeat(4_000))))
                .isInstanceOfSatisfying(
                        StateProblemException.class,
                        refused -> assertThat(refused.code()).isEqualTo("state_too_large"));
        assertThat(given.rejects(state)).containsExactly("state_too_large");
    }

    @Test
    void the_last_five_rejects_are_kept_and_a_repeated_one_drives_none_out() {
        UUID mutation = given.mutation(state);
        given.put(state, mutation, Given.body(100));
        for (int serial = 1; serial <= 7; serial++) {
            given.put(state, mutation, Given.body(serial));
            given.after(Duration.ofMillis(1));
        }
        for (int again = 0; again < 7; again++) {
            given.put(state, mutation, Given.body(7));
        }

        assertThat(given.longs("SELECT serial AS n FROM state_rejects WHERE state_id = $1 ORDER BY id", state))
                .containsExactly(3L, 4L, 5L, 6L, 7L);
    }

    @Test
    void a_reject_that_another_upload_is_driving_out_is_not_waited_for() {
        UUID mutation = given.mutation(state);
        given.put(state, mutation, Given.body(100));
        for (int serial = 1; serial <= 5; serial++) {
            given.put(state, mutation, Given.body(serial));
            given.after(Duration.ofMillis(1));
        }
        SqlConnection other = stock.pool.getConnectionAndAwait();
        Transaction driving = other.beginAndAwait();
        RowSet<Row> held = other.query("SELECT id FROM state_rejects WHERE serial = 1 FOR UPDATE")
                .executeAndAwait();

        given.put(state, mutation, Given.body(6));

        assertThat(held).hasSize(1);
        assertThat(given.rejects(state)).hasSize(6);
        driving.rollbackAndAwait();
        other.closeAndAwait();
        given.after(Duration.ofMillis(1));
        given.put(state, mutation, Given.body(7));
        assertThat(given.longs("SELECT serial AS n FROM state_rejects WHERE state_id = $1 ORDER BY id", state))
                .containsExactly(3L, 4L, 5L, 6L, 7L);
    }

    @Test
    void uploads_without_a_lock_drive_out_no_reject_of_a_writer() {
        UUID mutation = given.mutation(state);
        given.put(state, mutation, Given.body(100));
        given.put(state, mutation, Given.body(1));
        for (int serial = 200; serial < 207; serial++) {
            given.after(Duration.ofMillis(1));
            var refused = slow(given.states.put(
                    Given.upload(state, Optional.empty(), Given.body(serial).getBytes(StandardCharsets.UTF_8))));
        }

        assertThat(given.longs("SELECT serial AS n FROM state_rejects WHERE state_id = $1 ORDER BY id", state))
                .containsExactly(1L, 202L, 203L, 204L, 205L, 206L);
    }

    @Test
    void a_body_of_32_mebibytes_comes_back_as_it_was_and_one_that_cannot_be_compressed_too() {
        Given large = new Given(stock, "", new Vault.Sizes(32 * 1024 * 1024, 64 * 1024 * 1024));
        UUID mutation = given.mutation(state);
        byte[] compressible = padded(1, 32 * 1024 * 1024, false);
        byte[] random = padded(2, 6 * 1024 * 1024, true);

        assertThat(slow(large.states.put(Given.upload(state, Optional.of(mutation), compressible))))
                .isEqualTo(new Result.Promoted(1));
        assertThat(slow(large.states.put(Given.upload(state, Optional.of(mutation), random))))
                .isEqualTo(new Result.Promoted(2));

        assertThat(Arrays.equals(slow(large.states.read(state, 1)).bytes(), compressible))
                .isTrue();
        assertThat(Arrays.equals(slow(large.states.read(state, 2)).bytes(), random))
                .isTrue();
        assertThat(given.longs(
                        "SELECT length(body)::bigint AS n FROM state_versions WHERE state_id = $1 ORDER BY version",
                        state))
                .satisfiesExactly(
                        small -> assertThat(small).isLessThan(1_000_000L),
                        most -> assertThat(most).isGreaterThan(4_000_000L));
    }

    private static <T> T slow(Uni<T> uni) {
        return uni.await().atMost(Duration.ofMinutes(2));
    }

    /** Exactly so many bytes. */
    private static byte[] padded(long serial, int size, boolean random) {
        byte[] letters = new byte[size * 3 / 4];
        if (random) {
            new Random(serial).nextBytes(letters);
        }
        String begin = "{\"version\":4,\"serial\":%d,\"lineage\":\"%s\",\"x\":\"".formatted(serial, Given.LINEAGE);
        String text = begin + Base64.getEncoder().encodeToString(letters);
        return bytes(text.substring(0, size - 2) + "\"}");
    }

    @Test
    void versions_and_rejects_are_listed_newest_first_in_pages() {
        UUID mutation = given.mutation(state);
        for (int serial = 1; serial <= 5; serial++) {
            given.put(state, mutation, Given.body(serial));
        }
        given.put(state, mutation, Given.body(1));

        var first = await(given.states.versions(state, PageRequest.of("2", null)));
        var second = await(given.states.versions(state, PageRequest.of("2", first.next())));
        var third = await(given.states.versions(state, PageRequest.of("2", second.next())));

        assertThat(first.items()).extracting(Version::version).containsExactly(5L, 4L);
        assertThat(first.items()).extracting(Version::kind).containsOnly("intermediate");
        assertThat(second.items()).extracting(Version::version).containsExactly(3L, 2L);
        assertThat(third.items()).extracting(Version::version).containsExactly(1L);
        assertThat(third.next()).isNull();
        Version version = first.items().getFirst();
        assertThat(version.managed()).hasValue(1);
        assertThat(version.tool()).isEqualTo("1.11.4");
        assertThat(version.content().size()).isEqualTo(Given.body(5).length());
        assertThat(await(given.states.rejects(state, PageRequest.of(null, null)))
                        .items())
                .extracting(Reject::reason)
                .containsExactly("serial_regression");
    }

    @Test
    void a_restore_is_a_new_version_and_makes_the_state_reliable() {
        UUID written = given.written(Given.body(1), Given.body(2));
        UUID lost = given.mutation(written);
        given.end(lost, "unreliable");
        assertThat(given.status(written)).isEqualTo("unreliable(worker_lost)");
        long fence = given.look(written).fence();

        assertThat(await(given.states.restore(written, 1, owner, "2 is wrong"))).isEqualTo(new Result.Promoted(3));

        assertThat(given.read(written, 3)).isEqualTo(Given.body(1));
        assertThat(given.status(written)).isEqualTo("reliable");
        assertThat(given.look(written).reliableVersion()).isEqualTo(3);
        assertThat(given.look(written).serial()).hasValue(1);
        assertThat(given.look(written).fence()).isEqualTo(fence + 1);
        assertThat(stock.count("audit WHERE action = 'state.restore' AND detail ->> 'reason' = '2 is wrong'"))
                .isEqualTo(1);
        UUID next = given.mutation(written);
        assertThat(given.put(written, next, Given.body(2, Given.LINEAGE, "after")))
                .isEqualTo(new Result.Promoted(4));
    }

    @Test
    void an_acknowledgement_is_a_new_version_with_the_same_bytes() {
        UUID written = given.written(Given.body(1));
        given.end(given.mutation(written), "unreliable");

        assertThat(await(given.states.acknowledge(written, OptionalLong.empty(), owner, "looked")))
                .isEqualTo(new Result.Promoted(2));
        assertThat(await(given.states.acknowledge(written, OptionalLong.empty(), owner, "again")))
                .isEqualTo(new Result.Same(2));

        assertThat(given.status(written)).isEqualTo("reliable");
        assertThat(given.read(written, 2)).isEqualTo(Given.body(1));
        assertThat(stock.count("audit WHERE action = 'state.acknowledge'")).isEqualTo(1);
    }

    @Test
    void a_state_that_was_never_written_is_acknowledged_without_a_version() {
        given.end(given.mutation(state), "unreliable");

        assertThat(await(given.states.acknowledge(state, OptionalLong.empty(), owner, "nothing was built")))
                .isEqualTo(new Result.Promoted(0));

        assertThat(given.status(state)).isEqualTo("reliable");
        assertThat(given.versions(state)).isEmpty();
    }

    @Test
    void a_promoted_reject_is_the_current_version_and_no_reject_any_more() {
        UUID written = given.written(Given.body(5));
        UUID mutation = given.mutation(written);
        var rejected = (Result.Rejected) given.put(written, mutation, Given.body(5, Given.LINEAGE, "rescued"));
        var malformed = (Result.Rejected) given.put(written, mutation, "{}");
        given.end(mutation, "unreliable");

        assertThat(await(given.states.promote(rejected.reject(), owner))).isEqualTo(new Result.Promoted(2));

        assertThat(given.read(written, 2)).contains("rescued");
        assertThat(given.status(written)).isEqualTo("reliable");
        assertThat(given.rejects(written)).containsExactly("malformed_state");
        assertThat(problem(given.states.promote(malformed.reject(), owner))).isEqualTo("malformed_state");
        assertThat(problem(given.states.promote(rejected.reject(), owner))).isEqualTo("reject_not_found");
    }

    @Test
    void nothing_is_restored_while_a_mutation_is_open_or_after_the_end() {
        UUID written = given.written(Given.body(1));
        UUID mutation = given.mutation(written);

        assertThat(problem(given.states.restore(written, 1, owner, "x"))).isEqualTo("mutation_in_progress");
        assertThat(problem(given.states.acknowledge(written, OptionalLong.empty(), owner, "x")))
                .isEqualTo("mutation_in_progress");
        given.end(mutation, "reliable");
        assertThat(problem(given.states.restore(written, 7, owner, "x"))).isEqualTo("version_not_found");
        assertThat(problem(given.states.restore(UUID.randomUUID(), 1, owner, "x")))
                .isEqualTo("state_not_found");
        stock.sql("UPDATE states SET status = 'tombstoned', tombstoned_at = now() WHERE id = $1", written);
        assertThat(problem(given.states.restore(written, 1, owner, "x"))).isEqualTo("state_tombstoned");
        assertThat(given.versions(written)).containsExactly(1L);
    }

    @Test
    void of_several_restores_at_once_each_is_a_version_of_its_own_or_is_refused() {
        UUID written = given.written(Given.body(1), Given.body(2));

        List<String> results = await(Uni.join()
                .all(IntStream.range(0, 8)
                        .mapToObj(i -> given.states
                                .restore(written, 1, owner, "x")
                                .map(result -> "restored")
                                .onFailure(StateProblemException.class)
                                .recoverWithItem(refused -> ((StateProblemException) refused).code()))
                        .toList())
                .andFailFast());

        long restored = results.stream().filter("restored"::equals).count();
        assertThat(results).contains("restored").isSubsetOf("restored", "mutation_in_progress");
        assertThat(given.versions(written))
                .containsExactlyElementsOf(
                        LongStream.rangeClosed(1, 2 + restored).boxed().toList());
    }

    @Test
    void a_restore_is_told_to_the_workspace_too() {
        UUID workspace = stock.ready(stock.declare("small", 1), 1).getFirst();
        UUID written = given.written(Given.body(1));
        stock.sql(
                "UPDATE states SET name = NULL, owner_id = NULL, workspace_id = $2 WHERE id = $1", written, workspace);
        given.end(given.mutation(written), "unreliable");
        stock.sql(
                "UPDATE workspaces SET state_status = 'unreliable', state_reason = 'worker_lost', state_since = now()"
                        + " WHERE id = $1",
                workspace);

        await(given.states.restore(written, 1, owner, "x"));

        assertThat(stock.count("workspaces WHERE state_status = 'reliable' AND state_reason IS NULL"))
                .isEqualTo(1);
        assertThat(await(given.states.ofWorkspace(workspace)).map(Snapshot::state))
                .contains(written);
    }

    @Test
    void outputs_are_those_of_the_current_version_and_say_which_are_sensitive() {
        UUID written = given.written(Given.body(1), Given.body(2));

        Outputs outputs = await(given.states.outputs(written));

        assertThat(outputs.version()).isEqualTo(2);
        assertThat(outputs.readable()).isTrue();
        assertThat(outputs.outputs().get("url").value().textValue()).isEqualTo("v2");
        assertThat(outputs.outputs().get("url").sensitive()).isFalse();
        assertThat(outputs.outputs().get("password").sensitive()).isTrue();
        assertThat(await(given.states.outputs(state)).outputs()).isEmpty();
    }

    @Test
    void a_state_that_the_client_has_encrypted_has_versions_and_no_readable_outputs() {
        UUID mutation = given.mutation(state);
        String encrypted =
                "{\"serial\":3,\"lineage\":\"x\",\"meta\":{},\"encrypted_data\":\"abc\",\"encryption_version\":\"v0\"}";

        assertThat(given.put(state, mutation, encrypted)).isEqualTo(new Result.Promoted(1));

        assertThat(await(given.states.outputs(state))).satisfies(outputs -> {
            assertThat(outputs.readable()).isFalse();
            assertThat(outputs.outputs()).isEmpty();
        });
        Version version = await(given.states.versions(state, PageRequest.of(null, null)))
                .items()
                .getFirst();
        assertThat(version.clientEncrypted()).isTrue();
        assertThat(version.managed()).isEmpty();
    }

    private String code(Upload upload) {
        Result result = await(given.states.put(upload));
        return result instanceof Result.Rejected rejected ? rejected.code() : result.toString();
    }

    private static String problem(Uni<Result> call) {
        return await(call.map(Result::toString)
                .onFailure(StateProblemException.class)
                .recoverWithItem(refused -> ((StateProblemException) refused).code()));
    }

    private static byte[] bytes(String body) {
        return body.getBytes(StandardCharsets.UTF_8);
    }
}
