package dev.larder.events;

import static dev.larder.testing.Stock.NOON;
import static dev.larder.testing.Stock.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.database.CleanupType.Slice;
import dev.larder.testing.CanIgnoreReturnValue;
import dev.larder.testing.CleanupTypes;
import dev.larder.testing.Eventually;
import dev.larder.testing.OpenTransaction;
import dev.larder.testing.Stock;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.SqlClient;
import io.vertx.mutiny.sqlclient.Tuple;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Followers see every event of their partition once and in order (decision 0035). {@code -Dlarder.events=1000000}
 * is how many transactions append to them at least, and holds the time from commit to follower to 50 ms;
 * {@code -Dlarder.events.followers=1000} is how many follow, and {@code -Dlarder.events.per-second=500} how many
 * transactions begin in a second. Without it producers are as fast as they can.
 */
@Timeout(3_600)
class EventFeedTest {

    private static final Long SOAK = Long.getLong("larder.events");
    private static final int EVENTS = SOAK == null ? 10_000 : Math.toIntExact(SOAK);
    private static final int FOLLOWERS = Integer.getInteger("larder.events.followers", 40);
    private static final long NANOS_EACH = 1_000_000_000L / Integer.getInteger("larder.events.per-second", 1_000_000);
    private static final int PRODUCERS = 20;
    private static final int PARTITIONS = 20;
    private static final double P99_MILLIS = 50;

    private final Stock stock = new Stock();
    private final List<Partition> partitions = workspaces();
    private final Latency latency = new Latency(EVENTS / 2);
    private final Node here = new Node(stock.database);
    private Node there = new Node(stock.database);

    private List<Partition> workspaces() {
        UUID preset = stock.declare("small", PARTITIONS);
        stock.create(preset, PARTITIONS);
        return stock.take(PARTITIONS).stream()
                .map(job -> Partition.workspace(job.workspaceId()))
                .sorted((one, other) -> one.subject().compareTo(other.subject()))
                .toList();
    }

    @AfterEach
    void stop() {
        here.close();
        there.close();
        stock.close();
    }

    private static Uni<Long> appending(SqlClient client, Partition partition, Instant at, JsonObject data) {
        return client.preparedQuery("SELECT append_event('workspace', $1, 'test.happened', $2, $3) AS seq")
                .execute(Tuple.of(partition.subject(), at.atOffset(ZoneOffset.UTC), data))
                .map(rows -> rows.iterator().next().getLong("seq"));
    }

    @CanIgnoreReturnValue
    private long append(Partition partition) {
        long seq = await(appending(stock.pool, partition, NOON, new JsonObject()));
        here.wake();
        return seq;
    }

    private void append(Partition partition, int count) {
        for (int i = 0; i < count; i++) {
            append(partition);
        }
    }

    private static void sees(Reader reader, long last) {
        Eventually.see(reader::last, seen -> seen == last);
        assertThat(reader.faults()).isEmpty();
    }

    @Test
    void an_event_reaches_followers_of_its_partition_in_every_process_and_no_others() {
        Reader own = here.follow(partitions.get(0), 0);
        Reader elsewhere = there.follow(partitions.get(0), 0);
        Reader other = there.follow(partitions.get(1), 0);

        append(partitions.get(0), 3);
        append(partitions.get(1), 1);

        sees(own, 3);
        sees(elsewhere, 3);
        sees(other, 1);
    }

    @Test
    void a_follower_that_resumes_sees_the_events_after_its_number() {
        append(partitions.get(0), 500);

        Reader reader = there.follow(partitions.get(0), 123);
        sees(reader, 500);
        append(partitions.get(0));

        sees(reader, 501);
        assertThat(reader.events()).isEqualTo(378);
    }

    @Test
    void a_transaction_that_began_first_and_commits_last_is_not_missed() {
        Partition slow = partitions.get(0);
        Partition quick = partitions.get(1);
        Reader reader = there.follow(slow, 0);
        Reader beside = there.follow(quick, 0);
        append(slow);
        sees(reader, 1);
        try (OpenTransaction open = new OpenTransaction(stock)) {
            long seq = await(appending(open.pool(), slow, NOON, new JsonObject()));
            append(quick, 5);
            sees(beside, 5);

            open.commits();
            here.wake();

            sees(reader, seq);
        }
    }

    /** The number is only taken once the other has committed or not, so numbers have no gaps. */
    @Test
    void an_event_that_is_rolled_back_leaves_no_gap() {
        Reader reader = there.follow(partitions.get(0), 0);
        try (OpenTransaction open = new OpenTransaction(stock)) {
            long seq = await(appending(open.pool(), partitions.get(0), NOON, new JsonObject()));
            assertThat(seq).isEqualTo(1);
            open.rollsBack();
        }

        append(partitions.get(0), 2);

        sees(reader, 2);
    }

    @Test
    void more_events_than_one_look_reads_arrive_all() {
        Reader reader = there.follow(partitions.get(0), 0);
        append(partitions.get(0));
        sees(reader, 1);
        for (int i = 0; i < 12; i++) {
            stock.sql(
                    "SELECT append_event('workspace', $1, 'test.happened', now(), '{}') FROM generate_series(1, 250)",
                    partitions.get(0).subject());
        }

        here.wake();

        sees(reader, 3_001);
    }

    @Test
    void a_follower_whose_next_event_was_removed_is_told_the_oldest_there_is() {
        append(partitions.get(0), 10);
        stock.sql(
                "DELETE FROM events WHERE subject = $1 AND seq <= 7",
                partitions.get(0).subject());

        Reader reader = there.follow(partitions.get(0), 2);

        sees(reader, 10);
        assertThat(reader.resets()).isEqualTo(1);
        assertThat(reader.events()).isEqualTo(3);
    }

    @Test
    void events_of_a_database_that_was_restored_elsewhere_are_not_taken_for_new_ones() {
        Reader reader = there.follow(partitions.get(0), 0);
        append(partitions.get(0), 3);
        sees(reader, 3);
        stock.sql("UPDATE events SET tx = '1000000000000'");

        append(partitions.get(0));

        sees(reader, 4);
        EventReads.Position now = await(there.reads.now());
        assertThat(await(there.reads.since(now, List.of(partitions.get(0).subject()), 100))
                        .events())
                .isEmpty();

        assertThat(CleanupTypes.run(stock, "events", 2).deleted()).isZero();
        assertThat(stock.count("events WHERE tx > pg_current_xact_id()")).isZero();
    }

    @Test
    void a_thousand_followers_cost_no_more_statements_than_one() {
        Partition followed = partitions.get(0);
        List<Reader> readers = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            readers.add(there.follow(followed, 0));
        }
        append(followed);
        readers.forEach(reader -> sees(reader, 1));
        long before = there.statements.get();

        append(followed, 200);
        readers.forEach(reader -> sees(reader, 201));

        // A look sees one event or several. There may be one more for each notification that came between.
        assertThat(there.statements.get() - before).isBetween(1L, 450L);
        assertThat(stock.count("pg_stat_activity WHERE datname = current_database()"
                        + " AND (query LIKE 'LISTEN%' OR query = 'SELECT 1')"))
                .isEqualTo(2);
        readers.forEach(Reader::stop);
    }

    @Test
    void without_followers_no_statement_is_sent() {
        Reader reader = there.follow(partitions.get(0), 0);
        append(partitions.get(0));
        sees(reader, 1);
        reader.stop();
        append(partitions.get(0));
        Reader witness = here.follow(partitions.get(0), 0);
        sees(witness, 2);
        long before = there.statements.get();

        append(partitions.get(0), 20);

        sees(witness, 22);
        assertThat(there.statements).hasValue(before);
    }

    /** S17. */
    @Test
    void no_event_is_missed_or_told_twice_while_followers_and_servers_come_and_go_and_old_events_are_removed()
            throws Exception {
        AtomicInteger appended = new AtomicInteger();
        AtomicBoolean over = new AtomicBoolean();
        Duration took;
        Pool pool = stock.database.another(PRODUCERS);
        List<Crowd> crowd = new ArrayList<>();
        for (int i = 0; i < FOLLOWERS; i++) {
            crowd.add(new Crowd(partitions.get(i % PARTITIONS), i));
        }
        try (ExecutorService threads = Executors.newCachedThreadPool()) {
            List<Future<?>> producers = new ArrayList<>();
            CountDownLatch begun = new CountDownLatch(PRODUCERS);
            long start = System.nanoTime();
            for (int i = 0; i < PRODUCERS; i++) {
                Random random = new Random(i);
                producers.add(threads.submit(() -> {
                    begun.countDown();
                    int number;
                    while ((number = appended.getAndIncrement()) < EVENTS) {
                        LockSupport.parkNanos(start + number * NANOS_EACH - System.nanoTime());
                        produce(pool, random);
                    }
                }));
            }
            begun.await();
            Future<Long> cleanUp = threads.submit(() -> cleanUp(over));
            disturb(crowd, appended, producers);
            wait(producers);
            took = Duration.ofNanos(System.nanoTime() - start);
            over.set(true);
            assertThat(cleanUp.get()).isPositive();
        }

        here.wake();
        crowd.forEach(Crowd::settles);
        say(took);
        assertThat(crowd.stream().flatMap(one -> one.faults.stream())).isEmpty();
        assertThat(crowd.stream().mapToInt(one -> one.resets).sum()).isPositive();
        crowd.forEach(one -> one.reader.stop());
    }

    private static void wait(List<Future<?>> producers) throws InterruptedException, ExecutionException {
        for (Future<?> producer : producers) {
            producer.get();
        }
    }

    /** One transaction with one or two events; one in ten is rolled back. */
    private void produce(Pool pool, Random random) {
        int first = random.nextInt(PARTITIONS);
        int second = first + random.nextInt(PARTITIONS - first);
        boolean rolledBack = random.nextInt(10) == 0;
        boolean committed =
                await(pool.withTransaction(connection -> appendingTwo(connection, first, second, rolledBack))
                        .onFailure(CancellationException.class)
                        .recoverWithItem(false));
        if (committed) {
            (random.nextBoolean() ? here : there).wake();
        }
    }

    private Uni<Boolean> appendingTwo(SqlClient connection, int first, int second, boolean rolledBack) {
        return appended(connection, partitions.get(first))
                .chain(one -> second == first
                        ? Uni.createFrom().item(List.of(one))
                        : appended(connection, partitions.get(second)).map(two -> List.of(one, two)))
                .map(events -> {
                    if (rolledBack) {
                        throw new CancellationException();
                    }
                    events.forEach(latency::commits);
                    return true;
                });
    }

    private static Uni<Latency.Key> appended(SqlClient connection, Partition partition) {
        return appending(connection, partition, Instant.now(), new JsonObject())
                .map(seq -> new Latency.Key(partition, seq));
    }

    private Long cleanUp(AtomicBoolean over) {
        EventCleanupStore store = new EventCleanupStore();
        long removed = 0;
        while (!over.get()) {
            Instant now = Instant.now();
            Slice slice = new Slice(now, now.minusMillis(300), -1, null, 5_000);
            removed += await(stock.pool.withTransaction(transaction -> store.batch(transaction, slice)))
                    .deleted();
            LockSupport.parkNanos(50_000_000);
        }
        return removed;
    }

    /** Followers are killed and resumed, and one process is stopped and started, while events are appended. */
    private void disturb(List<Crowd> crowd, AtomicInteger appended, List<Future<?>> producers) {
        Random random = new Random(4711);
        int restarts = 0;
        int kills = 0;
        while (appended.get() < EVENTS && producers.stream().noneMatch(Future::isDone)) {
            crowd.get(random.nextInt(crowd.size())).resumes(random.nextBoolean() ? here : there, random);
            if (appended.get() > EVENTS / 4 * (restarts + 1) && restarts < 3) {
                restarts++;
                restart(crowd);
            }
            if (++kills % 20 == 0) {
                LockSupport.parkNanos(20_000_000);
            }
            LockSupport.parkNanos(SOAK == null ? 2_000_000 : 50_000_000);
        }
        assertThat(restarts).isPositive();
    }

    private void restart(List<Crowd> crowd) {
        Node old = there;
        there = new Node(stock.database);
        crowd.stream().filter(one -> one.at.equals(old)).forEach(one -> one.moves(there));
        old.close();
    }

    /** A client that follows a partition for ever, and connects again when its connection ends. */
    private final class Crowd {

        final Partition partition;
        final List<String> faults = new ArrayList<>();
        Node at;
        Reader reader;
        int resets;

        Crowd(Partition partition, int n) {
            this.partition = partition;
            at = n % 2 == 0 ? here : there;
            reader = follow(0);
        }

        private Reader follow(long after) {
            long since = System.nanoTime();
            return at.follow(partition, after, event -> latency.arrived(event, since));
        }

        /** At its last event, or at an earlier one, which it sees again with all that follow. */
        void resumes(Node next, Random random) {
            close();
            long last = reader.last();
            at = next;
            reader = follow(last == 0 || random.nextInt(3) > 0 ? last : random.nextLong(last));
        }

        void moves(Node next) {
            close();
            at = next;
            reader = follow(reader.last());
        }

        private void close() {
            reader.stop();
            faults.addAll(reader.faults());
            resets += reader.resets();
        }

        void settles() {
            long newest = stock.row("SELECT event_seq FROM workspaces WHERE id = $1", Tuple.of(partition.subject()))
                    .getLong("event_seq");
            Eventually.see(reader::last, seen -> seen == newest);
            faults.addAll(reader.faults());
            resets += reader.resets();
        }
    }

    private void say(Duration took) {
        double p99 = latency.percentile(99);
        int events = stock.integer(
                "SELECT sum(event_seq)::integer AS n FROM workspaces WHERE id = ANY ($1)",
                Tuple.of(partitions.stream().map(Partition::subject).toArray(UUID[]::new)));
        System.out.printf(
                "events=%d per second=%d followers=%d told=%d p50=%.1f ms p99=%.1f ms%n",
                events, events * 1000L / took.toMillis(), FOLLOWERS, latency.count(), latency.percentile(50), p99);
        if (SOAK != null) {
            assertThat(p99).isLessThan(P99_MILLIS);
        }
    }
}
