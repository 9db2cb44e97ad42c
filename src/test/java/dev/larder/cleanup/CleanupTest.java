package dev.larder.cleanup;

import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.cleanup.Cleanups.Begun;
import dev.larder.database.CleanupType;
import dev.larder.database.Rows;
import dev.larder.http.PageRequest;
import dev.larder.model.Ids;
import dev.larder.model.MisconfiguredException;
import dev.larder.testing.CleanupTypes;
import dev.larder.testing.Eventually;
import dev.larder.testing.Stock;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.SqlClient;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** S19: how operations begin, count, end and are taken up again. */
class CleanupTest {

    private static final Duration YEARS = Duration.ofDays(800);

    private final Stock stock = new Stock();

    @AfterEach
    void close() {
        stock.close();
    }

    /** Entries of the audit log, two years old. */
    private void old(int count) {
        Ids then = new Ids(() -> stock.clock.instant().minus(YEARS));
        UUID[] entries = new UUID[count];
        for (int i = 0; i < count; i++) {
            entries[i] = then.next();
        }
        stock.sql(
                "INSERT INTO audit (id, at, actor_id, action) SELECT id, $2, $3, 'old' FROM unnest($1::uuid[]) AS e(id)",
                entries,
                Rows.utc(stock.clock.instant().minus(YEARS)),
                stock.owner.userId());
    }

    private int old() {
        return stock.count("audit WHERE action = 'old'");
    }

    /** The audit's type, with something that happens inside a batch after its rows were deleted. */
    private static final class Disturbed implements CleanupType {

        private final CleanupType audit = CleanupTypes.named("audit");
        private final AtomicInteger batches = new AtomicInteger();
        private final BiFunction<Integer, SqlClient, Uni<Void>> meanwhile;
        private final int last;

        /** @param meanwhile is told the number of the batch, from 1, and its transaction */
        Disturbed(BiFunction<Integer, SqlClient, Uni<Void>> meanwhile) {
            this(meanwhile, Integer.MAX_VALUE);
        }

        private Disturbed(BiFunction<Integer, SqlClient, Uni<Void>> meanwhile, int last) {
            this.meanwhile = meanwhile;
            this.last = last;
        }

        /** Deletes the rows of this batch and commits nothing any more, as a process that is killed then. */
        static Disturbed killedIn(int last) {
            return new Disturbed(
                    (batch, transaction) ->
                            batch < last ? nothing() : Uni.createFrom().nothing(),
                    last);
        }

        @Override
        public String name() {
            return audit.name();
        }

        @Override
        public Retention retention() {
            return audit.retention();
        }

        @Override
        public List<String> tables() {
            return audit.tables();
        }

        @Override
        public Uni<Batch> batch(SqlClient transaction, Slice slice) {
            int number = batches.incrementAndGet();
            return number > last
                    ? Uni.createFrom().nothing()
                    : audit.batch(transaction, slice).call(() -> meanwhile.apply(number, transaction));
        }

        @Override
        public Uni<Optional<Instant>> oldest(SqlClient client) {
            return audit.oldest(client);
        }
    }

    private static Uni<Void> nothing() {
        return Uni.createFrom().voidItem();
    }

    private Cleaning process(CleanupType type) {
        return new Cleaning(stock, stock.database.another(2), List.of(type), Map.of());
    }

    @Test
    void an_operation_removes_what_is_past_its_retention_in_batches_and_counts_it() {
        old(2_500);
        int young = stock.count("audit WHERE action <> 'old'");

        Operation done = new Cleaning(stock).clean("audit");

        assertThat(done.status()).isEqualTo("completed");
        assertThat(done.counts().deleted()).isEqualTo(2_500);
        assertThat(done.counts().examined()).isEqualTo(2_500);
        assertThat(done.counts().bytes()).isGreaterThan(2_500 * 40);
        assertThat(done.requestedBy()).isEqualTo(stock.owner.userId());
        assertThat(old()).isZero();
        assertThat(stock.count("audit")).isEqualTo(young + 1);
        assertThat(stock.count("audit WHERE action = 'cleanup.begin' AND detail ->> 'type' = 'audit'"))
                .isEqualTo(1);
    }

    @Test
    void of_two_that_begin_at_once_one_runs_and_the_other_is_told_which() {
        Cleaning other = new Cleaning(stock);
        Operation running =
                await(other.store.begin("audit", stock.clock.instant())).orElseThrow();

        Begun begun = await(new Cleaning(stock).cleanups.begin("audit", stock.owner.userId()));

        assertThat(begun)
                .isInstanceOfSatisfying(
                        Begun.Busy.class,
                        busy -> assertThat(busy.running())
                                .isNotNull()
                                .extracting(Operation::id)
                                .isEqualTo(running.id()));
        assertThat(new Cleaning(stock).clean("claims").status()).isEqualTo("completed");
        assertThat(await(new Cleaning(stock).cleanups.begin("nothing", stock.owner.userId())))
                .isInstanceOf(Begun.UnknownType.class);
    }

    @Test
    void an_operation_whose_process_was_killed_is_abandoned_after_five_minutes_and_its_work_taken_up_again() {
        old(3_500);
        Cleaning killed = process(Disturbed.killedIn(3));
        Operation lost = killed.begun("audit");
        Eventually.see(() -> killed.find(lost).orElseThrow().counts().deleted(), deleted -> deleted == 2_000);
        Eventually.see(this::idle, holds -> holds == 1);
        stock.sql("SELECT pg_terminate_backend(pid) FROM " + IDLE);
        Eventually.see(this::unlocked, rows -> rows == 1_500);
        Cleaning next = new Cleaning(stock);

        stock.clock.forward(Duration.ofMinutes(5));
        await(next.cleanups.look());
        assertThat(next.find(lost).orElseThrow().status()).isEqualTo("running");
        stock.clock.forward(Duration.ofSeconds(1));
        await(next.cleanups.look());

        Operation abandoned = next.find(lost).orElseThrow();
        assertThat(abandoned.status()).isEqualTo("failed");
        assertThat(abandoned.errorCode()).isEqualTo("abandoned");
        assertThat(abandoned.counts().deleted()).isEqualTo(2_000);
        Operation taken =
                Eventually.see(() -> latest(next), seen -> seen.status().equals("completed"));
        assertThat(taken.id()).isNotEqualTo(lost.id());
        assertThat(taken.requestedBy()).isNull();
        assertThat(taken.counts().deleted()).isEqualTo(1_500);
        assertThat(old()).isZero();
    }

    private int unlocked() {
        return stock.count("(SELECT FROM audit WHERE action = 'old' FOR UPDATE SKIP LOCKED) free");
    }

    /** A living process is idle in a transaction as well, for a moment between two statements. */
    private static final String IDLE =
            "pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'"
                    + " AND state_change < clock_timestamp() - interval '500 ms'";

    private int idle() {
        return stock.count(IDLE);
    }

    private static Operation latest(Cleaning process) {
        return await(process.cleanups.list(Optional.of("audit"), PageRequest.of("1", null)))
                .items()
                .getFirst();
    }

    @Test
    void a_batch_whose_connection_was_killed_is_done_again_and_counted_once() {
        old(2_500);
        Cleaning process = process(new Disturbed((batch, transaction) -> batch == 2
                ? transaction
                        .query("SELECT pg_terminate_backend(pg_backend_pid())")
                        .execute()
                        .replaceWithVoid()
                : nothing()));

        Operation done = process.clean("audit");

        assertThat(done.status()).isEqualTo("completed");
        assertThat(done.counts().deleted()).isEqualTo(2_500);
        assertThat(old()).isZero();
    }

    @Test
    void a_batch_of_an_operation_that_was_abandoned_meanwhile_removes_nothing() {
        old(2_500);
        Cleaning frozen = process(new Disturbed((batch, transaction) -> batch == 2 ? abandonAll() : nothing()));

        Operation abandoned = frozen.clean("audit");

        assertThat(abandoned.errorCode()).isEqualTo("abandoned");
        Eventually.see(this::idle, holds -> holds == 0);
        assertThat(abandoned.counts().deleted()).isEqualTo(1_000);
        assertThat(old()).isEqualTo(1_500);
    }

    private Uni<Void> abandonAll() {
        return stock.pool
                .query("UPDATE cleanup_operations SET status = 'failed', error_code = 'abandoned', ended_at = now()")
                .execute()
                .replaceWithVoid();
    }

    @Test
    void a_canceled_operation_removes_no_more_and_a_cancel_is_idempotent() {
        old(2_500);
        Cleaning process = process(new Disturbed((batch, transaction) -> batch == 1
                ? Uni.createFrom().voidItem().onItem().delayIt().until(unused -> cancelRunning())
                : nothing()));

        Operation canceled = process.clean("audit");

        assertThat(canceled.status()).isEqualTo("failed");
        assertThat(canceled.errorCode()).isEqualTo("canceled");
        assertThat(old()).isEqualTo(2_500);
        assertThat(await(process.cleanups.cancel(canceled.id(), stock.owner.userId())))
                .contains(canceled);
        assertThat(await(process.cleanups.cancel(UUID.randomUUID(), stock.owner.userId())))
                .isEmpty();
        assertThat(stock.count("audit WHERE action = 'cleanup.cancel'")).isEqualTo(1);
    }

    private Uni<Void> cancelRunning() {
        Cleaning person = new Cleaning(stock);
        return person.store
                .running("audit")
                .chain(running -> person.cleanups.cancel(running.orElseThrow().id(), stock.owner.userId()))
                .replaceWithVoid();
    }

    @Test
    void an_operation_fails_when_its_batches_fail_again_and_again_and_leaves_the_others_alone() {
        old(10);
        Cleaning process = process(new Disturbed((batch, transaction) ->
                transaction.query("SELECT 1 / 0").execute().replaceWithVoid()));

        Operation failed = process.clean("audit");

        assertThat(failed.errorCode()).isEqualTo("batches_failed");
        assertThat(failed.counts().deleted()).isZero();
        assertThat(old()).isEqualTo(10);
        assertThat(new Cleaning(stock).clean("audit").counts().deleted()).isEqualTo(10);
    }

    @Test
    void a_process_that_stops_leaves_its_operations_to_the_others() {
        old(10);
        Cleaning stopping = process(new Disturbed((batch, transaction) -> nothing()));
        await(stopping.cleanups.stop());
        Operation left = stopping.begun("audit");
        await(stopping.cleanups.stop());

        assertThat(stopping.find(left).orElseThrow().errorCode()).isEqualTo("interrupted");
        // Ids of one millisecond have no order.
        stock.clock.forward(Duration.ofMillis(1));
        Cleaning next = new Cleaning(stock);
        await(next.cleanups.look());
        assertThat(Eventually.see(() -> latest(next), seen -> seen.status().equals("completed"))
                        .counts()
                        .deleted())
                .isEqualTo(10);
    }

    @Test
    void a_type_begins_on_schedule_once_in_its_interval_whichever_process_looks() {
        Cleaning one = process(CleanupTypes.named("audit"));
        Cleaning two = process(CleanupTypes.named("audit"));

        Uni.join()
                .all(one.cleanups.look(), two.cleanups.look())
                .andFailFast()
                .await()
                .atMost(Duration.ofSeconds(20));
        Eventually.see(() -> latest(one), seen -> seen.status().equals("completed"));
        stock.clock.forward(Duration.ofMinutes(59));
        await(two.cleanups.look());
        assertThat(stock.count("cleanup_operations")).isEqualTo(1);
        stock.clock.forward(Duration.ofMinutes(2));
        await(two.cleanups.look());
        assertThat(stock.count("cleanup_operations")).isEqualTo(2);
    }

    @Test
    void a_type_whose_interval_is_zero_begins_on_request_only() {
        old(1);
        Cleaning process = new Cleaning(
                stock, stock.pool, List.of(CleanupTypes.named("audit")), Map.of("larder.cleanup.audit.interval", "0s"));

        await(process.cleanups.look());
        assertThat(stock.count("cleanup_operations")).isZero();
        assertThat(process.clean("audit").counts().deleted()).isEqualTo(1);
    }

    @Test
    void the_last_fifty_operations_of_each_type_are_kept_and_those_that_run() {
        Cleaning process = new Cleaning(stock);
        Operation running =
                await(process.store.begin("claims", stock.clock.instant())).orElseThrow();
        stock.sql("""
                INSERT INTO cleanup_operations (id, type, status, started_at, heartbeat_at, ended_at)
                SELECT ('0192e4a0-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid, CASE WHEN i % 2 = 0 THEN 'audit' ELSE 'claims' END,
                       'completed', now(), now(), now() FROM generate_series(1, 140) i""");

        Operation done = process.clean("cleanup_operations");

        assertThat(done.counts().deleted()).isEqualTo(20 + 21);
        assertThat(stock.count("cleanup_operations WHERE type = 'audit'")).isEqualTo(50);
        assertThat(stock.count("cleanup_operations WHERE type = 'claims'")).isEqualTo(50);
        assertThat(process.find(running)).isPresent();
    }

    @Test
    void a_setting_that_a_type_cannot_keep_is_refused_by_its_name() {
        for (var refused : Map.of(
                        "larder.cleanup.claims.keep-for", "23h",
                        "larder.cleanup.audit.interval", "-1s",
                        "larder.cleanup.audit.keep-for", "soon",
                        "larder.cleanup.state-versions.keep-newest", "-1",
                        "larder.cleanup.state-rejects.keep-newest", "many")
                .entrySet()) {
            CleanupSettings settings =
                    Cleaning.settings(CleanupTypes.ALL, Map.of(refused.getKey(), refused.getValue()));

            assertThatThrownBy(settings::refuseUnusable)
                    .isInstanceOf(MisconfiguredException.class)
                    .hasMessageContaining(refused.getKey());
        }
        Cleaning.settings(CleanupTypes.ALL, Map.of("larder.cleanup.claims.keep-for", "24h"))
                .refuseUnusable();
    }

    @Test
    void an_operation_tells_its_begin_and_its_end_and_one_that_does_not_begin_tells_nothing() {
        old(3);
        Cleaning cleaning = new Cleaning(stock);
        Instant now = stock.clock.instant();
        Operation running = await(cleaning.store.begin("tokens", now)).orElseThrow();
        assertThat(await(cleaning.store.begin("tokens", now))).isEmpty();

        Operation ended = cleaning.clean("audit");
        assertThat(await(cleaning.store.cancel(running.id(), stock.owner.userId(), now)))
                .isPresent();
        assertThat(await(cleaning.store.cancel(running.id(), stock.owner.userId(), now)))
                .isPresent();

        assertThat(told("subject = '%s'".formatted(ended.id())))
                .containsExactly("1 cleanup.begun audit 0", "2 cleanup.completed audit 3");
        assertThat(told("subject <> '%s'".formatted(ended.id())))
                .containsExactly("1 cleanup.begun tokens 0", "2 cleanup.failed tokens 0");
    }

    private List<String> told(String condition) {
        return Rows.list(
                await(stock.pool
                        .query("SELECT seq, type, data FROM events WHERE kind = 'cleanup' AND %s ORDER BY seq"
                                .formatted(condition))
                        .execute()),
                row -> {
                    var data = (JsonObject) row.getJson("data");
                    return "%d %s %s %d"
                            .formatted(
                                    row.getLong("seq"),
                                    row.getString("type"),
                                    data.getString("type"),
                                    data.getLong("deleted"));
                });
    }
}
